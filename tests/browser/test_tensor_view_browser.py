"""The tensor view in a real browser: what it says of a cell is what torch computed, by mouse, touch and keyboard."""

from __future__ import annotations

import numpy
import pytest
import torch
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NARROW
from tests.browser.pointing import point
from tests.browser.tabs import Opener

pytestmark = [pytest.mark.browser, pytest.mark.still]


@pytest.fixture
def address(demos: str) -> str:
    return f"{demos}/tensor_view"


class View:
    """One tab with the demo, and the ways to point at it."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address

    def show(self, name: str) -> View:
        self.page.goto(f"{self.address}?show={name}")
        expect(self.page.get_by_text("tensor view demo · run")).to_be_visible(timeout=60_000)
        expect(self.page.locator(".panel[data-geometry]").first).to_be_attached(timeout=60_000)
        self.settle()
        return self

    def settle(self) -> None:
        expect(self.page.locator(".stage-root[data-busy]")).to_have_count(0)
        self.page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
        self.page.wait_for_timeout(150)

    def panel(self, title: str, nth: int = 0) -> Locator:
        return self.page.locator(f'.panel[data-panel="{title}"]').nth(nth)

    def point(self, title: str, index: tuple[int, ...], nth: int = 0) -> tuple[float, float]:
        return point(self.page, self.panel(title, nth), index)

    def hover(self, title: str, index: tuple[int, ...], nth: int = 0) -> None:
        self.page.mouse.move(*self.point(title, index, nth))

    def click(self, title: str, index: tuple[int, ...], nth: int = 0) -> None:
        self.page.mouse.click(*self.point(title, index, nth))

    def away(self) -> None:
        self.page.mouse.move(5, 5)

    def reading(self, nth: int = 0) -> str:
        return self.page.locator(".reading").nth(nth).inner_text()

    def value(self, nth: int = 0) -> str:
        return self.reading(nth).split(" = ")[-1].replace("−", "-")

    def linking(self) -> str:
        return self.page.locator(".linking").first.inner_text()

    def python_says(self) -> str:
        return self.page.locator(".st-key-selection").inner_text()


@pytest.fixture
def view(tabs: Opener, address: str) -> View:
    return View(tabs(), address)


def normal(*shape: int, seed: int = 7) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def factors(*sizes: int, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The demo's query, key_t and scores."""
    batch, heads, length, width = sizes
    query, key_t = normal(batch, heads, length, width, seed=seed), normal(batch, heads, width, length, seed=seed + 1)
    return query, key_t, query @ key_t


# --- hovering


def test_hovering_reads_exactly_the_number_torch_computed(view: View) -> None:
    view.show("matmul")
    query, key_t, scores = factors(2, 4, 5, 8)
    for title, tensor, index in [
        ("scores", scores, (0, 1, 3, 2)),
        ("scores", scores, (1, 3, 4, 4)),
        ("query", query, (1, 0, 0, 7)),
        ("key_t", key_t, (0, 2, 6, 1)),
    ]:
        view.hover(title, index)
        assert numpy.float32(view.value()) == tensor[index].numpy()


def test_hovering_a_score_lights_the_row_and_the_column_it_read(view: View) -> None:
    view.show("matmul").hover("scores", (0, 1, 3, 2))
    assert view.linking() == "reads 8 cells of query, 8 of key_t"
    assert [view.panel(title).get_attribute("data-lit") for title in ("query", "key_t", "scores")] == ["8", "8", "0"]


def test_hovering_an_input_lights_the_outputs_that_read_it(view: View) -> None:
    view.show("matmul").hover("key_t", (1, 3, 0, 2))
    assert view.linking() == "read by 5 cells of scores"
    assert view.panel("scores").get_attribute("data-lit") == "5"


def test_nothing_moves_when_a_cell_is_pointed_at(view: View) -> None:
    view.show("matmul")
    before = view.page.locator(".readout").bounding_box()
    view.hover("scores", (0, 1, 3, 2))
    assert view.page.locator(".readout").bounding_box() == before


def test_a_masked_cell_says_so(view: View) -> None:
    view.show("softmax").hover("weights", (0, 0, 1, 3))
    assert view.reading().endswith("= 0.0 masked")


# --- pinning


