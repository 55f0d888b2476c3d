"""The lens: the tensors of a step at one scale, the card that says why, and the sum, all on one screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page, expect

from engine import Step, run
from engine.explain.why import why
from pages.ui.state.settings import Settings
from pages.ui.state.url_pin import cell_text
from pages.ui.state.url_step import step_to_key
from tests.browser.conftest import WIDE, served
from tests.browser.test_walk_browser import Walk

pytestmark = pytest.mark.browser

HEIGHT = WIDE["height"]
STRIP = 260  # px that the boxes above the lens take
TOP = 44  # px of the page above everything
ATTENTION = "encoder.layers.0.self_attention"
GEOMETRY = """root => {
  const top = root.getBoundingClientRect().top;
  const below = (selector) => Math.max(0, ...[...root.querySelectorAll(selector)].map((part) => {
    const frame = part.closest('.side')?.getBoundingClientRect().bottom ?? Infinity;
    const box = part.getBoundingClientRect();
    return box.bottom > frame ? Infinity : box.bottom - top;
  }));
  return {
    tensors: below('.panel .scroller'), sum: below('.sum .strong'), card: below('.operation .why'),
    cells: [...root.querySelectorAll('.panel[data-geometry]')].map((panel) => JSON.parse(panel.dataset.geometry).cell),
    tops: [...root.querySelectorAll('.panel')].map((panel) => panel.querySelector('.scroller')?.getBoundingClientRect().top),
    columns: [...root.querySelectorAll('.panel')].map((panel) => Math.round(panel.getBoundingClientRect().left)),
    first: [...root.querySelectorAll('.panel[data-geometry]')].map((panel) =>
      panel.querySelector('.scroller').getBoundingClientRect().top + JSON.parse(panel.dataset.geometry).facets[0].y),
  };
}"""


@pytest.fixture(scope="module")
def demo() -> Iterator[str]:
    with served(Path(__file__).with_name("walk_demo.py")) as address:
        yield address


def steps_of(path: str) -> list[Step]:
    return [step for step in run_shown().steps if step.path == path]


def run_shown():
    settings = Settings()
    return run(settings.config, *settings.text()) if hasattr(settings, "text") else None


def opened(page: Page, address: str, **query: str) -> Walk:
    walk = Walk(page, address)
    page.goto(f"{address}/?{urlencode(query)}")
    page.locator(".stage-root[data-step]").wait_for(timeout=60_000)
    walk.settle()
    return walk
