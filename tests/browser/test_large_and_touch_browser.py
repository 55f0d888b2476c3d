"""The first screen at large sizes, on a phone, and with today's models."""

from __future__ import annotations

import re
from typing import cast

import pytest
from playwright.sync_api import Locator, Page, expect

from engine import run
from engine.variant_config import BertConfig, LlamaConfig, VariantConfig
from pages.ui.state.chosen_model import ChosenModel
from tests.browser.conftest import NARROW
from tests.browser.tabs import Opener
from tests.browser.test_strip_browser import BOX, MAIN, box, drag, opened, settled, sizes_row

pytestmark = [pytest.mark.browser, pytest.mark.still]

ATTENTION = "encoder.layers.0.self_attention"
# Whether a strip has come to be scrolled so far, once it has.
_SCROLLED = """(scroll, far) => new Promise((done) => {
    const look = () => (scroll.scrollLeft > far ? done(true) : requestAnimationFrame(look));
    look();
})"""
LARGE = {"reads": "tokens", "src_len": 128, "d_model": 512, "heads": 8, "encoder_layers": 1, "decoder_layers": 1}


def test_a_large_permute_is_drawn_in_whole_slabs_and_its_numbers_are_one_press_away(tab: Page, app: str):
    opened(tab, f"{app}/walkthrough", step=f"{ATTENTION}.query:permute", **LARGE)
    slabs = tab.locator(".panel .slabs")
    expect(slabs).to_have_count(2, timeout=60_000)
    expect(slabs.first.locator("figcaption").last).to_have_text("S 127")
    expect(slabs.last.locator("figcaption")).to_have_text([f"H {head}" for head in range(8)])
    expect(slabs.last).to_have_attribute("aria-label", "query as whole slabs: B 2, H 8, S 128, d_k 64")
    colours = slabs.last.locator("canvas").evaluate_all(
        "faces => faces.map((face) => [...face.getContext('2d').getImageData(0, 0, 1, 1).data].join())"
    )
    bands = slabs.first.locator("canvas").first.evaluate(
        """face => Array.from({ length: 8 }, (_, head) =>
            [...face.getContext('2d').getImageData(0, head, 1, 1).data].join())"""
    )
    assert len(set(colours)) == 8
    # The row of each head in the first token is among the first rows of that head, which begin darkest.
    for band, colour in zip(bands, colours, strict=True):
        assert [*map(int, band.split(","))] == pytest.approx([*map(int, colour.split(","))], abs=3)
    expect(tab.locator(".panel .scroller").last).to_be_hidden()
    tab.get_by_role("group", name="slabs or numbers").get_by_role("button", name="numbers").click()
    expect(tab.locator(".panel .scroller").last).to_be_visible()
    expect(slabs).to_have_count(0)
    expect(tab.locator(".directions").last).to_have_text("rows S ↓0–63 of 128  columns d_k →")
    tab.get_by_role("button", name="next source length").click()
    expect(tab.locator(".directions").last).to_contain_text("rows S ↓64–127 of 128", timeout=30_000)
    shown = tab.locator(".locator").last.locator("rect").last
    whole = tab.locator(".locator").last.locator("rect").first
    assert float(shown.get_attribute("y") or 0) == pytest.approx(float(whole.get_attribute("height") or 0) / 2)


def test_a_step_that_is_drawn_nearly_whole_keeps_its_numbers(tab: Page, app: str):
    opened(tab, f"{app}/walkthrough", step=f"{ATTENTION}.query:permute", weights="random")
    expect(tab.locator(".panel .scroller").last).to_be_visible(timeout=60_000)
    expect(tab.locator(".panel .slabs")).to_have_count(0)


def test_a_press_on_the_map_opens_another_block_and_the_names_of_modules_stand_above_theirs(tab: Page, app: str):
    opened(tab, f"{app}/walkthrough", step=f"{ATTENTION}.scores", weights="random")
    tab.locator(f"{MAIN} .map [aria-current]").hover()
    expect(tab.locator(f"{MAIN} .map .tip")).to_have_text("0 self-attention")
    tab.locator(f'{MAIN} .map .box[data-name="encoder.layers.1.feed_forward"]').click()
    tab.wait_for_url(re.compile(r"step=encoder\.layers\.1\.feed_forward\.hidden"), timeout=30_000)
    expect(tab.locator(f"{MAIN} .blocks [aria-current]")).to_have_text("feed-forward")
    tab.locator(f"{MAIN} .blocks").get_by_role("button", name="layer 1").click()
    expect(tab.locator(f"{MAIN} .module")).to_have_count(4, timeout=30_000)
    named = tab.locator(f"{MAIN} .band").evaluate_all("bands => bands.map((band) => band.dataset.module)")
    parts = ("self_attention", "self_attention_norm", "feed_forward", "feed_forward_norm")
    assert named == [f"encoder.layers.1.{part}" for part in parts]


