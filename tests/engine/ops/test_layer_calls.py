"""What layers and losses are made of, in every form that models call it: reads, arithmetic, price and formula."""

from __future__ import annotations

import itertools
import math
import random

import pytest
import torch

from engine import explain, ops, record
from engine.explain.explanation import formula
from tests.engine.ops.layer_calls import CALLS

MOST = 60  # elements of a tensor that are tried
# Where some of what is read changes nothing: what was dropped, masked, padded, rounded or is not the largest; a slope
# above 0; the scores of a query that sees one key alone, which has the whole weight whatever its score.
SWALLOWING = (
    *("dropout", "mask", "norm ∞", "norm 0", "vector_norm", "histc", "sees nothing", "padding", "nll", "round"),
    *("ignoring", "small", "smoothed", "prelu", "causal", "groups"),
)


def tensors(name: str, dtype: torch.dtype = torch.float64) -> list[torch.Tensor]:
    draws = torch.Generator().manual_seed(len(name))
    return [torch.randn(shape, generator=draws, dtype=torch.float64).to(dtype) for shape in CALLS[name][1:]]


def recorded(name: str, given: list[torch.Tensor]):
    torch.manual_seed(1)  # dropout draws the same mask every time
    with torch.no_grad():
        return record(CALLS[name][0], *given)


def some(shape) -> list[tuple[int, ...]]:
    every = list(itertools.product(*map(range, shape)))
    return random.Random(0).sample(every, min(MOST, len(every)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("name", CALLS)
def test_the_arithmetic_gives_what_torch_computed(name, dtype):
    if name == "rotary positions" and dtype is torch.bfloat16:
        pytest.skip("there are no complex numbers of bfloat16")
    if name == "histc" and dtype is torch.bfloat16:
        pytest.skip("torch counts no bfloat16")
    trace = recorded(name, tensors(name, dtype))
    for step in trace.steps:
        for index in some(step.shape):
            here = explain(trace, step, index)
            assert here.recomputed is not None, step.op
            assert here.agrees, (here.sentence, here.recomputed, here.value, here.tolerance)
            if dtype is torch.float64 and math.isfinite(abs(here.value)):
                assert abs(here.value - here.recomputed) <= 1e-12 * max(1, abs(here.value))


@pytest.mark.parametrize("name", CALLS)
def test_what_changes_an_element_is_what_it_is_said_to_read(name):
    """Each number given is moved a little and far; whatever changes must be said to read it, and the other way round.

    A dropped number, one that a clamp cuts off or the smaller ones of a maximum change nothing: there the reads may
    hold more.
    """
    given = tensors(name)
    step = recorded(name, given).steps[-1]
    reads = ops.reads(step)
    assert reads is not None
    numbers = [next((n for n, one in enumerate(given) if one is parent.value), None) for parent in step.inputs]
    said, changed = set(), set()
    for read, number in zip(reads, numbers, strict=True):
        if number is not None:
            said |= {
                (number, out, cell) for out in itertools.product(*map(range, step.shape)) for cell in read.cells(out)
            }
    for number in {number for number in numbers if number is not None}:
        for cell in itertools.product(*map(range, given[number].shape)):
            for moved in (0.37, -9.0, 40.0):
                replaced = [tensor.clone() for tensor in given]
                replaced[number][cell] += moved
                value = recorded(name, replaced).steps[-1].value
                differs = (value != step.value) & ~(value.isnan() & step.value.isnan())
                changed |= {(number, tuple(out), cell) for out in differs.nonzero().tolist()}
    assert changed <= said, "an element that is not read changed an output"
    if not any(word in name for word in SWALLOWING):
        assert changed == said


@pytest.mark.parametrize("name", CALLS)
def test_every_call_has_a_price_and_a_formula(name):
    step = recorded(name, tensors(name)).steps[-1]
    assert step.flops is not None
    assert formula(step).partition(" = ")[2]
