"""The walkthrough in a real browser: what the page says of a number is what the engine says, however one gets there."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import torch
from playwright.sync_api import Locator, Page, expect

from engine import Config, Leaf, Step, Trace, explain, run
from engine.ops import reads
from pages.ui.state.settings import SOURCE, TARGET
from pages.ui.state.url_step import step_to_key
from tests.browser.conftest import NARROW
from tests.browser.pointing import point
from tests.browser.tabs import Opener

pytestmark = pytest.mark.browser

SMALL = {"d_model": 8, "heads": 2, "encoder_layers": 1, "decoder_layers": 1}
SCORES = "encoder.layers.0.self_attention.scores"
MOST_BYTES = 300_000


class Walk:
    """One visitor's walkthrough."""

    def __init__(self, page: Page, address: str) -> None:
        self.address = address
        self.page = page

    def open(self, trace: Trace | None = None, step: Step | None = None, **query: object) -> Walk:
        if trace is not None and step is not None:
            query["step"] = step_to_key(trace, step)
        self.page.goto(f"{self.address}/walkthrough?{urlencode({'weights': 'random', **query})}")
        self.page.locator(".stage-root[data-step]").wait_for(timeout=60_000)
        self.settle()
        return self

    def settle(self) -> None:
        self.page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=60_000)
        expect(self.page.locator(".stage-root[data-busy]")).to_have_count(0)
        expect(self.page.get_by_test_id("stException")).to_have_count(0)

    def at(self, step: Step) -> None:
        """Waits until this step is on screen and in the address."""
        expect(self.page.locator(f'.stage-root[data-step="{step.index}"]')).to_have_count(1, timeout=30_000)

    def panel(self, number: int) -> Locator:
        return self.page.locator(f'.panel[data-number="{number}"]')

    def hover(self, panel: int, index: Sequence[int]) -> None:
        self.page.mouse.move(*point(self.page, self.panel(panel), index))

    def click(self, panel: int, index: Sequence[int]) -> None:
        self.page.mouse.click(*point(self.page, self.panel(panel), index))

    def sentence(self) -> str:
        return self.page.locator(".derivation .sentence").inner_text()

    def query(self) -> dict[str, str]:
        return _query(self.page.url)

    def says(self, **expected: str | None) -> None:
        """Waits until the address says so; None for what it should say nothing of."""
        self.page.wait_for_url(
            lambda url: all(_query(url).get(name) == value for name, value in expected.items()), timeout=30_000
        )


def _query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@pytest.fixture
def walks(tabs: Opener, app: str) -> Callable[..., Walk]:
    """Opens a new visitor's walkthrough."""
    return lambda **options: Walk(tabs(reduced_motion="reduce", **options), app)


@pytest.fixture(scope="module")
def trace() -> Trace:
    return run(Config(), [SOURCE], [TARGET])


@pytest.fixture(scope="module")
def small() -> Trace:
    return run(Config(**SMALL), [SOURCE], [TARGET])  # type: ignore[arg-type]


POINTED_AT = (
    (SCORES, (0, 1, 2, 3)),
    ("encoder.layers.0.self_attention.weights", (0, 3, 1, 4)),
    ("decoder.layers.1.self_attention.masked", (0, 2, 1, 3)),
    ("encoder.layers.0.self_attention.key_t", (0, 1, 5, 2)),
    ("encoder.layers.1.feed_forward.active", (0, 4, 17)),
)


@pytest.mark.parametrize(
    "cells",
    [pytest.param(POINTED_AT, marks=pytest.mark.whole, id="all"), pytest.param(POINTED_AT[1:4], id="some")],
)
def test_pointing_at_a_cell_says_its_value_and_lights_exactly_what_it_read(
    cells: Sequence[tuple[str, tuple[int, ...]]], walks: Callable[..., Walk], trace: Trace
):
    walk = walks()
    for name, index in cells:
        step = trace.find(name)
        walk.open(trace, step)
        output = len(step.inputs)
        walk.hover(output, index)
        expect(walk.panel(output)).to_have_attribute("data-lit", "0")
        said = walk.page.locator(".reading").inner_text()
        shown = float(said.split(" = ")[1].split()[0].replace("−", "-").replace("∞", "inf"))
        # Nine digits at most, and they read back as the very number.
        assert torch.tensor(shown, dtype=step.dtype) == step.value[index]
        for number_, read in enumerate(reads(step) or ()):
            factors = {
                factor.index
                for term in explain(trace, step, index).terms
                for factor in term.factors
                if factor.parent is step.inputs[number_]
            }
            assert walk.panel(number_).get_attribute("data-reads") == str(len(factors)), (name, read)


