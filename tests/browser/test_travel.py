"""Cells that travel, in a real browser: each arrives where the engine says, in the colour of where it came from."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy
import pytest
from playwright.sync_api import Locator, Page, expect

from engine import Step, run
from engine.ops import reads
from pages.ui.state.url_step import step_from_key
from tests.browser.conftest import NARROW
from tests.browser.tabs import Opener
from tests.browser.travel_demo import CONFIGS

pytestmark = pytest.mark.browser

ATTENTION = "encoder.layers.0.self_attention"
STEPS = ("query:view", "query:permute", "key_t", "concat")
Index = tuple[int, ...]

# Every colour that a panel is tinted with, at each cell that it shows, in the order of its numbers.
TINTS = """panel => {
  const drawing = panel.querySelector('.layered-canvas');
  const canvas = drawing.querySelector('.tint');
  const pen = canvas.getContext('2d');
  const ratio = canvas.width / canvas.clientWidth;
  const {cell, count, facets} = JSON.parse(panel.dataset.geometry);
  return facets.flatMap(({lead, x, y}) => Array.from({length: count[0] * count[1]}, (_, at) => {
    const [row, column] = [Math.floor(at / count[1]), at % count[1]];
    const spot = [x + column * cell[0] + 2, y + row * cell[1] + 2].map((v) => Math.floor(v * ratio));
    return {lead, row, column, colour: String(pen.getImageData(...spot, 1, 1).data)};
  }));
}"""


# The frames of this tab come by a clock that goes at a tenth of the pace, until a test says otherwise: what a test does
# while cells are on their way, it does in time on a slow machine too.
SLOW_MOTION = """(() => {
  window.pace = 0.1;
  const [frame, clock] = [window.requestAnimationFrame.bind(window), performance.now.bind(performance)];
  window.requestAnimationFrame = (then) => frame((now) => then(now * window.pace));
  performance.now = () => clock() * window.pace;
})()"""
USUAL_PACE = "() => { window.pace = 1; }"

# Notes every state that a way goes through, and whether cells were drawn on it. The stages lie in shadow roots, which
# are watched from the moment they are there.
NOTE_STATES = """(() => {
  window.states = [];
  const attach = Element.prototype.attachShadow;
  Element.prototype.attachShadow = function (options) {
    const root = attach.call(this, options);
    const note = () => {
      const stage = root.querySelector(".stage-root[data-travel]");
      const drawn = root.querySelectorAll(".overlay").length;
      const state = stage && JSON.stringify([stage.dataset.travel, drawn]);
      if (state && state !== window.states.at(-1)) window.states.push(state);
    };
    new MutationObserver(note).observe(root, { subtree: true, childList: true, attributeFilter: ["data-travel"] });
    return root;
  };
})()"""

_FRAMES = """async count => {
  for (let frame = 0; frame < count; frame++) await new Promise(requestAnimationFrame);
}"""


@pytest.fixture
def address(demos: str) -> str:
    return f"{demos}/travel"


@pytest.fixture(scope="module")
def steps() -> dict[str, Step]:
    trace = run(CONFIGS["small"])
    return {name: step_from_key(trace, f"{ATTENTION}.{name}") for name in STEPS}


class Tab:
    """One tab at a step, and what is to be seen of the way."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address

    def show(self, name: str, config: str = "small") -> Tab:
        self.page.goto(f"{self.address}?config={config}&step={ATTENTION}.{name}")
        expect(self.page.locator(".panel[data-geometry]").first).to_be_attached(timeout=60_000)
        self.page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
        return self

    @property
    def root(self) -> Locator:
        return self.page.locator(".stage-root")

    @property
    def range(self) -> Locator:
        return self.page.get_by_role("slider", name="how far the cells have moved")

    def button(self, name: str) -> Locator:
        return self.page.locator(".travel").get_by_role("button", name=name, exact=True)

    def is_(self, state: str) -> None:
        expect(self.root).to_have_attribute("data-travel", state)

    def at_rest(self) -> Tab:
        """As it is left: without moving and without the colours of the way."""
        self.is_("")
        expect(self.page.locator(".overlay")).to_have_count(0)
        expect(self.page.locator(".tint[data-on]")).to_have_count(0)
        return self

    def progress(self) -> float:
        return float(self.root.get_attribute("data-travel-progress") or "nan")

    def frames(self, count: int) -> None:
        """As many frames are painted as this."""
        self.page.evaluate(_FRAMES, count)

    def scrub(self, percent: int) -> None:
        self.range.fill(str(percent))
        self.is_("still-origin")
        assert self.progress() == percent / 100

    def panel(self, nth: int) -> Locator:
        return self.page.locator(".panel").nth(nth)

    def where(self, index: Index) -> dict[str, Any] | None:
        """Where the cell that started at an index of the input is now."""
        return self.wheres([index])[0]

    def wheres(self, indices: Iterable[Index]) -> list[dict[str, Any] | None]:
        asked = [list(index) for index in indices]
        return self.page.locator(".travel").evaluate("(bar, all) => all.map((index) => bar.where(index))", asked)

    def place(self, nth: int, index: Index) -> tuple[float, float]:
        """The upper left corner of a cell of a panel."""
        return self.places(nth, [index])[0]

    def places(self, nth: int, indices: Iterable[Index]) -> list[tuple[float, float]]:
        geometry = json.loads(self.panel(nth).get_attribute("data-geometry") or "")
        bounds = self.panel(nth).locator(".grid").bounding_box()
        assert bounds is not None
        corners = (_corner(geometry, index) for index in indices)
        return [(bounds["x"] + x, bounds["y"] + y) for x, y in corners]

    def holds_at(self, index: Index, nth: int, there: Index) -> None:
        self.hold_at(nth, [(index, there)])

    def hold_at(self, nth: int, ways: Sequence[tuple[Index, Index]]) -> None:
        """That cells that started at the first index of each pair are now at the second, of a panel."""
        places = self.places(nth, [there for _, there in ways])
        for now, place in zip(self.wheres(index for index, _ in ways), places, strict=True):
            assert now is not None
            assert (now["x"], now["y"]) == pytest.approx(place, abs=0.6)

    def tints(self, nth: int) -> dict[Index, str]:
        """The colour of each cell of a panel of at least two axes, by its index."""
        found = {}
        for cell in self.panel(nth).evaluate(TINTS):
            lead = tuple(at for at in cell["lead"] if at is not None)
            found[(*lead, cell["row"], cell["column"])] = cell["colour"]
        return found


