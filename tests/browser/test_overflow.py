"""What is wider than its panel says so: how much stands out of sight, and the way there."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, TimeoutError, expect

from engine import Config, run
from engine.record.trace import Step
from pages.ui.state.url_step import step_to_key
from tests.browser.conftest import launched_by
from tests.browser.tabs import Opener

pytestmark = pytest.mark.browser

NARROW = 390
WIDTHS = (1440, 1024, NARROW)
SIZES = {"weights": "random", "reads": "tokens", "src_len": "7", "tgt_len": "6"}
TRACE = run(Config(src_len=7, tgt_len=6))
# For every panel, whether what it says of its right side is wrong. Where its facets lie is known from how it was drawn:
# how much of them is out of sight follows from that and from how far the scroller reaches.
_PANELS = """() => {
    const roots = [...document.querySelectorAll("*")].map((one) => one.shadowRoot).filter(Boolean);
    return roots.flatMap((root) => [...root.querySelectorAll(".panel[data-geometry]")]).map((panel) => {
        const scroller = panel.querySelector(".body .scroller");
        const beyond = panel.querySelector(".beyond");
        const { cell, count, facets } = JSON.parse(panel.dataset.geometry);
        const starts = [...new Set(facets.map((facet) => facet.x))];
        const ends = starts.length > 1
            ? starts.map((start) => start + count[1] * cell[0])
            : Array.from({ length: count[1] }, (_, place) => starts[0] + (place + 1) * cell[0]);
        const out = ends.filter((end) => end > scroller.scrollLeft + scroller.clientWidth + 2).length;
        const wide = scroller.scrollWidth > scroller.clientWidth + 2;
        const way = beyond.querySelector("[data-way='1']");
        const right = wide && scroller.scrollLeft + scroller.clientWidth < scroller.scrollWidth - 2;
        const said = beyond.hidden || way.hasAttribute("data-idle") ? "" : way.textContent;
        const expected = !right ? "" : out ? `+ ${out} more of ` : "more ";
        const wrong = beyond.hidden === wide || !said.startsWith(expected) || !expected !== !said;
        return { title: panel.dataset.panel, wide, out, said, expected, wrong };
    });
}"""


def shown(page: Page, app: str, step: Step, **sizes: str) -> Page:
    page.goto(f"{app}/walkthrough?{urlencode({**SIZES, **sizes, 'step': step_to_key(TRACE, step)})}")
    page.locator(f'.stage-root[data-step="{step.index}"]').wait_for(timeout=60_000)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=60_000)
    return page


def wide_panels(page: Page) -> list[dict]:
    """The panels that are wider than there is room for, once every panel says rightly what is out of sight.

    A window of another size is drawn anew a frame or two later: what is read twice, a tenth of a second apart, is what
    a person sees.
    """
    settled = f"""() => {{
        const panels = ({_PANELS})();
        const seen = JSON.stringify([innerWidth, panels]);
        const same = seen === window.panelsSeen;
        window.panelsSeen = seen;
        return same && panels.length && !panels.some((one) => one.wrong) && panels;
    }}"""
    try:
        panels = page.wait_for_function(settled, timeout=20_000, polling=100).json_value()
    except TimeoutError:
        panels = page.evaluate(_PANELS)
        assert [panel for panel in panels if panel["wrong"]] == []
    return [panel for panel in panels if panel["wide"]]


def test_heads_out_of_sight_are_counted_and_a_press_brings_them(tabs: Opener, app: str) -> None:
    page = tabs(reduced_motion="reduce")
    for name in ("masked", "weights"):
        shown(page, app, TRACE.find(f"encoder.layers.0.self_attention.{name}"), heads="16", d_model="64")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            wide = wide_panels(page)
            assert bool(wide) or width > NARROW
    assert re.fullmatch(r"\+ \d+ more of H →", wide[0]["said"])
    onwards = page.locator(f'.panel[data-panel="{wide[0]["title"]}"] .beyond [data-way="1"]')
    while onwards.is_visible():
        before = onwards.inner_text()
        onwards.click()
        expect(onwards).not_to_have_text(before)
    assert wide_panels(page)[0]["out"] == 0
    backwards = page.locator(f'.panel[data-panel="{wide[0]["title"]}"] .beyond [data-way="-1"]')
    expect(backwards).to_have_text(re.compile(r"← (\+ \d+ more of H|more)"))


def test_a_scrollbar_stands_under_what_can_be_scrolled(browser: Browser, app: str) -> None:
    # Playwright's Chromium has its scrollbars hidden, unless it is started without that option.
    chromium = launched_by(browser.browser_type, ignore_default_args=["--hide-scrollbars"])
    try:
        page = chromium.new_page(viewport={"width": NARROW, "height": 844})
        shown(page, app, TRACE.find("encoder.layers.0.self_attention.weights"), heads="16", d_model="64")
        assert wide_panels(page)
        for scroller in page.locator(".panel:has(.beyond:not([hidden])) .body .scroller").all():
            assert scroller.evaluate("(one) => one.offsetHeight - one.clientHeight") >= 8
            # Streamlit makes them transparent, and what inherits that is there and cannot be seen.
            assert scroller.evaluate("(one) => getComputedStyle(one).scrollbarColor") == "auto"
    finally:
        chromium.close()
