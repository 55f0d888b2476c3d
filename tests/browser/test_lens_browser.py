"""The lens: the tensors of a step at one scale, the card that says why, and the sum, all on one screen."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page, expect

from engine import Step, Trace
from engine.explain.why import why
from pages.ui.state.settings import first, from_query
from pages.ui.state.url_pin import cell_text
from pages.ui.state.url_step import step_to_key
from pages.ui.traces.trace_cache import trace_of
from tests.browser.conftest import NARROW, WIDE
from tests.browser.tabs import Opener
from tests.browser.test_walk_browser import Walk

pytestmark = [pytest.mark.browser, pytest.mark.still]

HEIGHT = WIDE["height"]
STRIP = 304  # px that the boxes of the block take above the lens
HEAD = 150  # px of the page above both
READ_OUT = 40  # px of the line at the lower edge
ATTENTION = "encoder.layers.0.self_attention"
GEOMETRY = """root => {
  const side = root.querySelector('.side').getBoundingClientRect();
  const bottoms = (selector) => [...root.querySelectorAll(selector)].map((part) => part.getBoundingClientRect().bottom);
  const bottom = (selector) => Math.max(...bottoms(selector));
  const panels = [...root.querySelectorAll('.panel[data-geometry]')];
  return {
    top: root.getBoundingClientRect().top,
    tensors: bottom('.panel .scroller:not(.zoomed + *)'), why: bottom('.why'), side: side.bottom,
    sum: bottom('.sum .strong'), whole: bottom('.sum'),
    cells: panels.map((panel) => String(JSON.parse(panel.dataset.geometry).cell)),
    columns: panels.map((panel) => Math.round(panel.getBoundingClientRect().left)),
    first: panels.map((panel) => {
      const { top } = panel.querySelector('.layered-canvas').getBoundingClientRect();
      return Math.round(top + JSON.parse(panel.dataset.geometry).facets[0].y);
    }),
    beyond: panels.map((panel) => {
      const scroller = panel.querySelector('.scroller');
      return [scroller.scrollWidth - scroller.clientWidth, panel.querySelector('.beyond').hidden];
    }),
    meets: root.querySelector('.operation .meets')?.innerText ?? "",
  };
}"""


@pytest.fixture
def demo(demos: str) -> str:
    return f"{demos}/walk"


@pytest.fixture(scope="module")
def shown() -> Trace:
    """The trace that the app opens on."""
    return trace_of(first())


def at(page: Page, address: str, trace: Trace, step: Step, **query: str) -> dict[str, Any]:
    """Opens a step with its last cell pinned, and measures the stage."""
    last = tuple(size - 1 for size in step.shape)
    page.goto(f"{address}/walkthrough?{urlencode({'step': step_to_key(trace, step), 'pin': cell_text(last), **query})}")
    page.locator(f'.stage-root[data-step="{step.index}"] .sum .strong').wait_for(timeout=60_000)
    Walk(page, address).settle()
    page.evaluate("() => document.fonts.ready")
    return page.locator(".stage-root").evaluate(GEOMETRY)


def opened(page: Page, address: str, **query: str) -> Walk:
    page.goto(f"{address}?{urlencode(query)}")
    page.locator(".stage-root[data-step]").wait_for(timeout=60_000)
    walk = Walk(page, address)
    walk.settle()
    return walk


@pytest.mark.parametrize(
    "every", [pytest.param(True, marks=pytest.mark.whole, id="all"), pytest.param(False, id="some")]
)
def test_the_tensors_the_reason_and_the_sum_of_a_step_fit_into_the_lens_at_one_scale_and_every_head_is_counted(
    every: bool, tab: Page, app: str, shown: Trace
) -> None:
    names = (".query", ".scores", ".weights", ".mixed", "_norm.centred", "_norm.normalised")
    some = [shown.find(f"{ATTENTION}{name}") for name in names]
    of_attention = [step for step in shown.steps if step.path in (ATTENTION, f"{ATTENTION}_norm")]
    for step in of_attention if every else some:
        measured = at(tab, app, shown, step)
        for part in ("tensors", "sum", "why"):
            assert measured[part] - measured["top"] <= HEIGHT - STRIP - READ_OUT - HEAD, (
                step.name,
                step.op,
                part,
                measured,
            )
        assert measured["sum"] <= measured["side"], (step.name, step.op, measured)
        for hidden, is_silent in measured["beyond"]:
            assert hidden <= 2 or not is_silent, (step.name, measured)
        if step in some[1:3] + some[4:]:
            assert len(set(measured["cells"])) == 1, step.name
            tops = {}
            for left, top in zip(measured["columns"], measured["first"], strict=True):
                tops.setdefault(left, top)
            # Neighbours have their rows aligned.
            assert len(set(tops.values())) == 1, (step.name, measured)
        if step is some[1]:
            assert measured["meets"].split() == ["S", "18", "d_k", "16", "@", "d_k", "16", "S", "18"]


@pytest.mark.parametrize(
    ("sizes", "names"),
    [
        ({}, ("logits", "encoder.layers.0.after_feed_forward")),
        (
            {"heads": 16, "d_model": 64, "encoder_layers": 1, "decoder_layers": 1, "activation": "tanh"},
            (f"{ATTENTION}.weights",),
        ),
        (
            {"batch": 4, "src_len": 128, "tgt_len": 128, "heads": 8, "d_model": 512, "encoder_layers": 1}
            | {"decoder_layers": 1, "reads": "tokens"},
            ("logits", f"{ATTENTION}.scores", "decoder.layers.0.cross_attention_norm.variance"),
        ),
    ],
    ids=["default", "16 heads and a note on the link", "large"],
)
def test_strip_stage_and_sum_are_in_the_window_together(
    sizes: dict[str, Any], names: tuple[str, ...], tab: Page, app: str
) -> None:
    query = {name: str(value) for name, value in sizes.items()}
    trace = trace_of(from_query(query)[0])
    for name in names:
        measured = at(tab, app, trace, trace.find(name), **query)
        assert measured["whole"] <= min(HEIGHT, measured["side"]), (name, measured)
        assert measured["tensors"] <= HEIGHT - READ_OUT, (name, measured)
        strip = tab.locator(".st-key-strip").bounding_box()
        assert strip is not None
        assert 0 < strip["y"] < strip["y"] + strip["height"] <= measured["top"]
        assert strip["y"] <= HEAD, strip
    notes = tab.get_by_text("was asked for")
    expect(notes).to_have_count(int("activation" in query))  # no such function: it is said, and moves nothing
    for note in notes.all():
        expect(note).to_be_in_viewport(ratio=1)
        bounds = note.bounding_box()
        assert bounds is not None
        assert bounds["y"] + bounds["height"] <= HEAD - 2 * READ_OUT, bounds  # above the sizes


def test_in_a_lower_window_what_is_said_twice_gives_way_to_the_sum(tab: Page, app: str, shown: Trace) -> None:
    measured = at(tab, app, shown, shown.find(f"{ATTENTION}.scores"))
    expect(tab.locator(".side")).to_have_attribute("data-tight", "")
    lower = int(measured["whole"]) - 20
    tab.set_viewport_size({**WIDE, "height": lower})
    expect(tab.locator(".side")).to_have_attribute("data-tight", "formula")
    assert tab.locator(".stage-root").evaluate(GEOMETRY)["whole"] <= lower


def test_the_card_says_why_and_its_question_opens_the_lab_with_the_present_sizes(
    tab: Page, app: str, shown: Trace
) -> None:
    step = shown.find(f"{ATTENTION}.scaled")
    at(tab, app, shown, step)
    expect(tab.locator(".operation .why")).to_have_text(why(shown, step))
    expect(tab.locator(".operation pre .line")).to_have_count(1)
    expect(tab.locator(".operation dl")).to_be_hidden()
    tab.locator(".operation summary").click()
    expect(tab.locator(".operation dl")).to_contain_text("strides")
    tab.locator(".operation .lab").click()
    tab.get_by_role("heading", name="Why divide by √d_k?").wait_for(timeout=60_000)
    query = {name: values[-1] for name, values in parse_qs(urlsplit(tab.url).query).items()}
    assert (query["lab_d_k"], query["lab_keys"]) == ("16", "18")


def test_a_fused_call_opens_and_the_walk_back_leads_out_of_it(tab: Page, demo: str) -> None:
    walk = opened(tab, demo, trace="fused", step="mixed")
    expect(tab.locator(".inside")).to_contain_text("Fused: computed in one call; inside is the documented formula")
    expect(tab.locator(".inside li")).to_have_count(8)
    tab.locator(".inner", has_text="weights").click()
    expect(tab.locator(".path")).to_contain_text("weights", timeout=30_000)
    walk.says(step="mixed~weights")
    walk.settle()
    walk.click(1, (0, 1, 2, 1))
    expect(tab.locator(".derivation .sentence")).to_contain_text("weights[B=0, H=1, L=2, L_k=1]")
    for name in ("masked", "scaled", "scores"):
        tab.locator(".factor", has_text=name).first.click()
        walk.says(step=f"mixed~{name}")
        walk.settle()
    tab.locator(".factor", has_text="query[").first.click()
    expect(tab.locator(".derivation .sentence")).to_contain_text("was given to the fused call mixed", timeout=30_000)
    tab.locator(".derivation .terms .factor").click()
    walk.says(step="query")
    expect(tab.locator(".crumb")).to_have_count(5)


def test_a_trace_that_failed_shows_the_failure_first(tabs: Opener, demo: str) -> None:
    for view, scheme in ((WIDE, "light"), (NARROW, "dark")):
        page = tabs(viewport=view, color_scheme=scheme)
        opened(page, demo, trace="failed")
        failure = page.locator(".failure")
        expect(failure).to_contain_text("q @ k")
        expect(failure).to_contain_text("RuntimeError: Expected size for first two dimensions of batch2 tensor")
        expect(failure.locator(".edge.wrong")).to_have_text(["d_k 8", "L 6"])
        expect(failure).to_contain_text("k.transpose(-2, -1)")
        below = page.locator(".stage-root").evaluate("root => root.getBoundingClientRect().top")
        assert failure.evaluate("box => box.getBoundingClientRect().bottom") < below
        main = page.locator("[data-testid=stMain]")
        assert main.evaluate("main => main.scrollWidth - main.clientWidth") <= 0


def test_fused_attention_shows_its_weights_on_the_attention_page(tab: Page, demo: str) -> None:
    tab.goto(f"{demo}?trace=fused&page=attention")
    expect(tab.get_by_text("This attention ran as one fused call")).to_be_visible(timeout=60_000)
    expect(tab.locator(".panel h3", has_text="weights").first).to_be_visible()
