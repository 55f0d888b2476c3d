"""Every step of ten published architectures is explained, and the walk from an output comes to all that made it."""

from __future__ import annotations

import random

import pandas as pd
import pytest
import torch
from torch import Tensor

from engine import Step, explain, ops, save_csv
from engine.explain.walk import walk
from engine.graph.model_graph import to_dot
from engine.record.trace import Leaf
from tests.engine.graph.test_model_graph import checked
from tests.engine.published.recorded import (
    EVERY_MODEL,
    ancestors,
    last_step,
    missed_gradients,
    tensors_of,
    trace_of,
    unexplained,
)

pytest.importorskip("transformers")
every_model = pytest.mark.parametrize(("name", "attention"), EVERY_MODEL)


@every_model
def test_every_step_is_explained_or_opened_and_agrees(name, attention):
    assert list(unexplained(trace_of(name, attention), random.Random(name))) == []


@every_model
def test_the_walk_from_the_output_comes_to_every_ancestor(name, attention):
    trace = trace_of(name, attention)
    last = last_step(trace)
    walked = walk(trace, last, torch.ones(last.shape, dtype=torch.bool))
    assert set(walked.steps) == ancestors(last)
    assert not walked.whole
    assert not any(inner.whole for inner in walked.insides.values())
    # A parameter that changes the output is come to as well, and so are the numbers the model was given.
    leaves = {leaf.tensor.name for leaf in walked.leaves}
    loss = last.value.square().sum()
    parameters = {leaf.name: leaf.value for leaf in parameters_read(trace)}
    gradients = torch.autograd.grad(loss, list(parameters.values()), retain_graph=True, allow_unused=True)
    assert {name for name, gradient in zip(parameters, gradients, strict=True) if gradient is not None} <= leaves
    assert next(iter(trace.inputs)) in leaves


def parameters_read(trace):
    read = {parent.name: parent for step in trace.steps for parent in step.inputs if parent.kind == "parameter"}
    return [leaf for leaf in read.values() if leaf.value.requires_grad]


@every_model
def test_the_walk_from_one_number_comes_to_every_element_that_changes_it(name, attention):
    trace = trace_of(name, attention)
    last = last_step(trace)
    index = (0, *(size - 1 for size in last.shape[1:]))
    walked = walk(trace, last, index)
    assert missed_gradients(walked, trace, last.value[index]) == []
    # No other sentence of the batch had a part in it; only Mixtral counts the tokens of all that go to an expert.
    read = [leaf.elements for leaf in walked.leaves if leaf.tensor.name == next(iter(trace.inputs))]
    assert any(bool(elements[0].any()) for elements in read)
    assert name.startswith("Mixtral") or not any(bool(elements[1:].any()) for elements in read)


@every_model
def test_terms_name_elements_that_the_walk_comes_to_and_no_tensor_that_it_leaves_out(name, attention):
    """Fused attention names its values; through its inside all the others."""
    trace = trace_of(name, attention)
    draw = random.Random(name)
    for step in draw.sample(trace.steps, 40):
        if not step.value.numel() or not step.inputs or ops.reads(step) is None:
            continue
        index = tuple(map(draw.randrange, step.shape))
        named = {(key(factor.parent), factor.index) for t in explain(trace, step, index).terms for factor in t.factors}
        parts = {key(parent): parent for parent in step.inputs}
        cells = {
            (key(part), cell)
            for read, part in zip(ops.reads(step), step.inputs, strict=True)
            for cell in read.cells(index)
        }
        assert {(part, cell) for part, cell in named if part in parts} <= cells, step.op


def key(tensor: Step | Leaf) -> int:
    return id(tensor)


@every_model
def test_the_tables_and_the_graph_are_made_of_every_step(name, attention, tmp_path):
    trace = trace_of(name, attention)
    save_csv(trace.steps, tmp_path / "tables")
    steps = pd.read_csv(tmp_path / "tables" / "steps.csv")
    assert list(steps["step"]) == [step.index for step in trace.steps]
    assert list(steps["op"]) == [step.op for step in trace.steps]
    assert list(steps["numel"]) == [step.value.numel() for step in trace.steps]
    values = pd.read_csv(tmp_path / "tables" / "values.csv", dtype={"value": str})
    by_step = dict(tuple(values.groupby("step")["value"]))
    for step in trace.steps:
        if step.value.numel():
            assert torch.equal(read_back(by_step[step.index], step.value), step.value.detach()), step.name
    checked(to_dot(trace))


def read_back(column, like: Tensor) -> Tensor:
    """A column of numbers as they were; NaN stands for itself."""
    if like.dtype == torch.bool:
        return torch.tensor([text == "true" or text == "True" or text == "1" for text in column]).reshape(like.shape)
    numbers = pd.to_numeric(column).to_numpy()
    return torch.tensor(numbers).to(like.dtype).reshape(like.shape)


def test_what_a_model_returned_is_found_in_its_trace():
    trace = trace_of("GPT-2", "eager")
    assert last_step(trace).value is trace.output.logits
    assert tensors_of(trace.output)[0] is trace.output.logits
