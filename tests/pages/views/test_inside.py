"""Steps inside fused calls: their address, the walk into and out of them, their card and their attention."""

import pytest
import torch
from torch import nn

from engine import Step, record
from pages.ui.components.tensor_view.player_types import Cell, navigation_request
from pages.ui.state.url_pin import exists, trail_at, trail_text
from pages.ui.state.url_step import Location, location_at, location_from_key, location_to_key
from pages.ui.views.attention import attentions_of
from pages.ui.views.explanation_view import explanation_of
from pages.ui.views.operation_card import card_of
from tests.browser.walk_demo import fused
from tests.pages.shown import stage
from tests.pages.test_pages import ROOT  # noqa: F401  the pages are on the path


@pytest.fixture(scope="module")
def trace():
    return fused()


@pytest.fixture(scope="module")
def call(trace):
    return next(step for step in trace.steps if step.inside is not None)


def test_every_step_has_an_address_of_its_own_also_inside_a_fused_call(trace, call):
    locations = [Location(trace, step) for step in trace.steps]
    locations += [Location(call.inside, step, (call,)) for step in call.inside.steps]
    keys = [location_to_key(trace, location) for location in locations]
    assert len(set(keys)) == len(keys)
    for key, location in zip(keys, locations, strict=True):
        assert location_from_key(trace, key).step is location.step
        assert location_at(trace, location.within, location.step.index).step is location.step


@pytest.mark.parametrize("key", ["mixed~", "mixed~~", "mixed~nothing", "query~weights", "~", "mixed~weights~weights"])
def test_any_text_names_some_step(trace, key):
    location = location_from_key(trace, key)
    assert location.step in location.trace.steps


@pytest.mark.parametrize(("within", "number"), [((0,), 0), ((99,), 0), ((-1,), 0), ((), 99), ((), -1), ((6, 0), 0)])
def test_no_step_where_there_is_none(trace, within, number):
    assert location_at(trace, within, number) is None


def test_a_trail_leads_through_fused_calls(trace, call):
    cells = (Cell(call.index, (0, 1, 2, 3)), Cell(6, (0, 1, 2, 1), None, (call.index,)), Cell(1, (0, 0, 0, 0), 0, (6,)))
    assert trail_at(trace, trail_text(cells)) == cells
    assert not exists(trace, Cell(6, (0, 1, 2, 9), None, (call.index,)))
    assert not exists(trace, Cell(0, (0,), None, (0,)))


@pytest.mark.parametrize("within", ["6", [6, "x"], [True], {"a": 1}, 6])
def test_a_request_of_the_browser_names_calls_by_their_numbers_or_none(within):
    assert navigation_request({"step": 1, "within": within}).within is None
    assert navigation_request({"step": 1, "within": [6, 2]}).within == (6, 2)


def test_from_inside_the_walk_leads_to_what_the_call_was_given(trace, call):
    scores = call.inside.find("scores")
    made = explanation_of(Location(call.inside, scores, (call,)), 0, (0, 1, 2, 3), (), trace)
    assert "was given to the fused call mixed" in made.sentence
    [[link]] = [term.factors for term in made.terms]
    outer = trace.find("query")
    assert link.cell == Cell(outer.index, (0, 1, 2, 3))
    assert float(link.value.replace("−", "-")) == pytest.approx(outer.value[0, 1, 2, 3].item(), rel=1e-5)


def test_a_leaf_that_the_call_was_given_is_shown_as_its_input(trace):
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    recorded = record(attention, *[torch.randn(2, 5, 8)] * 3)
    outer = next(step for step in recorded.steps if step.inside is not None)
    inner, number = next(
        (step, number)
        for step in outer.inside.steps
        for number, parent in enumerate(step.inputs)
        if not isinstance(parent, Step) and parent.name == "out_proj_weight"
    )
    location = Location(outer.inside, inner, (outer,))
    [[link]] = [term.factors for term in explanation_of(location, number, (0, 1), ()).terms]
    assert link.cell.step == outer.index
    assert outer.inputs[link.cell.panel].name == "out_proj.weight"


def test_every_factor_inside_leads_to_a_cell_inside(trace, call):
    for step in call.inside.steps:
        location = Location(call.inside, step, (call,))
        made = explanation_of(location, len(step.inputs), (0,) * step.value.dim(), (), trace)
        for factor in (factor for term in made.terms for factor in term.factors if factor.cell):
            assert factor.cell.within == (call.index,)
            assert exists(trace, factor.cell)


def test_the_card_of_a_fused_step_lists_what_is_inside_with_the_measured_difference(trace, call):
    inside = card_of(trace, call).inside
    assert [(inner.name, inner.step) for inner in inside.steps] == [(s.name, s.index) for s in call.inside.steps]
    assert "B 2 · H 2 · L 5 · L_k 5" in {inner.shape for inner in inside.steps}
    largest = (call.value - call.inside.output).abs().max().item()
    said = inside.sentence.rpartition(" ")[2].rstrip(".").replace("−", "-")
    assert float(said) == pytest.approx(largest, rel=0.1)
    assert card_of(trace, trace.steps[0]).inside is None


def test_fused_attention_has_the_weights_of_its_formula(trace, call):
    [shown] = attentions_of(trace).values()
    q, k, _ = (parent.value for parent in call.inputs)
    hidden = torch.ones(5, 5).triu(1).bool()
    expected = ((q @ k.transpose(-2, -1)) / 2).masked_fill(hidden, -torch.inf).softmax(-1)
    assert torch.allclose(shown.weights.value, expected, atol=1e-6)
    assert shown.calls == (call,)
    assert shown.masked is not None


def walkthrough_page(name):
    """The walkthrough of a trace of the demo, as AppTest runs it."""
    import streamlit as st

    from pages.ui.state import session
    from pages.ui.views import walkthrough
    from tests.browser import walk_demo

    trace = st.session_state.setdefault("demo", walk_demo.TRACES[name]())
    session.begin_page("pages/walkthrough.py")
    walkthrough.draw(trace)


def test_a_step_inside_is_on_the_stage_with_the_way_out():
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_function(walkthrough_page, args=("fused",), default_timeout=60)
    app.query_params["step"] = "mixed~weights"
    app.run()
    assert not app.exception
    player = stage(app)["player"]
    assert (player["step"], player["last"], player["within"]["label"]) == (6, 7, "mixed")
    assert stage(app)["panels"][-1]["scale"]["kind"] == "probability"
    app.query_params["step"] = "mixed"


def test_a_failed_trace_has_its_failure_above_the_stage():
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_function(walkthrough_page, args=("failed",), default_timeout=60).run()
    assert not app.exception
    [failure] = [html.proto.body for html in app.get("html") if 'class="failure"' in html.proto.body]
    assert "q @ k" in failure
    assert stage(app)["player"]["last"] == 5


def test_a_trace_that_failed_at_once_has_no_stage():
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_function(walkthrough_page, args=("at_once",), default_timeout=60).run()
    assert not app.exception
    assert not app.get("bidi_component")
    assert [html for html in app.get("html") if "No step ran before it" in html.proto.body]
