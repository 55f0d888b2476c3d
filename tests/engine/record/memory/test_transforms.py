"""What goes through a transform of torch.func keeps its parents on both sides of it."""

import pytest
import torch

from engine import explain, open_trace, record, save_trace
from engine.explain.walk import walk


def attend(x):
    return (x @ x.mT).softmax(-1) @ x


TRANSFORMED = {
    "vmap": lambda x: torch.vmap(attend)(x),
    "vmap, batch last": lambda x: torch.vmap(attend, in_dims=2, out_dims=1)(x),
    "grad": lambda x: torch.func.grad(lambda y: attend(y).sum())(x),
    "gradients of each": lambda x: torch.vmap(torch.func.grad(lambda y: attend(y).sum()))(x),
    "jacrev": lambda x: torch.func.jacrev(lambda y: y.sin())(x[0, 0]),
    "jvp": lambda x: torch.func.jvp(attend, (x,), (x,))[1],
}


def ancestors(step):
    names, queue = set(), [step]
    while queue:
        tensor = queue.pop()
        names.add(tensor.name)
        queue += getattr(tensor, "inputs", ())
    return names


# Torch's own forward-mode transform says on its first use that TorchScript is deprecated.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("transform", TRANSFORMED.values(), ids=TRANSFORMED)
def test_the_result_of_a_transform_leads_back_to_what_it_was_given(transform, tmp_path):
    def program(x):
        doubled = x * 2
        result = transform(doubled) + 1
        return result

    given = torch.rand(2, 3, 4)
    trace = record(program, given)
    assert torch.equal(trace.output, program(given))
    result = trace.find("result")
    assert result is trace.steps[-1]
    assert {"x", "doubled"} <= ancestors(result)
    assert "constant" not in [parent.name for step in trace.steps for parent in step.inputs]
    assert explain(trace, result, (0,) * result.value.dim()).agrees
    (outside,) = result.inputs
    assert outside.op in ("vmap", "torch_func", "view")
    assert walk(trace, result, (0,) * result.value.dim()).whole is not None
    save_trace(trace, tmp_path / "run.trace")
    assert [step.op for step in open_trace(tmp_path / "run.trace").steps] == [step.op for step in trace.steps]


def test_what_existed_only_inside_a_transform_says_so():
    trace = record(lambda x: torch.vmap(attend)(x) + 1, torch.rand(2, 3, 4))
    into, *_, out, _ = trace.steps
    assert (into.op, out.op) == ("vmap", "vmap")
    for step in (into, out):
        with pytest.raises(ValueError, match="only inside a transform of torch"):
            explain(trace, step, (0,) * step.value.dim())


def test_a_tensor_from_elsewhere_stays_a_constant_beside_a_transform():
    weights = torch.rand(2, 3, 4)
    trace = record(lambda x: torch.vmap(attend)(x) + weights, torch.rand(2, 3, 4))
    assert [parent.kind for parent in trace.steps[-1].inputs] == ["step", "constant"]


def test_a_view_made_elsewhere_of_a_tensor_that_was_read_passed_no_transform():
    table = torch.rand(2, 3, 4)
    row = table[1]

    def program(x, table):
        attended = torch.vmap(attend)(x)
        doubled = table * 2
        return attended[0] + row + doubled[0]

    trace = record(program, torch.rand(2, 3, 4), table)
    (read,) = [parent for step in trace.steps for parent in step.inputs if parent.value is row]
    assert read.kind == "constant"
    assert [step.op for step in trace.steps].count("vmap") == 2
