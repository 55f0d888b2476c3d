"""A finished trace never changes: its numbers are those of then, or it says that they are not any more."""

import pytest
import torch
from torch import nn

from engine import explain, record
from engine.record.later_writes import parts_of

X = torch.arange(12.0).view(3, 4)


def refused(trace, step):
    with pytest.raises(ValueError, match="written to after the recording ended"):
        explain(trace, step, (0,) * len(step.shape))


def test_a_trace_that_nobody_wrote_into_can_be_explained():
    layer = nn.Linear(4, 2)
    trace = record(layer, X)
    layer(X * 2).sum().backward()
    (step,) = trace.steps
    assert not step.overwritten
    assert not any(parent.overwritten for parent in step.inputs)
    assert explain(trace, step, (0, 0)).agrees


@pytest.mark.parametrize("optimiser", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_step_of_an_optimiser_afterwards_is_noticed(optimiser, wrapped):
    layer = nn.Linear(4, 2)
    trace = record((lambda x: layer(x)) if wrapped else layer, X)
    trace.output.sum().backward()
    optimiser(layer.parameters(), lr=0.1).step()
    (step,) = trace.steps
    assert [parent.overwritten for parent in step.inputs] == [False, True, True]
    assert not step.overwritten
    refused(trace, step)
    with pytest.raises(ValueError, match=r"weight can't be looked at"):
        step.recompute()


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_input_that_is_overwritten_afterwards_is_noticed(wrapped):
    x = X.clone()
    trace = record(lambda: x * 2) if wrapped else record(lambda x: x * 2, x)
    x.zero_()
    (step,) = trace.steps
    assert step.inputs[0].overwritten
    refused(trace, step)


def test_a_result_that_is_overwritten_afterwards_is_noticed_in_all_its_views():
    trace = record(lambda x: (x * 2).view(4, 3).T, X)
    trace.output.add_(1)
    assert [step.overwritten for step in trace.steps] == [True, True, True]
    assert all(step.statistics.min is None for step in trace.steps)
    refused(trace, trace.steps[0])


def test_parameters_that_are_moved_or_loaded_afterwards_are_noticed():
    for change in (
        lambda layer: layer.double(),
        lambda layer: layer.load_state_dict({name: value + 1 for name, value in layer.state_dict().items()}),
        lambda layer: setattr(layer.weight, "data", torch.zeros(2, 4)),
    ):
        layer = nn.Linear(4, 2)
        (step,) = record(layer, X).steps
        change(layer)
        assert step.inputs[1].overwritten


def test_writes_inside_the_recording_leave_nothing_to_notice():
    def program(x):
        y = x * 2
        y.add_(1)
        return y + 0

    trace = record(program, X.clone())
    assert not any(step.overwritten for step in trace.steps)
    assert all(explain(trace, step, (1, 1)).agrees for step in trace.steps)


@pytest.mark.parametrize("training", [False, True])
def test_the_statistics_of_a_batch_norm_are_those_of_then(training):
    module = nn.BatchNorm1d(4).train(training)
    trace = record(module, X)
    module.train()
    for _ in range(3):
        module(X + 100)
    step = trace.find_all("batch_norm")[-1]
    statistics = {parent.name: parent.value.tolist() for parent in step.inputs}
    assert statistics["running_mean"] == [0, 0, 0, 0]
    assert statistics["running_var"] == [1, 1, 1, 1]
    assert not step.overwritten
    torch.testing.assert_close(step.recompute(), step.value)


def test_what_is_left_of_a_transform_is_said_in_a_sentence():
    trace = record(torch.func.vmap(lambda row: row * 2), X)
    step = next(step for step in trace.steps if step.op == "mul")
    with pytest.raises(ValueError, match=r"mul can't be looked at: it existed only inside a transform of torch\.func"):
        explain(trace, step, (0,))


def test_the_parameters_of_modules_inside_modules_are_noticed_too():
    inner = nn.Linear(2, 2)
    trace = record(nn.Sequential(nn.Sequential(inner)), torch.rand(3, 2))
    (step,) = trace.steps
    with torch.no_grad():
        inner.bias.zero_()
    assert [parent.overwritten for parent in step.inputs] == [False, False, True]


def test_results_of_calls_that_return_several_are_watched_too():
    class Largest(nn.Module):
        def forward(self, x):
            values, _ = x.max(-1)
            return values + 1, values

    trace = record(Largest(), torch.rand(3, 4))
    assert not trace.steps[0].overwritten
    trace.output[1].add_(1)
    assert trace.steps[0].overwritten
    assert not trace.steps[2].overwritten


def test_modules_that_hold_each_other_are_looked_at_once():
    first, second, shared = nn.Module(), nn.Module(), nn.Linear(2, 3)
    first.second, second.first = second, first
    first.layer, second.layer = shared, shared
    parts = parts_of([first, second])
    assert parts.modules == [first, second, shared]
    assert [id(parameter) for parameter in parts.parameters] == [id(shared.weight), id(shared.bias)]
