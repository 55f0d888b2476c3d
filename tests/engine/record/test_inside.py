"""A fused call opens: a trace of the same thing in plain operations, and how far the two differ."""

import pytest
import torch

from engine import record
from engine.record import inside

X = torch.arange(12.0).view(3, 4)


def two_steps(x, y):
    product = x @ y
    return product + 1


@pytest.fixture
def opener(monkeypatch):
    """An opener for ``matmul``, which adds 1 to what the call returned, and the calls it got."""
    calls = []

    def open_product(call):
        calls.append(call)
        return call.record(two_steps, *call.args, **call.kwargs)

    monkeypatch.setattr(inside, "_OPENERS", {})
    inside.opens("matmul")(open_product)
    return calls


def test_an_operation_without_an_opener_has_nothing_inside():
    (step,) = record(torch.relu, X).steps
    assert step.inside is None
    assert step.inside_difference is None


def test_an_opener_is_asked_once_and_only_when_somebody_asks(opener):
    step = record(lambda x: x @ x.T, X).steps[-1]
    assert not opener
    assert [inner.op for inner in step.inside.steps] == ["matmul", "add"]
    assert step.inside is step.inside
    assert step.inside_difference == 1.0
    assert len(opener) == 1


def test_an_opener_gets_what_the_call_read_then(opener):
    def program(x):
        y = x * 1
        z = y @ torch.ones(4, 2)
        y.zero_()
        return z

    step = record(program, X).find("z")
    assert torch.equal(step.inside.steps[0].value, X @ torch.ones(4, 2))
    (call,) = opener
    assert (call.op, call.module, dict(call.kwargs)) == ("matmul", None, {})
    assert torch.equal(call.args[0], X)
    assert call.result is step.value


def test_an_operation_has_one_opener(opener):
    with pytest.raises(ValueError, match="'matmul' has an opener already"):
        inside.opens("matmul")(lambda call: None)
