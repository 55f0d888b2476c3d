"""clamp with limits of any kind, and where as a method: what an element read and what it came to."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import explain, record

X = torch.tensor([[-2.0, 0.5, 3.0], [1.0, -0.25, 0.0]])
LOW, HIGH = torch.tensor([-1.0, 0.0, 1.0]), torch.tensor(1.5)
CLAMPS = {
    "two tensors": lambda x: x.clamp(LOW, HIGH),
    "a number and a tensor": lambda x: torch.clamp(x, 0, HIGH),
    "a lower tensor by name": lambda x: torch.clamp(x, min=LOW),
    "an upper tensor by name": lambda x: x.clip(max=HIGH),
    "clamp_min": lambda x: x.clamp_min(0.25),
    "clamp_min of a tensor": lambda x: torch.clamp_min(x, LOW),
    "clamp_max": lambda x: x.clamp_max(max=0.25),
    "clamp_max_": lambda x: x.clone().clamp_max_(0.25),
}


@pytest.mark.parametrize("kind", CLAMPS)
def test_every_element_of_a_clamp_is_explained(kind):
    trace = record(CLAMPS[kind], X)
    for row in range(2):
        for column in range(3):
            assert explain(trace, trace.steps[-1], (row, column)).agrees


def test_a_clamp_says_which_limits_it_kept_to():
    trace = record(lambda x, low, high: x.clamp(low, high), X, LOW, HIGH)
    explanation = explain(trace, trace.steps[0], (0, 2))
    assert explanation.sentence == "clamp[0, 2] is x[0, 2], made at least low[2] and at most high."
    assert explanation.arithmetic == "= min(1.5, max(1, 3)) = 1.5"


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 5), st.booleans())
def test_where_as_a_method_takes_the_number_that_torch_took(seed, has_tensor):
    generator = torch.Generator().manual_seed(seed)
    x, y = torch.randn(2, 3, 4, generator=generator)
    keeps = torch.rand(3, 4, generator=generator) > 0.5

    def choose(x, keeps, y):
        return x.where(keeps, y)

    trace = record(choose, x, keeps, y if has_tensor else -1.0)
    (step,) = trace.steps
    assert [parent.name for parent in step.inputs][:2] == ["keeps", "x"]
    for index in ((0, 0), (1, 2), (2, 3)):
        explanation = explain(trace, step, index)
        assert explanation.agrees
        chosen = f"x[{index[0]}, {index[1]}]"
        assert (chosen in explanation.sentence) == bool(keeps[index])


def test_a_cast_to_the_dtype_of_a_tensor_of_another_shape_reads_one_number():
    trace = record(lambda mask, x: mask.type_as(x), X > 0, torch.ones(4, 1, 7))
    explanation = explain(trace, trace.steps[0], (0, 1))
    assert explanation.agrees
    assert explanation.value == 1.0


def test_a_size_may_be_a_number_that_the_program_computed():
    trace = record(lambda x: x.view(torch.tensor(6) // 2, 2), X)
    assert explain(trace, trace.steps[-1], (2, 1)).agrees


def test_a_product_added_takes_its_factors_by_name():
    bias, left, right = torch.ones(2, 1, 1), torch.rand(2, 3, 4), torch.rand(2, 4, 5)
    trace = record(lambda bias: bias.baddbmm(batch1=left, batch2=right, beta=0.5, alpha=2.0), bias)
    assert explain(trace, trace.steps[0], (1, 2, 4)).agrees