def test_a_click_pins_and_escape_releases(view: View) -> None:
    view.show("matmul").click("scores", (0, 1, 3, 2))
    view.away()
    pinned = view.reading()
    assert pinned.startswith("scores[B=0, H=1, S=3 “home”, S=2 “go”]")
    expect(view.page.get_by_text("pinned 2 (0, 1, 3, 2)")).to_be_visible()
    view.page.keyboard.press("Escape")
    assert "Point at a cell" in view.reading()
    expect(view.page.get_by_text("pinned nothing")).to_be_visible()


def test_a_second_click_on_the_pinned_cell_releases_it(view: View) -> None:
    view.show("matmul").click("query", (0, 0, 0, 0))
    expect(view.page.get_by_text("pinned 0 (0, 0, 0, 0)")).to_be_visible()
    view.click("query", (0, 0, 0, 0))
    expect(view.page.get_by_text("pinned nothing")).to_be_visible()


def test_arrow_keys_move_the_pinned_cell_and_cross_from_head_to_head(view: View) -> None:
    view.show("matmul").click("scores", (0, 1, 3, 3))
    view.away()
    for key in ("ArrowUp", "ArrowRight", "ArrowRight"):
        view.page.keyboard.press(key)
    assert view.reading().startswith("scores[B=0, H=2, S=2 “go”, S=0 “⟨begin⟩”]")
    expect(view.page.get_by_text("pinned 2 (0, 2, 2, 0)")).to_be_visible()


def test_a_pin_outlives_new_numbers_and_reads_them(view: View) -> None:
    view.show("slider").click("scores", (1, 0, 2, 4))
    expect(view.page.get_by_text("pinned 2 (1, 0, 2, 4)")).to_be_visible()
    view.page.locator("input[type=range]").focus()
    view.page.keyboard.press("ArrowRight")
    expect(view.page.get_by_text("seed is 2")).to_be_visible()
    view.settle()
    assert numpy.float32(view.value()) == factors(2, 4, 5, 8, seed=2)[2][1, 0, 2, 4].numpy()


def test_a_tap_reads_and_pins(tabs: Opener, address: str) -> None:
    view = View(tabs(viewport=NARROW, has_touch=True, is_mobile=True), address).show("matmul")
    view.page.touchscreen.tap(*view.point("scores", (0, 1, 3, 2)))
    assert view.reading().startswith("scores[B=0, H=1, S=3 “home”, S=2 “go”] = ")
    assert view.linking() == "reads 8 cells of query, 8 of key_t"
    expect(view.page.get_by_text("pinned 2 (0, 1, 3, 2)")).to_be_attached()
    view.page.get_by_role("button", name="release").tap()
    expect(view.page.get_by_text("pinned nothing")).to_be_attached()


# --- the keyboard alone, and ears


def test_everything_is_reached_by_keyboard_alone(view: View) -> None:
    view.show("matmul")
    grid = view.panel("scores").locator(".grid")
    for _ in range(30):
        view.page.keyboard.press("Tab")
        if grid.evaluate("element => element.getRootNode().activeElement === element"):
            break
    assert view.reading().startswith("scores[B=0, H=0, S=0 “⟨begin⟩”, S=0 “⟨begin⟩”]")
    for key in ("ArrowDown", "ArrowDown", "End", "Enter"):
        view.page.keyboard.press(key)
    assert view.reading().startswith("scores[B=0, H=0, S=2 “go”, S=4 “⟨end⟩”]")
    expect(view.page.get_by_text("pinned 2 (0, 0, 2, 4)")).to_be_visible()
    view.page.keyboard.press("Escape")
    expect(view.page.get_by_text("pinned nothing")).to_be_visible()


def test_a_screen_reader_hears_the_cell(view: View) -> None:
    view.show("matmul").click("scores", (0, 1, 3, 2))
    score = float(factors(2, 4, 5, 8)[2][0, 1, 3, 2])
    said = f"scores, B 0, H 1, S 3 home, S 2 go: {score:.4g}"
    expect(view.page.get_by_role("status").filter(has_text="scores, B 0")).to_have_text(said)
    cell = view.panel("scores").locator("[role=gridcell]")
    expect(cell).to_have_text(said)
    assert cell.get_attribute("aria-selected") == "true"
    assert (cell.get_attribute("aria-rowindex"), cell.get_attribute("aria-colindex")) == ("4", "3")


