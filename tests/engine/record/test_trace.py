"""A trace: immutable, complete, and enough to compute every number in it again."""

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from engine import Config, Step, Trace, record, run
from tests.engine.any_config import any_config


def replay(step):
    """The step's value from its recorded parents alone, by looking its operation up in torch."""
    positional = [p.value for p in step.parents if p.kind != "argument" or not p.name]
    named = {p.name: p.value for p in step.arguments if p.name}
    if step.op == "stack":
        return torch.stack([parent.value for parent in step.inputs], **named)
    operators = {"eq": Tensor.__eq__, "bitwise_or": Tensor.__or__, "getitem": Tensor.__getitem__}
    function = operators.get(step.op) or getattr(F, step.op, None) or getattr(Tensor, step.op, None)
    function = function or getattr(torch, step.op)
    return function(*positional, **named)


@settings(max_examples=15)
@given(any_config(encoder_layers=st.integers(1, 2), decoder_layers=st.integers(1, 2)))
def test_every_step_recomputes_from_its_recorded_parents_to_its_recorded_value(config):
    for step in run(config).steps:
        for again in (replay(step), step.recompute()):
            assert again.shape == step.shape
            assert again.stride() == step.stride
            assert torch.equal(again, step.value), step


@pytest.fixture(scope="module")
def trace():
    return run(Config())


def test_nothing_of_a_trace_or_its_parts_can_be_set(trace):
    step = trace.steps[20]
    for thing, field in [
        (trace, "output"), (trace, "steps"), (trace, "config"), (trace, "anything"), (step, "name"), (step, "value"),
        (step, "statistics"), (step.source, "line"), (step.parents[0], "name"), (trace.config, "batch"),
    ]:  # fmt: skip
        with pytest.raises((dataclasses.FrozenInstanceError, AttributeError)):
            setattr(thing, field, None)
    for mapping in (trace.inputs, trace.labels, trace.sizes, trace.consumers):
        with pytest.raises(TypeError):
            mapping["S"] = None
    assert isinstance(trace.steps, tuple)
    assert isinstance(step.parents, tuple)


def test_traces_and_steps_are_themselves_and_equal_to_no_other(trace):
    again = run(Config())
    assert trace != again
    assert trace.steps[0] != again.steps[0]
    assert len({trace, again, trace}) == 2
    assert {step: step.index for step in trace.steps}[trace.steps[7]] == 7
    assert trace.steps is trace.steps


def test_steps_are_numbered_in_execution_order(trace):
    assert [step.index for step in trace.steps] == list(range(len(trace.steps)))
    assert [step.call for step in trace.steps] == sorted(step.call for step in trace.steps)
    assert isinstance(trace, Trace)
    assert all(isinstance(step, Step) for step in trace.steps)


def test_find_gives_the_last_of_a_name_and_find_all_every_one(trace):
    name = "encoder.layers.0.self_attention.query"
    found = trace.find_all(name)
    assert [step.op for step in found] == ["linear", "view", "permute"]
    assert trace.find(name) is found[-1]
    assert all(step.full_name == name for step in found)


def test_a_name_that_is_not_there_is_refused_with_those_that_come_close(trace):
    with pytest.raises(KeyError, match=r"encoder\.layers\.0\.self_attention\.scores"):
        trace.find("encoder.layers.0.self_attention.score")
    with pytest.raises(KeyError, match="none is near"):
        trace.find("%%%%")


def test_every_step_can_be_found_by_its_full_name(trace):
    for step in trace.steps:
        assert step in trace.find_all(step.full_name)


def test_consumers_are_the_steps_that_read_a_step(trace):
    for step in trace.steps:
        readers = [other for other in trace.steps if any(parent is step for parent in other.parents)]
        assert list(trace.consumers.get(step.index, ())) == readers


def test_sizes_are_those_of_the_config(trace):
    sizes = {"B": 2, "S": 5, "T": 4, "H": 4, "d_k": 8, "d_v": 8, "d_ff": 128, "d_model": 32, "V": 64, "1": 1}
    assert {symbol: trace.sizes[symbol] for symbol in sizes} == sizes


def test_bytes_of_a_trace_count_shared_memory_once():
    trace = record(lambda x: (x * 2).view(-1)[:4] + 0, torch.ones(3, 4))
    assert [step.nbytes for step in trace.steps] == [48, 48, 16, 16]
    assert trace.nbytes == 48 + 16


def test_a_trace_outlives_the_run_that_made_it_unchanged():
    weight = torch.ones(4)
    first = record(lambda x: x * weight, torch.ones(3, 4))
    value = first.steps[0].value.clone()
    record(lambda x: x * 5 * weight, torch.ones(3, 4))
    assert torch.equal(first.steps[0].value, value)
    assert len(first.steps) == 1


def test_an_empty_trace_is_a_trace():
    trace = record(lambda: 5)
    assert (trace.steps, trace.output, trace.nbytes, dict(trace.sizes)) == ((), 5, 0, {})


def test_a_step_prints_without_its_tensors(trace):
    assert "tensor(" not in repr(trace.steps[3])
    assert "tensor(" not in repr(trace)
    assert len(repr(trace.steps[3])) < 400