def test_hovering_an_input_lights_the_outputs_that_read_it(walks: Callable[..., Walk], trace: Trace):
    scores = trace.find(SCORES)
    walk = walks().open(trace, scores)
    walk.hover(0, (0, 1, 2, 3))
    # One query feature takes part in the scores of its token with every key.
    expect(walk.panel(2)).to_have_attribute("data-reads", str(scores.shape[-1]))
    expect(walk.page.locator(".linking")).to_contain_text("read by 5 cells of scores")


def test_a_pinned_number_is_explained_as_the_engine_explains_it_and_escape_lets_go(
    walks: Callable[..., Walk], trace: Trace
):
    scores = trace.find(SCORES)
    walk = walks().open(trace, scores)
    walk.click(2, (0, 1, 2, 3))
    made = explain(trace, scores, (0, 1, 2, 3))
    expect(walk.page.locator(".derivation .sentence")).to_have_text(made.sentence, timeout=30_000)
    lines = walk.page.locator(".derivation .sum .line").all_inner_texts()
    assert lines == [made.formula, made.arithmetic]
    amounts = [text.replace("−", "-") for text in walk.page.locator(".terms .amount").all_inner_texts()]
    ordered = sorted((term.contribution for term in made.terms), key=abs, reverse=True)
    assert [float(amount) for amount in amounts] == pytest.approx(ordered, rel=1e-3)
    walk.says(pin="0.1.2.3")
    walk.page.keyboard.press("Escape")
    expect(walk.page.locator(".derivation .sentence")).to_have_count(0, timeout=30_000)
    walk.says(pin=None)


@pytest.mark.parametrize(
    ("name", "index", "steps"),
    [
        pytest.param("logits", (0, 2, 7), 20, marks=pytest.mark.whole, id="from a logit"),
        pytest.param(SCORES, (0, 0, 0, 0), 6, id="from a score"),
    ],
)
def test_one_walks_term_by_term_to_an_embedding_and_the_breadcrumb_leads_back(
    name: str, index: tuple[int, ...], steps: int, walks: Callable[..., Walk], small: Trace
):
    step = small.find(name)
    walk = walks().open(small, step, pin=dotted(index), **SMALL)
    seen = []
    for _ in range(len(small.steps)):
        made = explain(small, step, index)
        expect(walk.page.locator(".derivation .sentence")).to_have_text(made.sentence, timeout=30_000)
        seen.append((step, made.sentence))
        [term] = made.largest(1).terms
        factor = next((one for one in term.factors if isinstance(one.parent, Step)), None)
        if factor is None:
            break
        walk.page.locator(
            f'.derivation .factor[data-cell="{factor.parent.index}:{dotted(factor.index)}"]'
        ).first.click()
        step, index = factor.parent, factor.index
        walk.at(step)
        walk.settle()
    assert step.op == "embedding"
    assert len(seen) > steps
    # The number looked up is a weight: walking to it ends the way.
    walk.page.locator(".derivation .factor").first.click()
    expect(walk.page.locator(".derivation .sentence")).to_contain_text("is a weight of the model", timeout=30_000)
    walk.page.wait_for_url(lambda url: _query(url).get("pin", "").startswith("i"), timeout=30_000)
    # Back in the browser: the embedding's cell again, and by the breadcrumb to where the walk began.
    walk.page.go_back()
    expect(walk.page.locator(".derivation .sentence")).to_have_text(seen[-1][1], timeout=30_000)
    walk.page.locator(".crumb").first.click()
    expect(walk.page.locator(".derivation .sentence")).to_have_text(seen[0][1], timeout=30_000)
    expect(walk.page.locator(".crumb")).to_have_count(0)
    walk.says(trail=None)


def dotted(index: Sequence[int]) -> str:
    return ".".join(map(str, index))


