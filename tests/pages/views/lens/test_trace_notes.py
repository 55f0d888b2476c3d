"""What a person who looks at a step is told of its numbers: what was overwritten, and what could not be watched."""

from dataclasses import replace

import pytest
import torch
from streamlit.testing.v1 import AppTest

from engine import explain, record
from engine.explain.invariants import checks
from pages.ui.state.url_step import Location
from pages.ui.views.explanation_view import explanation_of
from pages.ui.views.lens import trace_notes
from pages.ui.views.tensor_panels import step_panels
from tests.pages.test_pages import ROOT  # noqa: F401  the pages are on the path


@pytest.fixture
def overwritten():
    """A trace of three steps, of which the second was overwritten after the recording."""

    def program(x):
        doubled = x * 2
        weights = doubled.softmax(-1)
        return weights + 1

    trace = record(program, torch.rand(2, 3))
    trace.find("weights").value.mul_(5)
    return trace


def test_the_reason_is_told_at_the_step_and_where_it_is_read_and_nowhere_else(overwritten):
    doubled, weights, last = overwritten.steps
    (reason,) = trace_notes.of_step(overwritten, weights)
    assert reason.startswith("weights can't be looked at: its memory was written to after the recording ended")
    assert trace_notes.of_step(overwritten, last) == (reason,)
    assert trace_notes.of_step(overwritten, doubled) == ()
    (counted,) = trace_notes.of_steps(overwritten)
    assert counted == f"The numbers of 1 step can't be looked at: {reason}"


def test_numbers_that_are_not_those_of_then_are_neither_shown_nor_checked_nor_explained(overwritten):
    doubled, weights, last = overwritten.steps
    before, panel = step_panels(overwritten, weights)
    assert not before.value.is_meta
    assert panel.value.is_meta
    assert panel.value.shape == (2, 3)
    assert panel.footer.startswith("float32 · 24 B")
    assert step_panels(overwritten, last)[0].value.is_meta
    assert checks(overwritten, weights) == ()
    shown = explanation_of(Location(overwritten, weights), 1, (0, 0), ())
    assert shown.sentence == weights.unreadable
    assert not shown.terms
    for step in (weights, last):
        with pytest.raises(ValueError, match="weights can't be looked at"):
            explain(overwritten, step, (0, 0))
    assert explain(overwritten, doubled, (0, 0)).agrees


def test_what_could_not_be_watched_is_told_at_every_step():
    trace = replace(record(lambda x: x * 2, torch.rand(2)), notes=("Part of *this* ran unseen.",))
    assert trace_notes.of_steps(trace) == trace.notes
    assert trace_notes.of_step(trace, trace.steps[0]) == trace.notes


def test_dropped_weights_are_told_of_at_the_fused_call_and_inside_it():
    def program(q):
        return torch.nn.functional.scaled_dot_product_attention(q, q, q, dropout_p=0.5)

    trace = record(program, torch.rand(1, 2, 3, 4, device="cpu"))
    (call,) = trace.steps
    assert trace_notes.of_step(trace, call) == call.inside.notes


@pytest.mark.parametrize("view", ["walkthrough", "steps_table"])
def test_the_page_says_it(view):
    def script(view):
        import torch

        from engine import record
        from pages.ui.state import session
        from pages.ui.views import steps_table, walkthrough

        session.remember_shown(session.begin_page("walkthrough"))

        trace = record(lambda x: x * 2, torch.rand(2))
        trace.steps[0].value.zero_()
        {"walkthrough": walkthrough, "steps_table": steps_table}[view].draw(trace)

    app = AppTest.from_function(script, args=(view,), default_timeout=60).run()
    assert not app.exception
    [warning] = app.warning
    assert "was written to after the recording ended" in warning.value.replace("\\", "")