def _corner(geometry: dict[str, Any], index: Index) -> tuple[float, float]:
    """The upper left corner of a cell in its panel."""
    row, column = ((0, *index)[at] - first for at, first in zip((-2, -1), geometry["first"], strict=True))
    for facet in geometry["facets"]:
        if all(at is None or at == i for at, i in zip(facet["lead"], index, strict=False)):
            width, height = geometry["cell"]
            return facet["x"] + column * width, facet["y"] + row * height
    raise AssertionError(f"{index} is not in view")


@pytest.fixture
def tab(tabs: Opener, address: str) -> Tab:
    """A tab in slow motion."""
    return Tab(tabs(script=SLOW_MOTION), address)


@pytest.fixture
def noting(tabs: Opener, address: str) -> Tab:
    """A tab that notes the states of the way."""
    return Tab(tabs(script=NOTE_STATES), address)


@pytest.fixture
def still(tabs: Opener, address: str) -> Tab:
    """A tab of somebody who has asked for less motion."""
    return Tab(tabs(reduced_motion="reduce"), address)


def journeys(step: Step) -> dict[Index, Index]:
    """From where each cell of the input goes to, as the engine's index map says."""
    (read,) = reads(step) or ()
    return {read.cells(index)[0]: index for index in numpy.ndindex(step.shape)}


# --- where cells go, and their colours


@pytest.mark.parametrize("name", STEPS)
def test_at_the_end_every_cell_has_the_colour_of_the_cell_it_was(name: str, still: Tab, steps: dict[str, Step]) -> None:
    still.show(name).button("origin").click()
    still.is_("still-origin")
    before, after = still.tints(0), still.tints(1)
    ways = journeys(steps[name])
    assert set(before) == set(ways)
    assert {ways[index]: colour for index, colour in before.items()} == after
    assert len(set(before.values())) > 0.9 * len(before)  # a ramp of so many steps rounds a few together


@pytest.mark.parametrize("name", STEPS)
def test_every_cell_starts_where_it_stood_and_ends_where_the_index_map_says(
    name: str, still: Tab, steps: dict[str, Step]
) -> None:
    still.show(name)
    ways = list(journeys(steps[name]).items())
    still.scrub(0)
    still.hold_at(0, [(source, source) for source, _ in ways])
    still.scrub(100)
    still.hold_at(1, ways)


