"""The code and the graph under the stage, as a person uses them: pressing steps, modules, frames and lines."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from engine import Config, run
from pages.ui.state.settings import SOURCE, TARGET
from tests.browser.conftest import NARROW
from tests.browser.settings_bar import link, size
from tests.browser.tabs import Opener

pytestmark = [pytest.mark.browser, pytest.mark.still]

ATTENTION = "encoder.layers.0.self_attention"
DRAWING = ".st-key-block-map-drawing"
CHOSEN = "[aria-label='What is drawn'] [aria-current]"


@pytest.fixture(scope="module")
def trace():
    return run(Config(), [SOURCE], [TARGET])


# Whether something is where it was when this was asked before: what lies above it still loads.
_STANDS = """box => {
    const before = window.stoodAt;
    window.stoodAt = document.querySelector(box).getBoundingClientRect().top;
    return window.stoodAt === before;
}"""


def open_at(page: Page, address: str) -> None:
    page.goto(f"{address}{'&' if '?' in address else '?'}weights=random")
    page.locator(".st-key-stage-ahead").wait_for(state="attached", timeout=60_000)
    settled(page)
    graph = page.get_by_test_id("stExpander").filter(has_text="Where we are")
    if graph.locator("details[open]").count() == 0:  # a link to a part of it opens it
        graph.locator("summary").click()
    expect(page.locator(f"{DRAWING} g.graph")).to_be_attached(timeout=60_000)
    expect(page.locator(f"{DRAWING} [aria-current]")).to_have_count(1, timeout=30_000)
    settled(page)


def settled(page: Page) -> None:
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=60_000)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def shape(page: Page, mark: str) -> Locator:
    return page.locator(f'{DRAWING} g[id="{mark}"]')


def here(page: Page) -> Locator:
    return page.locator(f"{DRAWING} [aria-current=step]")


def at(page: Page, **query: str | None) -> None:
    """Waits until the address says this; None is for what it must not say."""

    def says(url: str) -> bool:
        said = parse_qs(urlsplit(url).query)
        return all(said.get(name) == (None if value is None else [value]) for name, value in query.items())

    page.wait_for_url(says, timeout=30_000)
    settled(page)


def in_its_box(inner: Locator, outer: Locator) -> bool:
    one, around = inner.bounding_box(), outer.bounding_box()
    assert one
    assert around
    return around["y"] <= one["y"] and one["y"] + one["height"] <= around["y"] + around["height"]


def test_a_pressed_step_is_gone_to_in_the_same_drawing_and_one_from_outside_is_a_way_out_of_the_module(
    tab: Page, app: str, trace
):
    scores, weights = trace.find(f"{ATTENTION}.scores"), trace.find(f"{ATTENTION}.weights")
    open_at(tab, f"{app}/walkthrough?step={ATTENTION}.scores")
    expect(here(tab)).to_have_attribute("id", f"step-{scores.index}")
    watched = """drawing => {
        window.redrawn = 0;
        new MutationObserver(all => { window.redrawn += all.length; }).observe(
            drawing, {subtree: true, childList: true, attributes: true, attributeFilter: ["transform", "points", "d"]});
    }"""
    tab.locator(f"{DRAWING} .stGraphVizChart").evaluate(watched)
    shape(tab, f"step-{weights.index}").click()
    at(tab, step=f"{ATTENTION}.weights")
    expect(here(tab)).to_have_attribute("id", f"step-{weights.index}")
    expect(tab.locator('.panel[data-panel="weights"]')).to_be_visible()
    # Where only the step changes, the drawing is not made again.
    assert tab.evaluate("window.redrawn") == 0
    tab.go_back()
    expect(here(tab)).to_have_attribute("id", f"step-{scores.index}", timeout=30_000)
    at(tab, step=f"{ATTENTION}.scores")
    placed = trace.find("source_position.placed")
    shape(tab, f"step-{placed.index}").click()
    at(tab, step="source_position.placed")
    expect(here(tab)).to_have_attribute("id", f"step-{placed.index}", timeout=30_000)
    expect(shape(tab, f"step-{trace.find('source_position.angle').index}")).to_be_visible()


def test_modules_open_and_close_by_mouse_and_keyboard_and_both_are_in_the_address(tab: Page, app: str):
    open_at(tab, f"{app}/walkthrough?step=encoder.layers.0.after_attention")
    box = tab.get_by_role("button", name="Open multi-head self-attention")
    box.focus()
    box.press("Enter")
    at(tab, open=ATTENTION)
    frame = tab.get_by_role("button", name="Close self-attention")
    expect(frame).to_be_focused(timeout=30_000)
    frame.press("Space")
    at(tab, open=None)
    expect(box).to_be_focused(timeout=30_000)
    # And by mouse.
    shape(tab, f"open-{ATTENTION}").click()
    at(tab, open=ATTENTION)
    frame = shape(tab, f"close-{ATTENTION}")
    expect(frame).to_be_visible(timeout=30_000)
    expect(tab.locator(f'{DRAWING} g.node[id^="step-"]')).not_to_have_count(0)
    frame.locator("text").click()
    at(tab, open=None)
    expect(shape(tab, f"open-{ATTENTION}")).to_be_visible(timeout=30_000)
    tab.go_back()
    expect(shape(tab, f"close-{ATTENTION}")).to_be_visible(timeout=30_000)
    expect(here(tab)).to_have_count(1)
    # Other boxes and the lines of the code are reached by the keyboard too.
    at(tab, open=ATTENTION)
    sum_ = tab.get_by_role("button", name="Go to + encoder.layers.0.after_feed_forward")
    sum_.focus()
    sum_.press("Enter")
    at(tab, step="encoder.layers.0.after_feed_forward")
    expect(sum_).to_be_focused()
    line = tab.locator(".lines .line[data-go]").first
    line.focus()
    line.press("Enter")
    at(tab, step="encoder.layers.0.after_attention")


def test_of_the_layers_that_share_a_box_ours_opens_and_elsewhere_the_first(tab: Page, app: str):
    open_at(tab, f"{app}/walkthrough?encoder_layers=4&step=encoder.layers.2.after_attention&scope=encoder")
    expect(here(tab)).to_have_attribute("id", "open-encoder.layers.0")
    here(tab).click()
    at(tab, open="encoder.layers.2")
    expect(shape(tab, "close-encoder.layers.2")).to_be_visible(timeout=30_000)
    shape(tab, "open-encoder.layers.0").click()
    at(tab, open="encoder.layers.2,encoder.layers.0")
    expect(shape(tab, "close-encoder.layers.0")).to_be_visible(timeout=30_000)
    expect(shape(tab, "open-encoder.layers.1")).to_be_visible()


def test_a_scope_is_chosen_kept_while_the_step_is_in_it_and_left_with_it(tab: Page, app: str, trace):
    open_at(tab, f"{app}/walkthrough?step={ATTENTION}.scores")
    scopes = tab.get_by_role("navigation", name="What is drawn").get_by_role("button")
    expect(scopes).to_have_text(["model", "encoder", "layer 0", "self-attention"])
    scopes.nth(2).click()
    at(tab, scope="encoder.layers.0")
    expect(here(tab)).to_have_attribute("id", f"open-{ATTENTION}", timeout=30_000)
    shape(tab, f"step-{trace.find('encoder.layers.0.after_feed_forward').index}").click()
    at(tab, step="encoder.layers.0.after_feed_forward")
    expect(tab.locator(CHOSEN)).to_have_text("layer 0")
    # The box that the layer's result goes to is the first step of the next layer.
    shape(tab, f"step-{trace.find_all('encoder.layers.1.self_attention.query')[0].index}").click()
    at(tab, step="encoder.layers.1.self_attention.query:linear", scope="encoder.layers.0")
    expect(tab.locator(CHOSEN)).to_have_text("self-attention")
    scopes.nth(0).click()
    at(tab, scope=".")
    expect(here(tab)).to_have_attribute("id", "open-encoder", timeout=30_000)
    scopes.nth(3).click()
    at(tab, scope=None)


def test_the_step_is_brought_into_view_in_its_boxes_and_the_page_stays(tab: Page, app: str, trace):
    open_at(tab, f"{app}/walkthrough?step={ATTENTION}.key:linear")
    tab.locator(DRAWING).scroll_into_view_if_needed()
    tab.wait_for_function(_STANDS, arg=DRAWING, polling=500)
    before = tab.locator(DRAWING).bounding_box()
    output = trace.find(f"{ATTENTION}.output")
    shape(tab, f"step-{output.index}").evaluate("node => node.dispatchEvent(new MouseEvent('click', {bubbles: true}))")
    at(tab, step=f"{ATTENTION}.output")
    expect(here(tab)).to_have_attribute("id", f"step-{output.index}")
    tab.wait_for_function(
        """([box, mark]) => {
            const [outer, inner] = [box, mark].map(one => document.querySelector(one).getBoundingClientRect());
            return outer.top <= inner.top && inner.bottom <= outer.bottom;
        }""",
        arg=[DRAWING, f'{DRAWING} [id="step-{output.index}"]'],
    )
    assert in_its_box(tab.locator(".lines mark"), tab.locator(".lines"))
    expect(tab.locator(".lines mark")).to_have_text("self.w_o(concat)")
    after = tab.locator(DRAWING).bounding_box()
    assert before
    assert after
    # What stands above has another height for another step, for which the browser makes up.
    assert abs(after["y"] - before["y"]) < 40


def test_a_line_of_the_code_goes_to_the_step_it_made(tab: Page, app: str):
    open_at(tab, f"{app}/walkthrough?step=decoder.layers.1.cross_attention.scores")
    expect(tab.locator(".lines mark")).to_have_text("query @ key_t")
    assert in_its_box(tab.locator(".lines mark"), tab.locator(".lines"))
    tab.locator(".lines .line", has_text="weights = masked.softmax").click()
    at(tab, step="decoder.layers.1.cross_attention.weights")
    expect(tab.locator(".lines mark")).to_have_text("masked.softmax(dim=-1)")
    expect(tab.locator(".lines .line[aria-current] .number")).to_have_text(re.compile(r"^\d+$"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("query", [f"step={ATTENTION}.masked", "step=logits", "step=source_position.pairs"])
def test_on_a_phone_nothing_is_wider_than_the_page(scheme, query, tabs: Opener, app: str):
    page = tabs(viewport=NARROW, color_scheme=scheme)
    open_at(page, f"{app}/walkthrough?{query}")
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollWidth - main.clientWidth") == 0
    for box in (DRAWING, ".lines"):
        bounds = page.locator(box).bounding_box()
        assert bounds["x"] >= 0
        assert bounds["x"] + bounds["width"] <= NARROW["width"]
        assert bounds["height"] <= 522


def test_a_changed_theme_and_changed_settings_leave_the_mark_and_the_ways(tab: Page, app: str):
    open_at(tab, f"{app}/walkthrough?step={ATTENTION}.scores")
    fill = "node => getComputedStyle(node.querySelector('path')).fill"
    light = here(tab).evaluate(fill)
    tab.emulate_media(color_scheme="dark")
    tab.wait_for_function(f"light => ({fill})(document.querySelector('{DRAWING} [aria-current]')) !== light", arg=light)
    settled(tab)
    expect(here(tab)).to_have_count(1)
    size(tab, "heads").press("ArrowRight")
    at(tab, heads="8")
    expect(here(tab)).to_have_count(1)
    tab.get_by_role("button", name="Go to weights").click()
    at(tab, step=f"{ATTENTION}.weights")


def test_garbage_in_the_address_is_as_good_as_nothing(tab: Page, app: str):
    open_at(tab, f"{app}/walkthrough?step={ATTENTION}.scores&scope=decoder.nothing&open=<b>,,encoder.layers.99,%22")
    expect(tab.locator(CHOSEN)).to_have_text("self-attention")
    expect(tab.locator(f"{DRAWING} g.cluster")).to_have_count(0)


def test_leaving_the_page_takes_the_listeners_along(tab: Page, app: str):
    open_at(tab, f"{app}/walkthrough?step={ATTENTION}.scores")
    link(tab, "Every step").click()
    expect(tab.locator(DRAWING)).to_have_count(0, timeout=30_000)
    settled(tab)
    link(tab, "Shapes").click()
    expect(tab.locator(f"{DRAWING} [aria-current]")).to_have_count(1, timeout=30_000)