def test_a_link_reopens_the_step_the_pin_the_way_and_what_the_choosers_show(walks: Callable[..., Walk]):
    settings = {"heads": 16, "d_model": 64, "reads": "tokens", "src_len": 90, "tgt_len": 4}
    config = Config(heads=16, d_model=64, src_len=90, tgt_len=4)
    big = run(config)
    weights = big.find("encoder.layers.1.self_attention.weights")
    walk = walks().open(big, weights, **settings)
    heads = walk.page.locator('[data-chooser="H"]')
    heads.get_by_role("button", name="next").click()
    expect(walk.page.locator(".stage-root[data-busy]")).to_have_count(0, timeout=30_000)
    walk.page.wait_for_url(lambda url: "at" in _query(url), timeout=30_000)
    shown = walk.query()["at"]
    head = int(re.findall(r"H-(\d+)", shown)[0])
    assert head > 0
    walk.click(len(weights.inputs), (0, head, 3, 5))
    expect(walk.page.locator(".derivation .sentence")).to_contain_text(f"H={head}", timeout=30_000)
    walk.says(pin=f"0.{head}.3.5")
    other = walks()
    other.page.goto(walk.page.url)
    expect(other.page.locator(".derivation .sentence")).to_have_text(walk.sentence(), timeout=60_000)
    other.settle()
    assert other.query() == walk.query()
    assert other.page.locator(".reading").inner_text() == walk.page.locator(".reading").inner_text()
    # Browser back: first the pin goes, then the heads.
    walk.page.go_back()
    expect(walk.page.locator(".derivation .sentence")).to_have_count(0, timeout=30_000)
    walk.page.go_back()
    expect(walk.page.locator(".stage-root[data-busy]")).to_have_count(0)
    chooser = walk.page.locator('[data-chooser="H"] input')
    expect(chooser).to_have_value("0", timeout=30_000)
    walk.says(at=None)
    walk.hover(len(weights.inputs), (0, 0, 3, 5))
    expect(walk.page.locator(".reading")).to_contain_text("H=0")


# One look at a step, the panel of its result the given one: to ask for each of these by itself takes longer.
SHOWN = """(stage, result) => {
    const panel = stage.getRootNode().querySelector(`.panel[data-number="${result}"]`);
    const main = document.querySelector("[data-testid=stMain]");
    return {
        title: panel.querySelector("h3").innerText,
        chips: [...panel.querySelectorAll(".chips .chip")].map((chip) => chip.innerText),
        place: stage.getRootNode().querySelector(".position .count").innerText,
        beyond: main.scrollWidth - main.clientWidth,
    };
}"""


@pytest.mark.parametrize(
    ("every", "until"), [pytest.param(1, None, marks=pytest.mark.whole, id="all"), pytest.param(8, 17, id="some")]
)
def test_every_step_of_a_small_model_is_shown_one_after_the_other_and_is_no_wider_than_a_phone(
    every: int, until: int | None, walks: Callable[..., Walk], small: Trace
):
    walk = walks(viewport=NARROW).open(small, small.steps[0], **SMALL)
    steps = small.steps[:until:every]
    for step in steps:
        shown = walk.page.locator(f'.stage-root[data-step="{step.index}"]').evaluate(SHOWN, len(step.inputs))
        assert shown["beyond"] <= 0, step.full_name
        assert shown["title"] == step.name
        assert shown["place"] == f"step {step.index} of {len(small.steps) - 1}"
        sizes = [chip.split() for chip in shown["chips"]]
        assert [int(words[-1]) for words in sizes if words[-1].isdigit()] == list(step.shape)
        for _ in range(every):
            walk.page.keyboard.press("ArrowRight")
    walk.at(small.steps[min(every * len(steps), len(small.steps) - 1)])
    walk.page.keyboard.press("End")
    walk.at(small.steps[-1])
    walk.says(step=step_to_key(small, small.steps[-1]))
    expect(walk.page.get_by_role("button", name="Next", exact=True)).to_have_attribute("aria-disabled", "true")


def test_presses_faster_than_the_server_answers_all_count(walks: Callable[..., Walk], trace: Trace):
    walk = walks().open(trace, trace.steps[0])
    last = 15
    for _ in range(last):
        walk.page.keyboard.press("ArrowRight")
    walk.at(trace.steps[last])
    walk.settle()
    expect(walk.page.locator(".position .count")).to_have_text(f"step {last} of {len(trace.steps) - 1}")
    walk.page.wait_for_function(
        "key => new URLSearchParams(location.search).get('step') === key", arg=step_to_key(trace, trace.steps[last])
    )
    walk.at(trace.steps[last])


