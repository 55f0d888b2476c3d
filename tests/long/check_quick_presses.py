"""Keys pressed faster than the server answers: in the end the sliders, the address, the page and its CSV agree.

Every control is found by its role and its name, in the row of sizes or in the drawer, which is opened first.
"""

from __future__ import annotations

import csv
import io
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlencode, urlsplit

from playwright.sync_api import Browser, Page

from engine import Trace, decode, run
from pages.ui.state.settings import Settings, from_query
from tests.browser.conftest import WIDE
from tests.browser.settings_bar import link, open_drawer
from tests.long.registry import Case, long_check

_PAGES = ("", "walkthrough", "attention", "decoding")
_STARTS = (
    {},
    {"weights": "random"},
    {"weights": "random", "reads": "tokens"},
    {"weights": "random", "heads": "6", "d_model": "48"},
)
_SIZES = {
    "H heads": "heads",
    "d_model": "d_model",
    "d_ff": "d_ff",
    "Encoder layers": "encoder_layers",
    "Decoder layers": "decoder_layers",
    "B batch": "batch",
    "S source length": "src_len",
    "T target length": "tgt_len",
}
_SCORES = "encoder.layers.0.self_attention.scores"
_PATIENCE = 150  # looks before what does not agree is a fault
_LOOK = 100  # ms between looks


@long_check(cases=100, browser=True, share=100)
@contextmanager
def quick_presses(browser: Browser, app: str) -> Iterator[Case]:
    """Random keys on random sliders of random pages, 20 to 150 ms apart, beside a process that takes what it can."""
    # Beside other tests there are such processes already.
    busy = None if "PYTEST_XDIST_WORKER" in os.environ else subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield lambda draws: _case(browser, app, draws)
    finally:
        if busy is not None:
            busy.kill()
            busy.wait()


def _case(browser: Browser, address: str, draws: random.Random) -> None:
    where, start = draws.choice(_PAGES), draws.choice(_STARTS)
    context = browser.new_context(viewport=WIDE, accept_downloads=True)
    try:
        page = context.new_page()
        step = {"step": _SCORES} if where in ("", "walkthrough") else {}
        page.goto(f"{address}/{where}?{urlencode(start | step)}")
        _slider(page, "H heads").wait_for(timeout=60_000)
        _settle(page)
        open_drawer(page)
        names = [name for name in _SIZES if _slider(page, name).count()]
        pressed = _press(page, draws, names)
        told = f"/{where} {start}, {pressed}"
        trouble = _until_right(page, where)
        assert not trouble, f"{told}: {trouble}"
        trouble = _exported(page)
        assert not trouble, f"{told}: {trouble}"
    finally:
        context.close()


def _slider(page: Page, name: str):
    return page.get_by_role("slider", name=name, exact=True)


def _settle(page: Page) -> None:
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=60_000)


def _press(page: Page, draws: random.Random, names: list[str]) -> str:
    """Presses arrow keys on one to three of these sliders; what was pressed, in words."""
    chosen = draws.sample(names, k=min(len(names), draws.choice((1, 1, 2, 3))))
    said = []
    for name in (draws.choice(chosen) for _ in range(draws.randint(1, 4))):
        keys = draws.choices(("ArrowRight", "ArrowLeft"), weights=draws.choice(((4, 1), (1, 4), (1, 1))), k=4)
        _slider(page, name).focus()
        for key in keys:
            page.keyboard.press(key)
            # Not a wait for anything: the pace of the presses is what is tried here.
            page.wait_for_timeout(draws.uniform(20, 150))
        said.append(f"{name} {''.join('+' if key == 'ArrowRight' else '-' for key in keys)}")
    return ", ".join(said)


def _until_right(page: Page, where: str) -> str:
    """What does not agree on the page, once it has been given the time to; nothing where all does."""
    trouble = ""
    for _ in range(_PATIENCE):
        _settle(page)
        trouble = _disagreement(page, where)
        if not trouble:
            return ""
        page.wait_for_timeout(_LOOK)
    return trouble


def _disagreement(page: Page, where: str) -> str:
    settings, notes = from_query(dict(parse_qsl(urlsplit(page.url).query, keep_blank_values=True)))
    if notes:
        return f"the address says what cannot be: {notes}"
    if page.get_by_test_id("stException").count():
        return "the page has failed"
    for name, field in _SIZES.items():
        slider = _slider(page, name)
        if slider.count():
            shown = slider.first.get_attribute("aria-valuetext")
            if shown != str(getattr(settings.config, field)):
                return f"{name} stands at {shown}, the address says {getattr(settings.config, field)}"
    return _other_shapes(page, where, settings)


def _other_shapes(page: Page, where: str, settings: Settings) -> str:
    trace = _trace(settings)
    step = trace.find(_SCORES)
    if where in ("attention", "decoding"):
        shown_maps, made = page.locator(".map").count(), settings.config.heads * settings.config.decoder_layers
        return "" if shown_maps == made else f"the page shows {shown_maps} maps, the model has {made}"
    heads = page.locator(f'.panel[data-panel="{step.name}"] .chips').last
    expected = " ".join(f"{axis} {size}" for axis, size in zip(step.axes, step.shape, strict=True))
    shown = " ".join(heads.inner_text().split()) if heads.count() else ""
    return "" if shown.startswith(expected.strip()) else f"the page shows {shown}, the engine computes {expected}"


def _trace(settings: Settings) -> Trace:
    """What the engine computes for these settings."""
    if settings.writes:
        traces = decode(settings.source, settings.config).traces
        return traces[-1 if settings.upto is None else min(settings.upto, len(traces) - 1)]
    if settings.sentences is None:
        return run(settings.config)
    return run(settings.config, *settings.sentences)


def _exported(page: Page) -> str:
    """Whether steps.csv of the export page, reached by its link, has the shapes that the engine computes."""
    link(page, "Export").click()
    button = page.get_by_role("button", name="Download steps.csv")
    button.wait_for(timeout=60_000)
    _settle(page)
    with page.expect_download() as waiting:
        button.click()
    with open(waiting.value.path(), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(io.StringIO(file.read())))
    settings, _ = from_query(dict(parse_qsl(urlsplit(page.url).query, keep_blank_values=True)))
    shapes = [str(tuple(step.shape)) for step in _trace(settings).steps]
    written = [row["shape"] for row in rows]
    if written != shapes:
        pairs = [(row, shape) for row, shape in zip(written, shapes, strict=False) if row != shape][:1]
        return f"steps.csv has {len(written)} rows for {len(shapes)} steps, and first differs at {pairs}: {page.url}"
    return ""
