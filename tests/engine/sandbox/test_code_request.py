"""The table of inputs: what tensors it makes, and what it refuses."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.sandbox.code_request import FILLS, INPUT_DTYPES, CodeInput, CodeRequest, CodeRequestError, Limits


@given(
    sizes=st.dictionaries(st.sampled_from("BLD"), st.integers(0, 5), min_size=3, max_size=3),
    shape=st.lists(st.one_of(st.sampled_from("BLD"), st.integers(0, 4)), max_size=4),
    dtype=st.sampled_from(INPUT_DTYPES),
    fill=st.sampled_from(FILLS),
    seed=st.integers(0, 2**63 - 1),
)
def test_inputs_have_the_shape_and_dtype_that_the_table_says_and_survive_json(sizes, shape, dtype, fill, seed):
    request = CodeRequest("", (CodeInput("x", tuple(shape), dtype, fill, seed),), sizes)
    read = CodeRequest.from_json(request.to_json())
    tensor, again = request.tensors()["x"], read.tensors()["x"]
    assert tuple(tensor.shape) == tuple(sizes[axis] if isinstance(axis, str) else axis for axis in shape)
    assert tensor.dtype == getattr(torch, dtype)
    assert torch.equal(tensor, again)
    assert request.nbytes == tensor.nbytes
    assert read == request


def test_fills_are_what_they_are_called():
    def filled(fill: str, dtype: str = "float32") -> torch.Tensor:
        return CodeRequest("", (CodeInput("x", (2, 3), dtype, fill),)).tensors()["x"]

    assert filled("arange").tolist() == [[0, 1, 2], [3, 4, 5]]
    assert filled("ones", "bool").all()
    assert torch.equal(filled("random"), torch.randn(2, 3, generator=torch.Generator().manual_seed(0)))
    assert set(filled("random", "int64").flatten().tolist()) <= set(range(10))


@pytest.mark.parametrize(
    ("inputs", "symbols", "words"),
    [
        ((CodeInput("x", ("L",)),), {}, "the shape of x has L, which has no size; give it one, such as L = 4"),
        ((CodeInput("class", (2,)),), {}, "an input must be named as a parameter is: got 'class'"),
        ((CodeInput("x", (-1,)),), {}, "a size must be a whole number of at least 0: x is -1"),
        ((CodeInput("x", ("L",)),), {"L": 2.5}, "a size must be a whole number of at least 0: L is 2.5"),
        ((CodeInput("x", ()), CodeInput("x", ())), {}, "two are called x"),
        ((CodeInput("x", (2,), dtype="float8"),), {}, "the dtype of x must be one of float32,"),
        ((CodeInput("x", (2,), fill="zeros"),), {}, "x must be filled with one of random, arange, ones: got zeros"),
        ((CodeInput("x", (2,), seed=-1),), {}, "the seed of x must be a whole number from 0"),
        ((CodeInput("x", (2**40,)),), {}, "the inputs would take 4,398,046,511,104 bytes"),
        ((CodeInput("x", (1,) * 20),), {}, "x must have at most 16 axes: got 20"),
    ],
)
def test_what_cannot_be_is_refused_in_words(inputs, symbols, words):
    with pytest.raises(CodeRequestError) as refusal:
        CodeRequest("", inputs, symbols)
    assert words in str(refusal.value)


def test_every_problem_is_named_at_once():
    with pytest.raises(CodeRequestError) as refusal:
        CodeRequest("", (CodeInput("1x", ("L",), dtype="int"),), limits=Limits(seconds=0, nbytes=1))
    assert len(str(refusal.value).splitlines()) == 5