def test_half_way_the_first_cells_have_arrived_and_the_last_have_not_set_out(
    still: Tab, steps: dict[str, Step]
) -> None:
    still.show("query:permute")
    ways = {there: source for source, there in journeys(steps["query:permute"]).items()}
    still.scrub(50)
    first, last = min(ways), max(ways)
    still.holds_at(ways[first], 1, first)
    still.holds_at(ways[last], 0, ways[last])
    on_the_way = still.where(ways[list(ways)[len(ways) // 2]])
    assert on_the_way is not None
    assert still.place(0, ways[last])[0] < on_the_way["x"] < still.place(1, first)[0]


def test_the_cells_are_drawn_where_they_are_said_to_be(still: Tab) -> None:
    still.show("query:view").scrub(50)
    index = (0, 4, 31)  # the last in order, so nothing lies over it
    now = still.where(index)
    assert now is not None
    drawn = still.page.locator(".overlay").evaluate(
        """(canvas, {x, y, width, height}) => {
          const {left, top} = canvas.getBoundingClientRect();
          const spot = [x + width / 2 - left, y + height / 2 - top].map(Math.floor);
          return [...canvas.getContext('2d').getImageData(...spot, 1, 1).data.slice(0, 3)].join();
        }""",
        now,
    )
    assert f"rgb({drawn})" == now["colour"]


def test_a_token_keeps_its_colour_through_view_permute_and_transpose(still: Tab) -> None:
    seen = []
    for name in ("key:view", "key:permute", "key_t"):
        still.show(name).button("origin").click()
        seen += [sorted(still.tints(nth).values()) for nth in (0, 1)]
    assert all(colours == seen[0] for colours in seen)


def test_the_colours_that_were_chosen_stay_from_step_to_step(tab: Tab) -> None:
    tab.show("query:view").button("origin").click()
    tab.page.get_by_role("button", name="to 22").click()
    expect(tab.panel(1)).to_have_attribute("data-panel", "key")
    tab.button("Skip").click()
    tab.is_("still-origin")
    tab.button("values").click()
    tab.at_rest()


# --- playing


def test_it_plays_once_by_itself_and_then_shows_the_values_again(noting: Tab) -> None:
    noting.show("query:permute")
    noting.page.wait_for_function("() => window.states.length > 1 && window.states.at(-1) === '[\"\",0]'")
    noting.at_rest()
    states = [tuple(json.loads(state)) for state in noting.page.evaluate("window.states")]
    # Before it plays, it may be seen at rest.
    assert states[states[0] == ("", 0) :] == [("playing", 1), ("still-origin", 0), ("", 0)]
    assert noting.progress() == 1
    expect(noting.button("values")).to_have_attribute("aria-pressed", "true")


def test_replay_pause_and_skip(tab: Tab) -> None:
    tab.show("query:permute").button("Skip").click()
    tab.at_rest()
    tab.button("Replay").click()
    tab.is_("playing")
    expect(tab.root).to_have_attribute("data-travel-progress", re.compile(r"0\.\d*[1-9]"))
    tab.button("Pause").click()
    tab.is_("still-origin")
    held = tab.progress()
    assert 0 < held < 1
    tab.frames(12)
    assert tab.progress() == held
    tab.button("Play").click()
    tab.is_("playing")
    tab.page.evaluate(USUAL_PACE)
    tab.is_("still-origin")
    assert tab.progress() == 1


def test_the_keyboard_alone_moves_the_cells(tab: Tab) -> None:
    tab.show("query:permute").button("Skip").click()
    tab.range.focus()
    for key in ("Home", "PageUp", "ArrowRight"):
        tab.page.keyboard.press(key)
    tab.is_("still-origin")
    assert 0 < tab.progress() < 0.3
    expect(tab.panel(1)).to_have_attribute("data-panel", "query")


@pytest.mark.parametrize("way", ["click", "Escape"])
def test_a_click_on_a_cell_or_escape_skips(way: str, tab: Tab) -> None:
    tab.show("query:permute").is_("playing")
    if way == "click":
        x, y = tab.place(1, (0, 1, 2, 3))
        tab.page.mouse.click(x + 4, y + 4)
        expect(tab.page.locator(".reading")).to_contain_text("query[B=0, H=1, S=2")
    else:
        tab.page.keyboard.press("Escape")
    tab.at_rest()


def test_a_cell_is_read_as_ever_while_the_colours_are_those_of_the_way(still: Tab, steps: dict[str, Step]) -> None:
    still.show("query:permute").scrub(50)
    x, y = still.place(1, (0, 1, 2, 3))
    still.page.mouse.move(x + 4, y + 4)
    said = still.page.locator(".reading").inner_text().split(" = ")[-1].replace("−", "-")
    assert numpy.float32(said) == steps["query:permute"].value[0, 1, 2, 3].numpy()
    still.is_("still-origin")


def test_leaving_in_the_middle_leaves_nothing_behind(tab: Tab) -> None:
    tab.show("concat").is_("playing")
    tab.page.get_by_role("button", name="to 36").click()
    expect(tab.page.locator('.panel[data-panel="output"]')).to_be_visible()
    expect(tab.page.locator(".overlay, .tint, .travel")).to_have_count(0)
    expect(tab.page.locator(".stage-root[data-travel]")).to_have_count(0)
    tab.page.get_by_role("button", name="to 35").click()
    tab.is_("playing")


# --- less motion, other sizes


def test_who_asks_for_less_motion_sees_the_start_and_the_end_and_nothing_between(still: Tab) -> None:
    still.show("query:permute")
    still.frames(12)
    still.at_rest()
    still.root.evaluate(
        """root => {
          window.seen = [];
          const note = () => window.seen.push([root.dataset.travel, root.dataset.travelProgress]);
          new MutationObserver(note).observe(root, {attributeFilter: ['data-travel', 'data-travel-progress']});
        }"""
    )
    still.button("Replay").click()
    still.page.wait_for_function("() => window.seen.length && window.seen.at(-1)[0] === ''")
    still.at_rest()
    assert still.page.evaluate("window.seen") == [["playing", "0.000"], ["still-origin", "1.000"], ["", "1.000"]]


def test_one_below_the_other_the_cells_fly_down_and_the_page_stays_as_wide_as_the_phone(
    tabs: Opener, address: str, steps: dict[str, Step]
) -> None:
    tab = Tab(tabs(viewport=NARROW, device_scale_factor=2, script=SLOW_MOTION), address).show("query:permute")
    tab.is_("playing")
    tab.button("Skip").click()
    ways = list(journeys(steps["query:permute"]).items())
    tab.scrub(0)
    tab.hold_at(0, [(source, source) for source, _ in ways])
    tab.scrub(100)
    tab.hold_at(1, ways)
    tab.scrub(50)
    bar, output = tab.page.locator(".travel").bounding_box(), tab.panel(1).bounding_box()
    assert bar is not None
    assert output is not None
    assert bar["y"] + bar["height"] <= output["y"]
    width = "element => element.scrollWidth - element.clientWidth"
    assert tab.page.locator("[data-testid=stMain]").evaluate(width) == 0
    assert tab.root.evaluate(width) == 0


def test_another_size_of_the_window_moves_the_way_along(still: Tab, steps: dict[str, Step]) -> None:
    still.show("query:permute").scrub(100)
    (source, there), *_ = list(journeys(steps["query:permute"]).items())[40:]
    still.page.set_viewport_size({"width": 1100, "height": 800})
    still.frames(12)
    still.holds_at(source, 1, there)
    still.scrub(0)
    still.holds_at(source, 0, source)


def test_only_what_is_in_view_on_both_sides_flies_and_that_is_said(still: Tab) -> None:
    # Narrow enough that the box scrolls whatever fonts the tokens beside it are written in.
    still.page.set_viewport_size({"width": 1240, "height": 900})
    still.show("query:view", "base")
    note = still.page.locator(".travel .note")
    expect(note).to_contain_text(" of 102,400 cells in view on both sides")
    still.scrub(0)
    assert still.where((0, 0, 5)) is not None
    still.holds_at((0, 0, 5), 0, (0, 0, 5))
    assert still.where((0, 1, 5)) is None  # the output shows one token at a time
    assert still.where((9, 0, 5)) is None
    count = note.inner_text()
    assert still.where((0, 0, 127)) is None  # beyond the edge of its box, until it is scrolled there
    for panel in (0, 1):  # it goes to the last feature of a head, which may be out of sight too
        still.panel(panel).locator(".scroller").evaluate(
            """scroller => {
              scroller.scrollLeft = 9999;
              return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
            }"""
        )
    expect(note).not_to_have_text(count)
    still.holds_at((0, 0, 127), 0, (0, 0, 127))


def test_a_frame_paints_each_cell_once_and_lays_nothing_out(still: Tab) -> None:
    still.show("key_t", "many").scrub(50)
    assert "in view on both sides" not in still.page.locator(".travel .note").inner_text()
    cells = math.prod(step_from_key(run(CONFIGS["many"]), f"{ATTENTION}.key_t").shape)
    seen = still.range.evaluate(
        """range => {
          const seen = {painted: 0, measured: 0, canvases: 0};
          const spy = (owner, name, what, property = 'value') => {
            const before = Object.getOwnPropertyDescriptor(owner, name);
            const counted = function (...given) { seen[what] += 1; return before[property].apply(this, given); };
            Object.defineProperty(owner, name, {...before, [property]: counted});
            return () => Object.defineProperty(owner, name, before);
          };
          const undo = [
            spy(CanvasRenderingContext2D.prototype, 'fillRect', 'painted'),
            spy(Element.prototype, 'getBoundingClientRect', 'measured'),
            spy(Element.prototype, 'clientWidth', 'measured', 'get'),
            spy(HTMLElement.prototype, 'offsetWidth', 'measured', 'get'),
            spy(HTMLCanvasElement.prototype, 'getContext', 'canvases'),
          ];
          range.value = 55;
          range.dispatchEvent(new Event('input'));
          undo.forEach((it) => it());
          return seen;
        }"""
    )
    assert seen == {"painted": cells, "measured": 0, "canvases": 0}