def swipe(page: Page, over: Locator, across: int) -> None:
    """A finger that is laid on, moved across and lifted, as the browser hears it from a touch screen."""
    over.scroll_into_view_if_needed()
    bounds = over.bounding_box()
    assert bounds is not None
    x, y = bounds["x"] + bounds["width"] / 2, bounds["y"] + bounds["height"] / 2
    device = page.context.new_cdp_session(page)
    moves = [("touchStart", 0), *(("touchMove", across * part / 6) for part in range(1, 7)), ("touchEnd", 0)]
    for kind, by in moves:
        points = [] if kind == "touchEnd" else [{"x": x + by, "y": y}]
        device.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    device.detach()


def test_a_finger_opens_a_box_moves_a_size_and_may_scroll_the_strip(tabs: Opener, app: str):
    page = tabs(viewport=NARROW, has_touch=True, is_mobile=True)
    opened(page, f"{app}/walkthrough", step=f"{ATTENTION}.scores", reads="tokens")
    page.get_by_role("button", name=re.compile("Sizes B")).tap()
    slider = sizes_row(page).get_by_role("slider", name="H heads")
    bounds = slider.bounding_box()
    assert bounds is not None
    assert bounds["height"] >= 44
    page.touchscreen.tap(bounds["x"] + bounds["width"] - 6, bounds["y"] + bounds["height"] / 2)
    page.wait_for_url(re.compile("heads=16"), timeout=30_000)
    expect(box(page, "scores")).to_have_attribute("data-shape", "2,16,5,5", timeout=30_000)
    settled(page)
    lines = page.locator(".code .line[role]")
    assert min(lines.evaluate_all("lines => lines.map((line) => line.getBoundingClientRect().height)")) >= 24
    scroll = page.locator(f"{MAIN} > .scroll")
    wider = "scroll => [scroll.scrollWidth > scroll.clientWidth, getComputedStyle(scroll).overflowX]"
    assert scroll.evaluate(wider) == [True, "auto"]
    before = scroll.evaluate("scroll => scroll.scrollLeft")
    swipe(page, scroll, -120)
    # A finger moves a little before the browser takes it for a swipe.
    assert scroll.evaluate(_SCROLLED, before + 60)
    box(page, "scaled").tap()
    page.wait_for_url(re.compile(r"step=[\w.]*scaled"), timeout=30_000)
    expect(page.locator(f"{BOX}[aria-current=step]")).to_have_attribute("data-name", "scaled")


@pytest.mark.parametrize(
    ("model", "config"), [("llama", LlamaConfig(device="cpu")), ("bert", BertConfig(device="cpu"))]
)
def test_while_a_size_of_a_model_of_today_is_dragged_every_shape_is_the_one_that_pytorch_comes_to(
    model: str, config: VariantConfig, tab: Page, app: str
):
    block = "layers.0.self_attention"
    opened(tab, f"{app}/walkthrough", model=model, reads="tokens", step=f"{block}.scores")
    for slider in sizes_row(tab).get_by_role("slider").all():
        name = slider.get_attribute("data-size") or ""
        low, high = (int(slider.get_attribute(end) or 0) for end in ("min", "max"))
        stops = [int(stop) for stop in (slider.get_attribute("data-stops") or "").split(",") if stop]
        for value in sorted({stops[0], stops[-1]} if stops else {low, (low + high) // 2, high}):
            at = drag(slider, value)
            trace = run(cast(VariantConfig, ChosenModel(model, config).move(name, at).config))
            drawn = tab.locator(f"{BOX}:not(.given)").evaluate_all(
                "boxes => boxes.map(({ dataset }) => [dataset.step, dataset.shape])"
            )
            for index, shape in drawn:
                step = trace.steps[int(index)]
                assert shape == ",".join(map(str, step.shape)), (name, at, step.full_name)
            assert len(drawn) > 10
        drag(slider, getattr(config, name))


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_the_way_of_the_cells_is_not_played_for_people_who_asked_for_stillness(motion: str, tabs: Opener, app: str):
    page = tabs(reduced_motion=motion)
    opened(page, f"{app}/walkthrough", step=f"{ATTENTION}.query:permute", weights="random")
    page.locator(".travel").get_by_role("button", name="Replay").click()
    expect(page.locator(".stage-root")).to_have_attribute("data-travel", "playing")
    expect(page.locator("canvas.overlay")).to_have_count(0 if motion == "reduce" else 1)
