"""Tabs of one browser that test after test is lent: to open one takes longer than most of what is done in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, Page

_OURS = ("http://127.0.0.1:", "ws://127.0.0.1:", "blob:", "data:", "about:")
_PATIENCE = 120_000  # ms: a page may be loaded while other tests take all the processor time there is
_Key = tuple[tuple[str, str], ...]
Opener = Callable[..., Page]


class Tabs:
    """Lends tabs, each as good as a new visitor's, and takes them back.

    What a page of a test asks another machine for, and what fails in JavaScript, is noted in ``troubles``. Requests
    are watched and not routed, because with a route the browser keeps nothing it has loaded.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: dict[_Key, list[Page]] = defaultdict(list)
        self._lent: list[tuple[Page, dict[str, Any]]] = []
        self.troubles: list[str] = []

    def take(self, **options: Any) -> Page:
        """A tab of a context with these options of Playwright's.

        ``script`` is JavaScript of ours that runs in this tab before anything of a page does.
        """
        free = self._free[_key(options)]
        page = free.pop() if free else self._open(**options)
        self._lent.append((page, options))
        return page

    def take_back(self) -> None:
        """Leaves what the lent tabs show, and nothing in them of the visitor who was there."""
        for page, options in self._lent:
            if page.url.startswith("http"):
                page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
            page.goto("about:blank")
            page.context.clear_cookies()
            page.set_viewport_size(options["viewport"])
            page.emulate_media(
                media="null",
                color_scheme=options.get("color_scheme", "light"),
                reduced_motion=options.get("reduced_motion", "no-preference"),
            )
            page.mouse.move(0, 0)
            self._free[_key(options)].append(page)
        self._lent.clear()

    def _open(self, script: str = "", **options: Any) -> Page:
        context = self._browser.new_context(**options)
        context.set_default_navigation_timeout(_PATIENCE)
        if script:
            context.add_init_script(script)
        context.on("request", lambda request: self._asked(request.url))
        page = context.new_page()
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        return page

    def _asked(self, address: str) -> None:
        if not address.startswith(_OURS):
            self.troubles.append(address)


def _key(options: dict[str, Any]) -> _Key:
    return tuple(sorted((name, str(value)) for name, value in options.items()))