# --- what is too large to draw whole


def test_choosing_another_head_sends_that_head(view: View) -> None:
    view.show("base")
    view.page.get_by_role("button", name="heads 5").click()
    expect(view.page.get_by_text("chosen H 5")).to_be_visible()
    view.settle()
    scores = factors(10, 8, 20, 64)[2]
    view.hover("scores", (0, 5, 19, 7))
    assert view.reading().startswith("scores[B=0, H=5, S=19 “w19”, S=7 “w7”]")
    assert numpy.float32(view.value()) == scores[0, 5, 19, 7].numpy()
    view.hover("query", (0, 5, 3, 63))
    assert view.reading().startswith("query[B=0, H=5, ")


def test_a_stepper_reaches_the_next_sentence_by_keyboard(view: View) -> None:
    view.show("base")
    view.page.get_by_role("button", name="next batch").focus()
    view.page.keyboard.press("Enter")
    expect(view.page.get_by_text("chosen B 1")).to_be_visible()
    view.page.keyboard.press("Enter")
    expect(view.page.get_by_text("chosen B 2")).to_be_visible()
    view.settle()
    view.hover("scores", (2, 0, 0, 0))
    assert view.reading().startswith("scores[B=2, H=0, ")


def test_the_last_corner_of_a_large_matrix_is_reached_with_true_indices(view: View) -> None:
    view.show("large")
    huge = view.page.locator(".st-key-huge")
    for name in ("feed-forward width", "model width"):
        field = huge.get_by_role("spinbutton", name=name)
        field.fill("99999")
        field.press("Enter")
        view.settle()
    expect(huge.get_by_text("– 2047 of 2")).to_have_count(2)
    view.hover("weight", (2047, 2047))
    assert view.reading(1).startswith("weight[d_ff=2047, d_model=2047] = ")
    assert numpy.float32(view.value(1)) == normal(2048, 2048)[2047, 2047].numpy()


def test_an_arrow_key_at_the_edge_of_the_window_brings_the_next_page(view: View) -> None:
    view.show("large").click("weight", (63, 10))
    view.page.keyboard.press("ArrowDown")
    expect(view.page.locator(".reading").nth(1)).to_contain_text("weight[d_ff=64, d_model=10] = ")
    view.settle()
    assert numpy.float32(view.value(1)) == normal(2048, 2048)[64, 10].numpy()


# --- sizes and themes


@pytest.mark.parametrize(
    "show", ["matmul", "permute", "softmax", "view", "gather", "large", "stage_large", "base", "ranks", "special"]
)
def test_a_narrow_page_never_scrolls_sideways(tabs: Opener, address: str, show: str) -> None:
    view = View(tabs(viewport=NARROW), address).show(show)
    width = "element => element.scrollWidth - element.clientWidth"
    assert view.page.locator("[data-testid=stMain]").evaluate(width) == 0
    assert view.page.locator(".stage-root").first.evaluate(width) == 0


def test_a_change_of_theme_repaints_the_tensor(view: View) -> None:
    view.page.emulate_media(color_scheme="light")
    view.show("matmul")
    pixels = "element => element.querySelector('canvas').toDataURL()"
    light = view.panel("query").evaluate(pixels)
    view.page.emulate_media(color_scheme="dark")
    expect(view.page.locator(".stage-root[data-dark]")).to_be_attached()
    assert view.panel("query").evaluate(pixels) != light


def test_a_sharp_screen_gets_sharp_cells(tabs: Opener, address: str) -> None:
    view = View(tabs(device_scale_factor=2), address).show("matmul")
    drawn, seen = view.panel("query").evaluate(
        "element => [element.querySelector('canvas').width, element.querySelector('canvas').clientWidth]"
    )
    assert drawn == 2 * seen


def test_text_from_outside_is_text_and_never_markup(view: View) -> None:
    view.show("hostile")
    assert view.page.locator(".stage-root img, .stage-root script").count() == 0
    view.hover("<img src=x onerror=alert(1)>", (0, 0))
    assert view.reading().startswith("<img src=x onerror=alert(1)>[S=0 “<b>bold</b>”, ")
    expect(view.page.locator(".operation")).to_contain_text("<script>alert(2)</script>")
