"""The few numbers that sum up a tensor, against Python's own."""

import math
import statistics as plain

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine import record
from engine.record.statistics import Statistics, _at_once, statistics

numbers = st.floats(allow_nan=True, allow_infinity=True, width=32)


@given(st.lists(numbers, min_size=1, max_size=30))
def test_finite_numbers_are_summed_up_and_the_others_counted(drawn):
    found = statistics(torch.tensor(drawn, dtype=torch.float32))
    finite = [number for number in drawn if math.isfinite(number)]
    assert found.nan == sum(map(math.isnan, drawn))
    assert found.inf == sum(map(math.isinf, drawn))
    assert found.zeros == finite.count(0.0)
    if not finite:
        assert (found.min, found.max, found.mean, found.std) == (None, None, None, None)
        return
    assert (found.min, found.max) == (min(finite), max(finite))
    scale = max(map(abs, finite)) or 1.0
    assert found.mean == pytest.approx(math.fsum(finite) / len(finite), abs=scale * 1e-12)
    assert found.std == pytest.approx(plain.pstdev(finite), abs=scale * 1e-12)


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=30), st.floats(-1e6, 1e6))
def test_what_a_gpu_sums_up_at_once_is_what_the_pieces_say(drawn, beside):
    for value in (torch.tensor(drawn, dtype=torch.float64), torch.tensor(drawn).clamp(-1, 1) + beside):
        together, pieces = _at_once(value), statistics(value)
        if together is not None:
            assert (together.min, together.max, together.zeros) == (pieces.min, pieces.max, pieces.zeros)
            assert together.mean == pytest.approx(pieces.mean, rel=1e-12, abs=1e-12 * value.abs().max().item())
            assert together.std == pytest.approx(pieces.std, rel=1e-9)


@pytest.mark.parametrize(
    "special", [[1.0, math.inf], [1.0, math.nan], [1e9, 1e9 + 1], [3.0] * 5, [1e-170, 2e-170], [1e200, -1e200]]
)
def test_what_cannot_be_summed_up_at_once_exactly_is_left_to_the_pieces(special):
    assert _at_once(torch.tensor(special, dtype=torch.float64)) is None


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_tensor_on_a_gpu_has_the_statistics_it_has_on_the_cpu(dtype):
    generator = torch.Generator().manual_seed(0)
    for value in (torch.randn(300, 7000, generator=generator), torch.randn(300, 7000, generator=generator) + 1000):
        for some in (value.to(dtype), value.to(dtype).masked_fill(value > value.mean() + 1, -math.inf)):
            there, here = statistics(some.cuda()), statistics(some)
            assert (there.min, there.max, there.zeros, there.inf) == (here.min, here.max, here.zeros, here.inf)
            assert there.mean == pytest.approx(here.mean, rel=1e-9)
            assert there.std == pytest.approx(here.std, rel=1e-9)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int64", "int8", "uint8", "bool"])
def test_every_dtype_is_summed_up_in_float64(dtype):
    found = statistics(torch.tensor([0, 1, 1, 0, 1]).to(getattr(torch, dtype)))
    assert (found.min, found.max, found.zeros, found.nan, found.inf) == (0, 1, 2, 0, 0)
    assert found.mean == pytest.approx(0.6)
    assert found.std == pytest.approx(math.sqrt(0.24))


@pytest.mark.parametrize("arranged", [lambda x: x, lambda x: x.permute(2, 0, 1), lambda x: x[:, ::2]])
def test_a_large_tensor_is_summed_up_whole_however_it_lies_in_memory(arranged):
    generator = torch.Generator().manual_seed(0)
    value = arranged(torch.randn(40, 50, 60, generator=generator) + 100)
    value[value > 102] = -math.inf
    value[value < 98.5] = 0.0
    finite = value[value.isfinite()].double()
    found = statistics(value)
    assert (found.min, found.max) == (finite.min().item(), finite.max().item())
    assert found.mean == pytest.approx(finite.mean().item(), rel=1e-12)
    assert found.std == pytest.approx(finite.std(correction=0).item(), rel=1e-12)
    assert (found.zeros, found.nan, found.inf) == (int((finite == 0).sum()), 0, int(value.isinf().sum()))


def test_huge_numbers_do_not_overflow_their_mean():
    assert statistics(torch.full((40_000,), 1e308, dtype=torch.float64)).mean == pytest.approx(1e308)


def test_a_half_precision_sum_does_not_overflow():
    assert statistics(torch.full((1000,), 60000.0, dtype=torch.float16)).mean == 60000 - 60000 % 32


@pytest.mark.parametrize("value", [torch.empty(0), torch.empty(3, 0), torch.empty(2, device="meta")])
def test_where_there_are_no_numbers_there_is_nothing_to_say(value):
    assert statistics(value) == Statistics(None, None, None, None, 0, 0, 0)


def test_complex_numbers_have_no_order_and_are_only_counted():
    value = torch.tensor([0j, 1 + 1j, complex("nan"), complex("inf")])
    assert statistics(value) == Statistics(None, None, None, None, 1, 1, 1)


def test_sparse_and_wrapped_tensors_are_left_alone():
    def program(x):
        sparse = x.to_sparse()
        mapped = torch.vmap(lambda row: row * 2)(x)
        return sparse, mapped

    for step in record(program, torch.ones(2, 3)).steps:
        assert step.statistics.mean is None


def test_views_and_tensors_with_gradients_are_summed_up_as_they_stand():
    value = torch.arange(6.0, requires_grad=True).view(2, 3).T[1]
    assert statistics(value) == Statistics(1.0, 4.0, 2.5, 1.5, 0, 0, 0)


def test_statistics_are_worked_out_once():
    (step,) = record(lambda x: x * 2, torch.ones(3)).steps
    assert step.statistics is step.statistics
