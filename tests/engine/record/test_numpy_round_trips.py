"""What comes back from numpy has those numbers as parents that went there, and the walk goes on through it."""

import numpy as np
import pytest
import torch

from engine import explain, open_trace, record, save_trace
from engine.explain.walk import walk

CONSTANT = torch.from_numpy(np.ones(3, dtype=np.float32))


def parents(step):
    return [parent.name for parent in step.inputs]


@pytest.mark.parametrize(
    "back",
    [
        lambda y: torch.from_numpy(y.numpy() * 3),
        lambda y: torch.from_numpy(y.numpy()),
        lambda y: torch.from_numpy(np.asarray(y)[::1].copy()),
        lambda y: torch.tensor(y.numpy() + 1),
        lambda y: torch.as_tensor(y.detach().numpy()),
    ],
)
def test_a_tensor_from_numpy_has_the_one_that_went_there_as_parent(back, tmp_path):
    def program(x):
        y = x * 2
        return back(y) + 1

    given = torch.arange(3.0)
    trace = record(program, given)
    assert torch.equal(trace.output, program(given))
    last = trace.steps[-1]
    (came,) = last.inputs
    assert came.op in ("numpy", "tensor", "as_tensor")
    assert came.inputs[0].name in ("y", "detach")
    walked = walk(trace, last, (1,))
    assert "x" in [leaf.tensor.name for leaf in walked.leaves]
    assert came.index in walked.whole
    assert "not known here" in explain(trace, came, (1,)).sentence
    assert explain(trace, last, (1,)).agrees
    save_trace(trace, tmp_path / "run.trace")
    assert [step.op for step in open_trace(tmp_path / "run.trace").steps] == [step.op for step in trace.steps]


def test_what_was_there_before_is_no_child_of_what_left():
    def program(x):
        np.sum((x * 2).numpy())
        return x + torch.ones(3) + KEPT

    trace = record(program, torch.arange(3.0))
    assert "numpy" not in [step.op for step in trace.steps]
    assert parents(record(lambda x: x + CONSTANT, torch.rand(3)).steps[-1]) == ["x", "constant"]


KEPT = torch.full((3,), 2.0)


def test_what_numpy_computed_is_not_computed_again():
    trace = record(lambda x: torch.from_numpy(x.numpy() + 1) * 2, torch.rand(2))
    with pytest.raises(ValueError, match="was not watched"):
        trace.find("numpy").recompute()


def test_what_went_to_numpy_later_is_no_parent():
    def program(x):
        y = x * 2
        first = torch.from_numpy(y.numpy() + 1) + 0
        x.numpy()
        return first

    assert parents(record(program, torch.rand(3)).find("numpy")) == ["y"]
