"""The strip and the sizes above it, as a person uses them: looked at, dragged, walked with keys, pressed."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Locator, Page, expect

from engine import Config, Trace, run
from tests.browser.conftest import NARROW, WIDE
from tests.browser.settings_bar import open_drawer
from tests.browser.tabs import Opener

pytestmark = [pytest.mark.browser, pytest.mark.still]

ATTENTION = "encoder.layers.0.self_attention"
MIDDLE = {"width": 1024, "height": 800}
SMALL = {"encoder_layers": 1, "decoder_layers": 1}
# batch, source length, heads, d_model and d_k
SIZES = (
    (1, 1, 1, 1, 1),
    (1, 18, 4, 64, 16),
    (1, 18, 8, 64, 8),
    (2, 5, 4, 32, 8),
    (4, 128, 16, 512, 32),
    (16, 2, 16, 16, 1),
    (1, 256, 1, 8, 8),
    (3, 7, 2, 1024, 512),
    (16, 100, 5, 30, 6),
    (2, 64, 16, 160, 10),
)

MAIN = "div.strip:not(.small)"  # in its head is the map of the whole model
BOX = f"{MAIN} > .scroll .box"
# The box of a line of text begins 3 px above the highest of these letters.
_OVERLAPS = """() => {
    const ABOVE_LETTERS = 2;
    const boxes = [];
    const visit = (node) => {
        for (const child of node.querySelectorAll("*")) {
            if (child.matches(".box")) boxes.push(child);
            if (child.shadowRoot) visit(child.shadowRoot);
        }
    };
    visit(document);
    const parts = boxes.flatMap((box, owner) => [...box.querySelectorAll("text, .face, .slabs, .stack")].map((part) => {
        const { left, right, bottom, ...around } = part.getBoundingClientRect().toJSON();
        const kind = part.matches("text") ? "text" : "shape";
        const top = around.top + (kind === "text" ? ABOVE_LETTERS : 0);
        const said = `${box.dataset.name} ${part.textContent || part.classList}`;
        return { owner, kind, said, left, right, top, bottom };
    })).filter(({ left, right, top, bottom }) => right - left > 0.5 && bottom - top > 0.5);
    const overlaps = [];
    parts.forEach((one, a) => parts.slice(a + 1).forEach((other) => {
        if (one.kind === "shape" && other.kind === "shape" && one.owner === other.owner) return;
        const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
        const down = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
        if (across > 0.5 && down > 0.5) overlaps.push(`${one.said} and ${other.said}: ${across} × ${down}`);
    }));
    return [boxes.length, overlaps];
}"""


@pytest.fixture
def demo(demos: str) -> str:
    return f"{demos}/strip"


def settled(page: Page) -> None:
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=60_000)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def opened(page: Page, address: str, **query: Any) -> None:
    page.goto(f"{address}?{urlencode(query)}")
    expect(page.locator(f"{BOX}").first).to_be_visible(timeout=180_000)  # transformers is loaded for some
    settled(page)


def box(page: Page, name: str, op: str | None = None) -> Locator:
    return page.locator(f'{BOX}[data-name="{name}"]' + (f'[data-op="{op}"]' if op else "")).last


def sizes_row(page: Page) -> Locator:
    return page.get_by_role("group", name="Sizes")


def shapes(page: Page) -> list[list[str | None]]:
    """Step and shape of each box that a step of the block made."""
    return page.locator(f"{BOX}:not(.given)").evaluate_all(
        "boxes => boxes.map(({ dataset }) => [dataset.step, dataset.shape])"
    )


def expected(trace: Trace, path: str = ATTENTION) -> list[list[str | None]]:
    return [[str(one.index), ",".join(map(str, one.shape))] for one in trace.steps if one.path == path]


def drag(slider: Locator, value: int) -> int:
    """Moves a thumb without letting go of it, and returns where it came to stand."""
    return slider.evaluate(
        """(input, value) => {
            const stops = input.dataset.stops?.split(",").map(Number);
            input.value = stops ? stops.indexOf(value) : value;
            input.dispatchEvent(new Event("input", { bubbles: true }));
            return Number(input.ariaValueText ?? input.getAttribute("aria-valuetext"));
        }""",
        value,
    )


def let_go(slider: Locator) -> None:
    slider.evaluate("input => input.dispatchEvent(new Event('change', { bubbles: true }))")


@pytest.mark.parametrize(
    "sample", [pytest.param(SIZES, marks=pytest.mark.whole, id="all"), pytest.param(SIZES[::5], id="some")]
)
@pytest.mark.parametrize("viewport", [WIDE, MIDDLE, NARROW], ids=["1440", "1024", "390"])
def test_no_label_lies_on_another_or_on_a_box_at_any_size(viewport, sample, tabs: Opener, demo: str):
    page = tabs(viewport=viewport)
    for sizes in sample:
        opened(page, demo, **dict(zip(("batch", "src_len", "heads", "d_model", "d_k"), sizes, strict=True)))
        count, overlaps = page.evaluate(_OVERLAPS)
        assert count == 21
        assert overlaps == [], sizes
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("of", ["function", "failing", "llama", "block"])
def test_no_label_lies_on_another_in_other_peoples_blocks(of, tab: Page, demo: str):
    opened(tab, demo, of=of)
    count, overlaps = tab.evaluate(_OVERLAPS)
    assert count >= {"function": 5, "failing": 7, "llama": 25, "block": 40}[of]
    assert overlaps == []


def test_no_label_lies_on_another_while_sizes_change(tab: Page, app: str):
    opened(tab, f"{app}/walkthrough", reads="tokens", step=f"{ATTENTION}.scores", batch=2, src_len=18)
    slider = sizes_row(tab).get_by_role("slider", name="H heads")
    for heads in (8, 16, 1):
        drag(slider, heads)
        expect(tab.locator(f"{MAIN}.moving")).to_have_count(1)
        assert tab.evaluate(_OVERLAPS)[1] == []
    drag(sizes_row(tab).get_by_role("slider", name="S source length"), 128)
    assert tab.evaluate(_OVERLAPS)[1] == []


@pytest.mark.parametrize(
    ("name", "label", "values"),
    [
        ("batch", "B batch", range(1, 17)),
        ("src_len", "S source length", (1, 2, 9, 64, 128)),
        ("heads", "H heads", (1, 2, 4, 8, 16)),
        ("d_model", "d_model", (8, 12, 32, 64, 256, 512)),
    ],
)
def test_while_a_size_is_dragged_every_shape_is_the_one_that_pytorch_then_comes_to(name, label, values, tab, app):
    opened(tab, f"{app}/walkthrough", reads="tokens", step=f"{ATTENTION}.scores", **SMALL)
    slider = sizes_row(tab).get_by_role("slider", name=label)
    for value in values:
        assert drag(slider, value) == value
        config = Config(**SMALL, device="cpu").change(**{name: value})
        assert shapes(tab) == expected(run(config))


def test_where_source_and_target_meet_every_size_of_the_row_leads_to_the_shapes_of_pytorch(tab: Page, app: str):
    cross = "decoder.layers.0.cross_attention"
    opened(tab, f"{app}/walkthrough", reads="tokens", step=f"{cross}.scores", **SMALL)
    for name, label, values in (
        ("tgt_len", "T target length", (1, 9, 128)),
        ("src_len", "S source length", (1, 64)),
        ("batch", "B batch", (1, 16)),
        ("heads", "H heads", (1, 16)),
        ("d_model", "d_model", (8, 1024)),
    ):
        slider = sizes_row(tab).get_by_role("slider", name=label)
        for value in values:
            assert drag(slider, value) == value
            config = Config(**SMALL, device="cpu").change(**{name: value})
            assert shapes(tab) == expected(run(config), cross), (name, value)
        drag(slider, getattr(Config(), name))
        slider.blur()


def test_a_size_of_the_drawer_leads_to_the_shapes_of_pytorch(tab: Page, app: str):
    feed_forward = "encoder.layers.0.feed_forward"
    config = Config(**SMALL, device="cpu")
    opened(tab, f"{app}/walkthrough", reads="tokens", step=f"{ATTENTION}.mixed", **SMALL)
    drawer = open_drawer(tab)
    for name, value, path, step in (
        ("d_v", 3, ATTENTION, "mixed"),
        ("d_k", 5, ATTENTION, "key_t"),
        ("d_ff", 96, feed_forward, "hidden"),
    ):
        if path != ATTENTION:
            opened(tab, f"{app}/walkthrough", reads="tokens", step=f"{path}.{step}", **SMALL)
            drawer, config = open_drawer(tab), Config(**SMALL, device="cpu")
        if name == "d_ff":
            drawer.get_by_role("slider", name=name).press("ArrowLeft")
        else:
            drawer.get_by_role("spinbutton", name=name).fill(str(value))
            drawer.get_by_role("spinbutton", name=name).press("Enter")
        tab.wait_for_url(re.compile(f"{name}={value}"), timeout=30_000)
        settled(tab)
        config = config.change(**{name: value})
        trace = run(config)
        changed = trace.find(f"{path}.{step}").shape
        expect(box(tab, step)).to_have_attribute("data-shape", ",".join(map(str, changed)), timeout=30_000)
        assert shapes(tab) == expected(trace, path), name


def test_heads_stop_where_they_divide_d_model_and_come_back_to_where_they_were(tab: Page, app: str):
    opened(tab, f"{app}/walkthrough", reads="tokens", step=f"{ATTENTION}.scores", d_model=48, heads=4, **SMALL)
    slider = sizes_row(tab).get_by_role("slider", name="H heads")
    before = shapes(tab)
    slider.focus()
    stops = [slider.press("ArrowRight") or int(slider.input_value()) for _ in range(5)]
    assert stops == [6, 8, 12, 16, 16]
    assert drag(slider, 4) == 4
    expect(tab.locator(".derived")).to_have_text("d_k = 48 ÷ 4 = 12")
    assert shapes(tab) == before


def test_let_go_a_size_runs_and_can_be_undone(tab: Page, app: str):
    opened(tab, f"{app}/walkthrough", step=f"{ATTENTION}.scores")
    slider = sizes_row(tab).get_by_role("slider", name="H heads")
    tab.locator(f"{MAIN} .map .strip").evaluate("map => map.dataset.seen = 'before'")
    drag(slider, 8)
    expect(tab.locator(f"{MAIN} > .head > .totals")).to_contain_text("FLOPs when it has run")
    expect(box(tab, "scores").locator(".changed")).to_have_text("4 → 8")
    expect(tab.locator(f"{BOX}.changes")).to_have_count(14)
    let_go(slider)
    tab.wait_for_url(re.compile("heads=8"), timeout=30_000)
    settled(tab)
    expect(tab.locator(f"{MAIN} > .head > .totals")).not_to_contain_text("when it has run", timeout=30_000)
    expect(tab.locator(f"{MAIN}.moving")).to_have_count(0)
    assert box(tab, "scores").get_attribute("data-shape") == "1,8,18,18"
    expect(slider).to_have_value("8")
    expect(tab.locator(f"{MAIN} > .note")).to_have_text("")
    expect(tab.locator(f"{MAIN} .map .strip")).to_have_attribute("data-seen", "before")  # it stayed all the while
    tab.get_by_role("button", name="Undo").click()
    expect(slider).to_have_value("4", timeout=30_000)
    expect(box(tab, "scores")).to_have_attribute("data-shape", "1,4,18,18")


def test_a_thumb_that_comes_back_leaves_everything_as_it_was(tab: Page, app: str):
    opened(tab, f"{app}/walkthrough", step=f"{ATTENTION}.scores", weights="random")
    slider = sizes_row(tab).get_by_role("slider", name="H heads")
    before, totals = shapes(tab), tab.locator(f"{MAIN} > .head > .totals").inner_text()
    slider.focus()
    for heads in (8, 16, 4):
        drag(slider, heads)
    slider.blur()
    assert shapes(tab) == before
    expect(tab.locator(f"{MAIN}.moving")).to_have_count(0)
    expect(tab.locator(f"{MAIN} > .head > .totals")).to_have_text(totals)
    drag(slider, 2)
    let_go(slider)
    expect(tab.locator(f"{MAIN} > .head > .totals")).not_to_contain_text("when it has run", timeout=30_000)
    assert box(tab, "scores").get_attribute("data-shape") == "1,2,5,5"


def test_where_pytorch_comes_to_another_shape_the_screen_says_so(tab: Page, demo: str):
    sizes = {"batch": 1, "src_len": 5, "heads": 4, "d_model": 32, "d_k": 8}
    opened(tab, demo, asked=1, **sizes)
    slider = sizes_row(tab).get_by_role("slider", name="H heads")
    drag(slider, 8)
    assert box(tab, "scores").get_attribute("data-shape") == "1,8,5,5"
    let_go(slider)
    expect(tab.locator(f"{MAIN} > .note")).to_contain_text("PyTorch came to other shapes than were foreseen: query")
    assert box(tab, "scores").get_attribute("data-shape") == "1,4,5,5"


def test_sizes_that_were_not_run_go_back_to_those_that_were(tab: Page, demo: str):
    sizes = {"batch": 1, "src_len": 5, "heads": 4, "d_model": 32, "d_k": 8}
    opened(tab, demo, asked="refused", **sizes)
    slider = tab.get_by_role("slider", name="H heads")
    drag(slider, 8)
    let_go(slider)
    words = "These sizes were not run. The shapes are those of the last run."
    expect(tab.locator(f"{MAIN} > .note")).to_have_text(words)
    assert box(tab, "scores").get_attribute("data-shape") == "1,4,5,5"
    expect(slider).to_have_value("4")


def test_the_keyboard_walks_the_strip_and_opens_a_box(tab: Page, app: str):
    opened(tab, f"{app}/walkthrough", step=f"{ATTENTION}.scores", weights="random")
    box(tab, "query", "permute").focus()
    focused = tab.locator(f"{BOX}:focus")
    for key, name, op in (
        ("ArrowDown", "key", "permute"),
        ("ArrowRight", "key_t", "transpose"),
        ("ArrowLeft", "key", "permute"),
        ("ArrowUp", "query", "permute"),
        ("ArrowRight", "key_t", "transpose"),
        ("End", "output", "linear"),
        ("ArrowLeft", "concat", "view"),
    ):
        tab.keyboard.press(key)
        expect(focused).to_have_attribute("data-name", name)
        expect(focused).to_have_attribute("data-op", op)
    tab.keyboard.press("Enter")
    tab.wait_for_url(re.compile(r"step=[\w.]*concat"), timeout=30_000)
    expect(tab.locator(f"{BOX}[aria-current=step]")).to_have_attribute("data-name", "concat")
    expect(tab.locator('.panel[data-panel="concat"]')).to_be_visible()


def test_a_box_says_its_shape_and_its_making_in_one_sentence(tab: Page, app: str):
    opened(tab, f"{app}/walkthrough", reads="tokens", step=f"{ATTENTION}.scores", batch=2, src_len=7, **SMALL)
    said = "scores: batch 2, heads 4, source 7, source 7; from query and key_t by matmul"
    expect(tab.get_by_role("button", name=said)).to_have_count(1)


def test_a_folded_module_opens_as_the_block_that_is_drawn_and_the_row_above_leads_back(tab: Page, app: str):
    opened(tab, f"{app}/walkthrough", step=f"{ATTENTION}.scores", scope=".", weights="random")
    expect(tab.locator(f"{BOX}[aria-current=step]")).to_have_attribute("data-name", "encoder")
    box(tab, "decoder").click()
    expect(tab.locator(f"{MAIN} .blocks [aria-current]")).to_have_text("decoder", timeout=30_000)
    expect(tab.locator('.box[data-name="decoder.layers.0"]')).to_have_count(1)
    tab.locator(f"{MAIN} .blocks").get_by_role("button", name="model").click()
    expect(tab.locator('.box[data-name="encoder"]')).to_have_count(1, timeout=30_000)


def test_a_block_beside_the_one_that_is_drawn_is_one_press_away(tab: Page, app: str):
    opened(tab, f"{app}/walkthrough", step=f"{ATTENTION}.scores", weights="random")
    tab.locator(f"{MAIN} .blocks").get_by_role("button", name="feed-forward", exact=True).click()
    tab.wait_for_url(re.compile(r"step=encoder\.layers\.0\.feed_forward\.hidden"), timeout=30_000)
    expect(tab.locator(f"{MAIN} .blocks [aria-current]")).to_have_text("feed-forward")
    expect(tab.locator(f"{BOX}[aria-current=step]")).to_have_attribute("data-name", "hidden")


def test_a_box_on_the_front_page_opens_its_step_below_it(tab: Page, app: str):
    opened(tab, app, heads=2, weights="random")
    box(tab, "weights").click()
    tab.wait_for_url(re.compile(r"/\?.*step=[\w.]*weights"), timeout=60_000)
    settled(tab)
    expect(tab.locator(f"{BOX}[aria-current=step]")).to_have_attribute("data-name", "weights")
    assert box(tab, "weights").get_attribute("data-shape") == "1,2,5,5"


def test_nothing_moves_by_itself_for_people_who_asked_for_that(tabs: Opener, app: str):
    page = tabs(reduced_motion="reduce")
    opened(page, f"{app}/walkthrough", step=f"{ATTENTION}.scores", weights="random")
    assert box(page, "scores").evaluate("box => getComputedStyle(box).transitionDuration") == "0s"


def test_the_whole_of_attention_is_in_sight_and_low_at_the_sizes_that_the_app_opens_with(tab: Page, app: str):
    opened(tab, f"{app}/walkthrough", step=f"{ATTENTION}.scores")
    assert tab.locator(f"{MAIN} > .scroll").evaluate("scroll => scroll.scrollWidth - scroll.clientWidth") <= 0
    assert tab.locator(MAIN).evaluate("strip => strip.getBoundingClientRect().height") <= 307


def test_the_call_that_failed_is_drawn_with_the_edges_that_disagree_in_red(tab: Page, demo: str):
    opened(tab, demo, of="failing")
    failed = tab.locator(f"{BOX}.failed")
    expect(failed).to_have_attribute("data-name", "query @ key")
    expect(failed.locator(".wrong")).to_have_text(["d_k 8", "L 6"])
    expect(tab.locator(f"{BOX}:not(.failed) .wrong")).to_have_text(["d_k 8", "L6"])
    red = tab.locator(f"{MAIN} .disagreeing").evaluate_all(
        "paths => paths.filter((path) => path.getAttribute('d')).map((path) => getComputedStyle(path).stroke)"
    )
    assert red == ["rgb(179, 38, 30)"] * 3
    expect(failed).to_have_attribute("aria-label", "query @ key: this call failed; it read query and key")


def test_a_person_folds_a_run_of_small_steps_and_unfolds_it_again(tab: Page, app: str):
    opened(tab, f"{app}/walkthrough", step=f"{ATTENTION}.scores", weights="random")
    fold = tab.locator(f"{MAIN} .folds").get_by_role("button", name="small steps")
    expect(fold).to_have_attribute("aria-pressed", "false")
    fold.click()
    expect(box(tab, "scaled, masked")).to_have_count(1, timeout=30_000)
    expect(box(tab, "masked")).to_have_count(0)
    expect(fold).to_have_attribute("aria-pressed", "true")
    fold.click()
    expect(box(tab, "masked")).to_have_count(1, timeout=30_000)


def test_the_map_marks_the_block_that_is_open_and_a_press_opens_another(tab: Page, demo: str):
    sizes = {"batch": 1, "src_len": 5, "heads": 2, "d_model": 8, "d_k": 4}
    opened(tab, demo, map=1, **sizes)
    small = tab.locator(".strip.small")
    expect(small.locator(".box")).to_have_count(8)
    expect(small.locator("[aria-current]")).to_have_attribute("data-name", ATTENTION)
    expect(tab.locator(".box[data-op=matmul][aria-current]")).to_have_attribute("data-name", "scores")
    small.locator(f'[data-name="{ATTENTION.replace("self_attention", "feed_forward")}"]').click()
    expect(tab.get_by_text("picked encoder.layers.0.feed_forward.hidden")).to_be_visible(timeout=30_000)
    tab.locator(".box[data-name=query][data-op=view]").click()
    expect(tab.get_by_text(re.compile(r"^picked \d+$"))).to_be_visible(timeout=30_000)
