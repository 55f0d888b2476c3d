"""How a stage behaves around what it shows: the read-out, numerals, axes of size 1, words for fingers."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NARROW
from tests.browser.pointing import point
from tests.browser.tabs import Opener

pytestmark = [pytest.mark.browser, pytest.mark.still]

SHORT = {"width": 1440, "height": 520}


@pytest.fixture
def address(demos: str) -> str:
    return f"{demos}/travel"


def opened(page: Page, address: str, name: str, config: str = "small") -> Page:
    page.goto(f"{address}?config={config}&step=encoder.layers.0.self_attention.{name}")
    expect(page.locator(".panel[data-geometry]").first).to_be_attached(timeout=60_000)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    return page


def test_the_read_out_never_lies_over_the_cell_it_speaks_of(tabs: Opener, address: str) -> None:
    page = opened(tabs(viewport=SHORT), address, "scores")
    for row in (3, 5, 6):
        # just where the read-out rests, at the bottom of the window
        by = bare(page, row)[1] - (SHORT["height"] - 15)
        page.locator("[data-testid=stMain]").evaluate("(main, by) => main.scrollBy(0, by)", by)
        x, y = bare(page, row)
        assert SHORT["height"] - 36 < y < SHORT["height"]
        page.mouse.move(x, y)
        expect(page.locator(".reading")).to_contain_text(f"key_t[B=0, H=1, d_k={row}, S=2")
        line = page.locator(".spoken").bounding_box()
        assert line is not None
        assert not line["y"] < y < line["y"] + line["height"]


def bare(page: Page, row: int) -> tuple[float, float]:
    """The middle of a cell of key_t, without scrolling."""
    panel = page.locator('.panel[data-panel="key_t"]')
    geometry = json.loads(panel.get_attribute("data-geometry") or "")
    bounds = panel.locator(".grid").bounding_box()
    assert bounds is not None
    (facet,) = [facet for facet in geometry["facets"] if facet["lead"][:2] == [0, 1]]
    width, height = geometry["cell"]
    return bounds["x"] + facet["x"] + 2.5 * width, bounds["y"] + facet["y"] + (row + 0.5) * height


def test_the_read_out_takes_one_line_whether_anything_is_pointed_at_or_not(tabs: Opener, address: str) -> None:
    page = opened(tabs(), address, "scores")
    heights = [page.locator(".spoken").bounding_box()]
    page.mouse.move(*point(page, page.locator('.panel[data-panel="scores"]'), (0, 1, 2, 3)))
    expect(page.locator(".linking")).to_contain_text("reads 8 cells of query")
    heights.append(page.locator(".spoken").bounding_box())
    assert all(box is not None and box["height"] < 40 for box in heights)


def test_stacked_inputs_have_numerals_where_the_width_has_room_for_them(tabs: Opener, address: str) -> None:
    page = opened(tabs(), address, "scores", "one")
    for title in ("query", "key_t"):
        geometry = json.loads(page.locator(f'.panel[data-panel="{title}"]').get_attribute("data-geometry") or "")
        assert min(geometry["cell"]) >= 27  # what a numeral takes


def test_an_axis_of_size_one_says_what_it_repeats_along(tabs: Opener, address: str) -> None:
    page = opened(tabs(), address, "masked")
    mask = page.locator('.panel[data-panel="mask"]')
    assert [" ".join(chip.split()) for chip in mask.locator(".chip").all_inner_texts()] == ["B 1", "1", "1", "S 5"]
    titles = [chip.get_attribute("title") for chip in mask.locator(".chip").all()[1:3]]
    assert titles == ["an axis of size 1: repeats along H", "an axis of size 1: repeats along S"]
    page.mouse.move(*point(page, mask, (0, 0, 0, 2)))
    expect(page.locator(".reading")).to_contain_text("mask[B=0, 0, 0, S=2 ")


def test_a_finger_is_told_of_taps_and_a_mouse_of_clicks_and_keys(tabs: Opener, address: str) -> None:
    said = []
    for touch in (True, False):
        page = tabs(viewport=NARROW, has_touch=touch, is_mobile=touch)
        said.append(opened(page, address, "scores").locator(".reading").inner_text())
    assert said == [
        "Tap a cell to keep it; tap it again to let go.",
        "Point at a cell to read it; click keeps it. With the keyboard: Tab, arrow keys, Enter, Escape.",
    ]


def test_a_tap_keeps_a_cell_and_a_second_tap_lets_it_go(tabs: Opener, address: str) -> None:
    page = opened(tabs(viewport=NARROW, has_touch=True, is_mobile=True), address, "scores")
    for state in (1, 0):
        page.touchscreen.tap(*point(page, page.locator('.panel[data-panel="query"]'), (0, 1, 2, 3)))
        expect(page.locator(".stage-root[data-pinned]")).to_have_count(state)
