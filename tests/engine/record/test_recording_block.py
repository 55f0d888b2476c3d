"""``with recording() as rec``, and what an exception takes along."""

import pytest
import torch
from torch import nn
from torch.overrides import _get_current_function_mode

from engine import record, recording

X = torch.arange(12.0).view(3, 4)


def test_a_block_is_recorded_without_a_function():
    layer = nn.Linear(4, 2)
    with recording() as rec:
        hidden = layer(X)
        total = hidden.sum()  # ()
    hidden.mean()
    assert [(step.op, step.name) for step in rec.trace.steps] == [("linear", "hidden"), ("sum", "total")]
    assert rec.trace.steps[0].source.expression == "layer(X)"
    assert rec.trace.steps[1].inputs == (rec.trace.steps[0],)
    assert total.item() == hidden.sum().item()
    assert _get_current_function_mode() is None


def test_a_block_that_raises_has_its_steps_and_the_exception_is_unchanged():
    rec = recording()

    def program():
        with rec:
            doubled = X * 2
            raise ZeroDivisionError("mine", doubled)

    with pytest.raises(ZeroDivisionError, match="mine") as caught:
        program()
    assert [step.name for step in rec.trace.steps] == ["doubled"]
    assert caught.value.trace is rec.trace
    assert _get_current_function_mode() is None


def test_a_block_has_no_trace_before_it_ends():
    with recording() as rec:
        with pytest.raises(RuntimeError, match="has its trace when its block has ended"):
            _ = rec.trace
        X.sum()
    assert len(rec.trace.steps) == 1


def test_an_exception_of_a_recorded_function_has_every_step_before_it():
    def program(x):
        scores = x @ x.T
        weights = scores.softmax(-1)
        return weights @ torch.ones(7)

    with pytest.raises(RuntimeError) as alone:
        program(X)
    with pytest.raises(RuntimeError) as caught:
        record(program, X)
    assert type(caught.value) is type(alone.value)
    assert str(caught.value) == str(alone.value)
    assert [step.name for step in caught.value.trace.steps] == ["T", "scores", "weights", "ones"]
    assert caught.value.trace.output is None


def test_what_a_program_put_on_its_own_exception_stays_there():
    class TracedError(Exception):
        trace = "the program's own"

    class SlottedError(Exception):
        __slots__ = ()

    def program(error):
        X.sum()
        raise error

    for error in (TracedError(), SlottedError()):
        with pytest.raises(type(error)) as caught:
            record(program, error)
        assert caught.value is error
    assert TracedError().trace == "the program's own"


@pytest.mark.filterwarnings("ignore:.*is deprecated.*:DeprecationWarning")
def test_what_torchscript_compiled_says_that_it_can_not_be_watched():
    layer = nn.Linear(4, 2)
    for compiled in (torch.jit.trace(layer, X), torch.jit.script(layer)):
        trace = record(compiled, X)
        assert torch.equal(trace.output, layer(X))
        assert trace.steps == ()
        assert trace.notes == (
            "Linear is compiled by TorchScript, and its inside can't be watched: record the original instead",
        )
    assert record(layer, X).notes == ()
