"""In-place calls: what was there before stays what every earlier step shows, and each step still recomputes."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from engine import record


def fresh():
    return torch.arange(12.0).view(3, 4)


def recorded(program, *given):
    """The trace, whose every step recomputes from what it read to the value it shows."""
    trace = record(program, *given)
    for step in trace.steps:
        if step.op not in ("empty", "empty_like"):  # memory as it was found is no number to come back to
            torch.testing.assert_close(step.recompute(), step.value, rtol=0, atol=0, equal_nan=True)
    return trace


def test_an_overwritten_value_is_shown_as_it_was():
    def program(x):
        y = x * 2
        y.add_(1)
        y += 1
        z = y * 1
        return z

    trace = recorded(program, fresh())
    assert [step.op for step in trace.steps] == ["mul", "add_", "add_", "mul"]
    assert [step.value[0, 1].item() for step in trace.steps] == [2, 3, 4, 4]
    assert [step.memory for step in trace.steps] == ["new", "overwritten", "overwritten", "new"]
    assert trace.steps[3].inputs == (trace.steps[2],)
    assert [step.name for step in trace.steps] == ["y", "add_", "y", "z"]


def test_item_assignment_is_a_step_with_the_tensor_of_afterwards():
    def program(x):
        y = x * 1
        y[0, 1] = 50.0
        y[y > 10] = 0
        y[1] = torch.ones(4)
        return y + 0

    trace = recorded(program, fresh())
    assigned = [step for step in trace.steps if step.op == "setitem"]
    assert [step.name for step in assigned] == ["y", "y", "y"]
    assert [step.value[0, 1].item() for step in assigned] == [50, 0, 0]
    assert [step.value[1, 0].item() for step in assigned] == [4, 4, 1]
    assert assigned[0].arguments[0].value == (0, 1)
    assert [parent.op for parent in assigned[1].inputs] == ["setitem", "gt"]


@pytest.mark.parametrize(
    ("change", "op"),
    [
        (lambda y: y.masked_fill_(y > 5, 9), "masked_fill_"),
        (lambda y: torch.mul(y, 2, out=y), "mul"),
        (lambda y: F.relu(y.sub_(3), inplace=True), "relu"),
        (lambda y: F.dropout(y, 0.0, True, True), "dropout"),
        (lambda y: y.clamp_(max=3), "clamp_"),
        (lambda y: y.copy_(torch.ones(3, 4)), "copy_"),
        (lambda y: y.__ior__(1) if y.dtype == torch.int64 else y.pow_(2), "pow_"),
        (lambda y: y.index_add_(0, torch.tensor([1]), torch.ones(1, 4)), "index_add_"),
        (lambda y: nn.init.constant_(y, 7.0), "constant_"),
        (lambda y: torch._foreach_mul_([y], 3.0), "_foreach_mul_"),
        (lambda y: setattr(y, "data", torch.zeros(3, 4)), "data"),
    ],
)
def test_every_way_of_writing_keeps_the_step_before_as_it_was(change, op):
    def program(x):
        y = x * 2
        change(y)
        return y + 0

    trace = recorded(program, fresh())
    assert torch.equal(trace.steps[0].value, fresh() * 2)
    step = next(step for step in trace.steps if step.op == op and step is not trace.steps[0])
    assert step.memory == "overwritten"
    assert torch.equal(trace.output, trace.steps[-1].value)
    assert trace.steps[-1].inputs[0] is step


def test_a_view_of_memory_that_is_written_later_shows_what_it_saw():
    def program(x):
        y = x * 1
        row = y[0]
        column = y.T[1]
        y.zero_()
        after = row + column.sum()
        return after

    trace = recorded(program, fresh())
    assert trace.find_all("row")[0].value.tolist() == [0, 1, 2, 3]
    assert trace.find_all("column")[0].value.tolist() == [1, 5, 9]
    assert trace.find("after").value.tolist() == [0, 0, 0, 0]
    # It reads the view as it is now: a row of what was written since, under its own name.
    row = trace.find("after").inputs[0]
    assert (row.name, row.op, [parent.op for parent in row.inputs]) == ("row", "getitem", ["zero_"])
    assert row.value.tolist() == [0, 0, 0, 0]


def test_writing_through_a_view_overwrites_the_whole():
    def program(x):
        y = x * 1
        y[0].fill_(5)
        return y * 2

    trace = recorded(program, fresh())
    assert torch.equal(trace.steps[0].value, fresh())
    assert trace.steps[-1].value[0].tolist() == [10, 10, 10, 10]
    (whole,) = trace.steps[-1].inputs
    assert (whole.name, whole.op, [parent.op for parent in whole.inputs]) == ("y", "setitem", ["mul", "fill_"])
    assert whole.arguments[0].value == (0, slice(0, 4))
    assert whole.value[:, 0].tolist() == [5, 4, 8]


@pytest.mark.parametrize("change", ["transpose_", "unsqueeze_", "squeeze_", "t_", "swapaxes_"])
def test_a_call_that_only_relays_its_tensor_keeps_the_layout_of_the_step_before(change):
    given = {"transpose_": (0, 1), "swapaxes_": (0, 1), "unsqueeze_": (0,), "squeeze_": (), "t_": ()}[change]

    def program(x):
        y = x * 1
        z = y.view(-1)
        z.add_(1)
        getattr(y, change)(*given)
        return y + 0

    trace = recorded(program, fresh())
    assert trace.steps[0].shape == (3, 4)
    assert torch.equal(trace.steps[0].value, fresh())
    assert trace.steps[-1].shape == tuple(getattr(fresh(), change)(*given).shape)


def test_an_input_that_is_overwritten_is_shown_as_it_was_given():
    x = fresh()
    trace = recorded(lambda x: x.mul_(2) + 1, x)
    assert torch.equal(trace.steps[0].parents[0].value, fresh())
    assert torch.equal(trace.steps[0].value, fresh() * 2)
    assert trace.steps[0].value is x
    assert torch.equal(x, fresh() * 2)


def test_what_is_not_overwritten_is_never_copied():
    x = fresh()
    # These pass out=None along, and write nowhere.
    trace = recorded(lambda x: F.normalize(x) + torch.norm(x), x)
    assert trace.steps[0].parents[0].value is x
    assert trace.steps[1].parents[0].value is x
    detached = recorded(lambda x: x.detach_().requires_grad_(False), torch.ones(3))
    assert [step.memory for step in detached.steps] == ["same", "same"]


def test_training_a_batch_norm_shows_its_buffers_before_and_recomputing_leaves_them_alone():
    module = nn.BatchNorm1d(4)
    trace = record(module, fresh())
    after = {name: buffer.clone() for name, buffer in module.named_buffers()}
    step = trace.steps[-1]
    for _ in range(2):
        torch.testing.assert_close(step.recompute(), step.value)
    assert all(torch.equal(buffer, after[name]) for name, buffer in module.named_buffers())
    before = {parent.name: parent.value for parent in step.inputs}
    assert before["running_mean"].tolist() == [0, 0, 0, 0]
    assert before["running_var"].tolist() == [1, 1, 1, 1]
    assert module.running_mean.tolist() == pytest.approx([0.4, 0.5, 0.6, 0.7])  # a tenth of the columns' means


def test_an_embedding_that_shortens_its_rows_shows_the_long_ones_it_read():
    table = nn.Embedding(3, 2, max_norm=1.0)
    with torch.no_grad():
        table.weight.fill_(3.0)
    trace = record(table, torch.tensor([0, 2]))
    (step,) = trace.steps
    weight = next(parent for parent in step.inputs if parent.name == "weight")
    assert weight.value.tolist() == [[3, 3]] * 3
    assert step.value[0].norm().item() == pytest.approx(1.0)
    torch.testing.assert_close(step.recompute(), step.value)


def test_an_optimiser_step_inside_is_recorded_and_recomputes():
    layer = nn.Linear(4, 2)
    before = layer.weight.detach().clone()
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.1)

    def program(x):
        loss = layer(x).sum()
        loss.backward()
        optimiser.step()
        return loss

    trace = recorded(program, fresh())
    written = [step for step in trace.steps if step.memory == "overwritten"]
    assert written
    linear = trace.steps[0]
    assert torch.equal(next(p.value for p in linear.inputs if p.name == "weight"), before)
    torch.testing.assert_close(written[0].value, before - 0.1 * fresh().sum(0).expand(2, 4))


def test_in_place_calls_on_sparse_meta_complex_and_empty_tensors():
    def program(x):
        sparse = x.to_sparse()
        sparse.mul_(2)
        dense = sparse.to_dense()
        meta = x.to("meta")
        meta.t_()
        turned = torch.complex(x, x).conj()
        turned.mul_(2)
        empty = x[:0]
        empty.add_(1)
        return dense

    trace = record(program, fresh())
    assert torch.equal(trace.find("dense").value, fresh() * 2)
    assert torch.equal(trace.find("sparse").value.to_dense(), fresh())
    assert trace.find("meta").shape == (3, 4)
    assert torch.equal(trace.find("turned").value, torch.complex(fresh(), fresh()).conj())
    for step in trace.steps:
        again = step.recompute()
        assert again.shape == step.value.shape
        assert step.statistics.nan == 0
        assert step.is_contiguous in (True, False)
        assert len(step.stride) in (0, len(step.shape))
    assert trace.nbytes > 0


def test_thousands_of_writes_are_resolved_quickly():
    def program(x):
        for place in range(2000):
            x[place % 12] = place
        return x + 0

    trace = recorded(program, torch.zeros(12))
    assert len(trace.steps) == 2001
    assert trace.steps[500].value.sum().item() == sum(range(489, 501))
