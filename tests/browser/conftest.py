"""A real browser and real servers for the tests in this folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, BrowserType, Page, Playwright, expect, sync_playwright

from tests.browser.tabs import Opener, Tabs

ROOT = Path(__file__).parents[2]
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# Chromium without the window that even an unseen one has around its pages: the same pages for less processor time.
_SHELLS = ("chromium-headless-shell", "chrome-headless-shell")
# Chromium's own background traffic would only be refused by the tests.
_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
# A page of a test lives for seconds: to optimise its script takes longer than it ever gains.
_SHORT_LIVED = ("--js-flags=--no-turbofan,--no-maglev",)
_PATIENCE = 60  # s
_GLANCE = 0.05  # s
expect.set_options(timeout=30_000)  # ms: other tests run beside these


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if _program(*_SHELLS, *_NAMES) is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium on the path")
        pytest.skip("no Chromium on the path")
    with sync_playwright() as playwright:
        chromium = launched_by(playwright.chromium)
        yield chromium
        chromium.close()


def launched(playwright: Playwright) -> Browser:
    """The Chromium or Chrome that a person would use, without its window: for pictures and for what is measured."""
    return playwright.chromium.launch(executable_path=_program(*_NAMES, *_SHELLS), args=list(_FLAGS))


def launched_by(kind: BrowserType, **options: Any) -> Browser:
    """The browser of the tests, with further options of Playwright's."""
    return kind.launch(executable_path=_program(*_SHELLS, *_NAMES), args=[*_FLAGS, *_SHORT_LIVED], **options)


def launched_beside(browser: Browser, *flags: str) -> Browser:
    """Another browser like this one, with further flags of Chromium's."""
    return browser.browser_type.launch(
        executable_path=_program(*_SHELLS, *_NAMES), args=[*_FLAGS, *_SHORT_LIVED, *flags]
    )


def _program(*names: str) -> str | None:
    return next(filter(None, map(shutil.which, names)), None)


@contextmanager
def served(script: Path) -> Iterator[str]:
    """The address of a fresh Streamlit server of this script; only the process started here can answer there."""
    with serving(script) as (address, _):
        yield address


@contextmanager
def serving(script: Path, *options: str, env: Mapping[str, str] | None = None) -> Iterator[tuple[str, int]]:
    """``served`` with the id of the server's process, with further options of Streamlit's and another environment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    usual = [f"--server.port={port}", "--server.headless=true", "--server.fileWatcherType=none"]
    command = [sys.executable, "-m", "streamlit", "run", str(script), *usual, *options]
    server = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(server, f"{address}/_stcore/health")
        yield address, server.pid
    finally:
        server.terminate()
        try:
            server.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_for(server: subprocess.Popen[bytes], health: str) -> None:
    for _ in range(round(_PATIENCE / _GLANCE)):
        try:
            with urlopen(health) as answer:
                if answer.status == 200:
                    return
        except URLError:
            # wait() is a pause that ends early if the server does.
            try:
                server.wait(_GLANCE)
            except subprocess.TimeoutExpired:
                continue
            pytest.fail("the server ended before it answered")
    pytest.fail(f"no answer in {_PATIENCE} s")


@pytest.fixture(scope="session")
def app() -> Iterator[str]:
    """The address of the app, shared by the tests that do not need a server nobody has visited."""
    with served(ROOT / "app.py") as address:
        yield address


@pytest.fixture(scope="session")
def demos() -> Iterator[str]:
    """The address below which the demos of this folder are, each under its own name."""
    with served(ROOT / "tests" / "browser" / "demos.py") as address:
        yield address


@pytest.fixture(scope="session")
def _tabs(browser: Browser) -> Tabs:
    return Tabs(browser)


@pytest.fixture
def tabs(_tabs: Tabs, request: pytest.FixtureRequest) -> Iterator[Opener]:
    """Opens a new visitor's tab, as wide as ``WIDE`` where nothing else is said, with Playwright's other options.

    Whatever asks for another machine, or fails in JavaScript, fails the test.
    """
    usual: dict[str, Any] = {"viewport": WIDE}
    if request.node.get_closest_marker("still"):
        usual["reduced_motion"] = "reduce"
    yield lambda **options: _tabs.take(**usual | options)
    troubles = _tabs.troubles[:]
    _tabs.take_back()
    _tabs.troubles.clear()
    assert troubles == []


@pytest.fixture
def tab(tabs: Opener) -> Page:
    """A new visitor's tab."""
    return tabs()