def test_with_the_keyboard_alone_one_goes_everywhere_and_pins(walks: Callable[..., Walk], trace: Trace):
    scores = trace.find(SCORES)
    walk = walks().open(trace, scores)
    press = walk.page.keyboard.press
    press("End")
    walk.at(trace.steps[-1])
    press("Home")
    walk.at(trace.steps[0])
    press("ArrowRight")
    walk.at(trace.steps[1])
    press("ArrowLeft")
    walk.at(trace.steps[0])
    walk.open(trace, scores)
    for _ in range(90):
        press("Tab")
        if walk.page.evaluate(FOCUSED) == "grid:2":
            break
    press("Enter")
    expect(walk.page.locator(".derivation .sentence")).to_have_text(
        explain(trace, scores, (0, 0, 0, 0)).sentence, timeout=30_000
    )
    press("ArrowRight")
    press("ArrowDown")
    # Inside a tensor the arrow keys move the pin, not the step.
    expect(walk.page.locator(".derivation .sentence")).to_have_text(
        explain(trace, scores, (0, 0, 1, 1)).sentence, timeout=30_000
    )
    walk.at(scores)
    for _ in range(40):
        press("Tab")
        if walk.page.evaluate(FOCUSED) == "factor":
            break
    press("Enter")
    [term] = explain(trace, scores, (0, 0, 1, 1)).largest(1).terms
    walk.at(trace.find_all("encoder.layers.0.self_attention.query")[-1])
    expect(walk.page.locator(".reading")).to_contain_text("query[B=0", timeout=30_000)
    shown = float(walk.page.locator(".reading b").inner_text().replace("−", "-"))
    assert torch.tensor(shown) == term.factors[0].value
    press("Escape")
    expect(walk.page.locator(".derivation .sentence")).to_have_count(0, timeout=30_000)


FOCUSED = """() => {
    let node = document.activeElement;
    while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
    return node?.dataset?.focus ?? node?.className ?? "";
}"""


# Resolves when a stage shows a step of at least this index.
REACHED = """(root, index) => new Promise((done) => {
    const look = () => Number(root.dataset.step) >= index && done();
    new MutationObserver(look).observe(root, { attributeFilter: ["data-step"] });
    look();
})"""


def test_autoplay_walks_on_by_itself_until_a_hand_takes_over(walks: Callable[..., Walk], trace: Trace):
    scores = trace.find(SCORES)
    walk = walks().open(trace, scores)
    walk.page.keyboard.press("Space")
    expect(walk.page.get_by_role("button", name="Pause")).to_be_visible()
    # It goes on while a slow machine looks: any step from the second on will do.
    walk.page.locator(".stage-root").evaluate(REACHED, scores.index + 2)
    walk.page.keyboard.press("ArrowLeft")
    expect(walk.page.get_by_role("button", name="Play")).to_be_visible()
    walk.settle()
    there = walk.page.locator(".stage-root").get_attribute("data-step")
    walk.page.wait_for_timeout(2500)
    assert walk.page.locator(".stage-root").get_attribute("data-step") == there


def test_autoplay_ends_at_the_last_step(walks: Callable[..., Walk], trace: Trace):
    walk = walks().open(trace, trace.steps[-2])
    walk.page.get_by_role("button", name="Play").click()
    walk.at(trace.steps[-1])
    expect(walk.page.get_by_role("button", name="Play")).to_be_visible()


def test_the_scrubber_goes_to_parts_modules_and_stages(walks: Callable[..., Walk], trace: Trace):
    walk = walks().open(trace, trace.find(SCORES))
    row = walk.page.locator(".level")
    stages = row.last.locator(".segment .name").all_inner_texts()
    assert stages == ["Q K V", "split heads", "scores", "scale", "mask", "softmax", "mix", "merge", "W_O"]
    row.last.locator(".segment", has_text="mix").click()
    walk.at(next(s for s in trace.steps if s.full_name.endswith("0.self_attention.mixed") and s.op == "matmul"))
    row.nth(1).locator(".segment", has_text="feed-forward").click()
    walk.at(trace.find("encoder.layers.0.feed_forward.hidden"))
    row.first.locator(".segment", has_text="decoder 1").click()
    walk.at(trace.find_all("decoder.layers.1.self_attention.query")[0])
    # Dragging along the stages goes step by step.
    first, last = (row.last.locator(".segment").nth(n).bounding_box() for n in (0, 1))
    assert first is not None
    assert last is not None
    walk.page.mouse.move(first["x"] + 3, first["y"] + 5)
    walk.page.mouse.down()
    walk.page.mouse.move(last["x"] + last["width"] - 3, first["y"] + 5, steps=8)
    walk.page.mouse.up()
    walk.at(trace.steps[trace.find_all("decoder.layers.1.self_attention.query")[0].index + 8])


