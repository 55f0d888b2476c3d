"""How much of a page moves while it loads, as the browser itself measures it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from pages.ui.labs.kit.registry import LABS
from tests.browser.conftest import NARROW, WIDE
from tests.browser.tabs import Opener

pytestmark = pytest.mark.browser

# Each path with something that is on the screen when the page has loaded.
LOADED = {
    "": '.panel[data-panel="scores"]',
    "attention": ".maps .cells",
    "labs": ".st-key-lab-cards button",
    "every_step": "[data-testid=stDataFrame] canvas",
    "export": "text=Download steps.csv",
    "questions": "text=Why is k transposed before the scores?",
    "costs": "text=Training state",
    "your_code": ".st-key-code",
    "compare": ".st-key-compare-b .box",
    **{f"labs?lab={lab.key}": ".st-key-lab-body p" for lab in LABS},
}
MOST = 0.1  # above it a page counts as one that needs work: web.dev/articles/cls
# A tab that was lent before has the script already.
_WATCH = """
if (!window.shifts) {
  window.shifts = [];
  const said = ({ node, previousRect, currentRect }) =>
    `${node?.textContent?.slice(0, 30)} from ${previousRect.y} (${previousRect.height}) to ${currentRect.y}`;
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, sources } of list.getEntries())
      if (!hadRecentInput) window.shifts.push([value, sources.map(said).join("; ")]);
  }).observe({ type: "layout-shift", buffered: true });
}
"""


def moved(page: Page) -> float:
    """The sum of all shifts so far."""
    shifts = page.evaluate("window.shifts")
    print(*shifts, sep="\n")  # what moved, for whoever reads of a failure
    return sum(value for value, _ in shifts)


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.whole), 9])
@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "phone"])
def test_next_to_nothing_moves_while_a_page_loads(viewport, every: int, tabs: Opener, app: str):
    page = tabs(viewport=viewport)
    page.add_init_script(_WATCH)
    for path, loaded in list(LOADED.items())[::every]:
        page.goto(f"{app}/{path}", timeout=60_000, wait_until="commit")
        expect(page.locator(loaded).first).to_be_visible(timeout=60_000)
        page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=60_000)
        expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0)
        assert moved(page) < MOST, path or "the front page"