def test_the_same_cell_of_the_next_layer_and_the_next_head_is_one_press_away(walks: Callable[..., Walk], trace: Trace):
    scores = trace.find(SCORES)
    walk = walks().open(trace, scores, pin="0.1.2.3")
    walk.page.get_by_role("button", name="layer 1 ▸").click()
    deeper = trace.find("encoder.layers.1.self_attention.scores")
    walk.at(deeper)
    expect(walk.page.locator(".derivation .sentence")).to_have_text(
        explain(trace, deeper, (0, 1, 2, 3)).sentence, timeout=30_000
    )
    walk.page.get_by_role("button", name="head 2 ▸").click()
    expect(walk.page.locator(".derivation .sentence")).to_have_text(
        explain(trace, deeper, (0, 2, 2, 3)).sentence, timeout=30_000
    )
    walk.page.get_by_role("button", name="next matmul ▸").click()
    walk.at(trace.steps[deeper.index + 4])
    expect(walk.page.locator(".derivation .sentence")).to_have_count(0)


LARGEST = (
    ({"batch": 8, "heads": 16, "d_model": 1024, "src_len": 256, "tgt_len": 64, "reads": "tokens"}, "weights:softmax"),
    ({"batch": 8, "heads": 16, "d_model": 1024, "src_len": 256, "tgt_len": 64, "reads": "tokens"}, "query:linear"),
    (
        {"batch": 16, "heads": 4, "d_model": 512, "src_len": 64, "tgt_len": 64, "reads": "tokens", "vocab_size": 4096},
        "logits:linear",
    ),
)


@pytest.mark.parametrize(("settings", "name"), LARGEST)
def test_a_stage_of_the_largest_tensors_is_at_most_300_kb_to_the_browser(
    walks: Callable[..., Walk], settings: dict[str, object], name: str
):
    settings = {**settings, "encoder_layers": 1, "decoder_layers": 1}
    # The same steps with smaller numbers: only their order matters here.
    steps = run(Config(**SMALL)).steps  # type: ignore[arg-type]
    asked = next(step for step in steps if step.name == name.partition(":")[0] and step.op == name.partition(":")[2])
    walk = walks()
    frames: list[bytes | str] = []
    walk.page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(frame)))
    walk.open(step="source_embedding.embedded", **settings)
    # The answer holds one stage, those sent ahead, script and style, and the page around it.
    frames.clear()
    box = walk.page.locator(".st-key-walk-search input").first
    box.click()
    box.press_sequentially(f"{asked.index}  {asked.full_name}")
    walk.page.get_by_role("option", name=f"{asked.index}  {asked.full_name}").first.click()
    walk.at(asked)
    walk.settle()
    walk.page.wait_for_timeout(500)
    assert 50_000 < sum(map(len, frames)) <= MOST_BYTES
    walk.hover(len(asked.inputs), (0,) * len(asked.shape))
    expect(walk.page.locator(".reading b")).to_be_visible()


def test_on_a_phone_a_tap_pins_and_what_made_the_number_is_no_wider_than_the_screen(
    walks: Callable[..., Walk], small: Trace
):
    scores = small.find(SCORES)
    walk = walks(viewport=NARROW, has_touch=True, is_mobile=True).open(small, scores, **SMALL)
    main = walk.page.get_by_test_id("stMain")
    walk.page.touchscreen.tap(*point(walk.page, walk.panel(2), (0, 1, 2, 3)))
    expect(walk.page.locator(".derivation .sentence")).to_have_text(
        explain(small, scores, (0, 1, 2, 3)).sentence, timeout=30_000
    )
    assert main.evaluate("main => main.scrollWidth - main.clientWidth") <= 0
    walk.page.get_by_role("button", name="Next", exact=True).tap()
    walk.at(small.steps[scores.index + 1])


def test_a_weight_and_a_token_id_say_where_they_come_from(walks: Callable[..., Walk], trace: Trace):
    embedded = trace.steps[0]
    assert [leaf.kind for leaf in embedded.inputs if isinstance(leaf, Leaf)] == ["input", "parameter"]
    walk = walks().open(trace, embedded, pin="i0.0.2")
    expect(walk.page.locator(".derivation .sentence")).to_contain_text("came in from outside")
    walk.open(trace, embedded, pin="i1.5.3")
    expect(walk.page.locator(".derivation .sentence")).to_contain_text("is a weight of the model")
