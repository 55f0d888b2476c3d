"""Bags of embeddings and linear layers in 8 bits: their insides have the numbers of torch, whatever the call."""

import warnings

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from engine import explain, open_trace, record, save_trace
from engine.explain.walk import walk


@given(
    st.sampled_from(["sum", "mean", "max"]),
    st.lists(st.integers(0, 3), min_size=1, max_size=4),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, 1, -1]),
)
def test_a_bag_opens_into_its_rows(mode, lengths, last_offset, is_weighted, padding):
    ids = torch.randint(0, 5, (sum(lengths),))
    ends = torch.tensor(lengths).cumsum(0)
    offsets = torch.cat((torch.zeros(1, dtype=torch.long), ends if last_offset else ends[:-1]))
    weights = torch.rand(len(ids)) if is_weighted and mode == "sum" else None
    given = {"mode": mode, "include_last_offset": last_offset, "padding_idx": padding}
    table = torch.randn(5, 3)
    trace = record(lambda: F.embedding_bag(ids, table, offsets, per_sample_weights=weights, **given))
    (step,) = trace.steps
    assert torch.equal(step.value, F.embedding_bag(ids, table, offsets, per_sample_weights=weights, **given))
    assert step.inside_difference < 1e-6


def test_the_walk_from_a_bag_comes_to_its_own_rows_alone():
    bag = nn.EmbeddingBag(6, 2, mode="sum")
    trace = record(bag, torch.tensor([[1, 3], [5, 5]]))
    (step,) = trace.steps
    leaves = {leaf.tensor.name: leaf.elements for leaf in walk(trace, step, (0, 1)).leaves}
    assert leaves["weight"].nonzero().tolist() == [[1, 1], [3, 1]]
    assert leaves["input"].tolist() == [[True, True], [False, False]]


@pytest.mark.parametrize("shape", [(2, 4), (2, 3, 4)])
def test_a_linear_layer_in_8_bits_opens_into_what_it_rounds(shape):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(4, 5)), {nn.Linear})
    source = torch.randn(shape)
    trace = record(model, source)
    assert torch.equal(trace.output, model(source))
    step = trace.steps[0]
    assert step.op == "linear_dynamic"
    assert step.inside_difference < 1e-5
    rounded = step.inside.find("rounded").value
    assert 0 < (rounded - source).abs().max() <= step.inside.find("step").value * 0.51
    walked = walk(trace, trace.steps[-1], (0,) * len(shape))
    assert not walked.whole
    (weight,) = [leaf.elements for leaf in walked.leaves if leaf.tensor.name == "weight"]
    assert weight.any(1).tolist() == [True, False, False, False, False]
    assert all(explain(step.inside, inner, (0,) * inner.value.dim()).agrees for inner in step.inside.steps)


def test_a_linear_layer_in_8_bits_is_saved(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(4, 5)), {nn.Linear})
    trace = record(model, torch.randn(2, 4))
    save_trace(trace, tmp_path / "run.trace")
    assert torch.equal(open_trace(tmp_path / "run.trace").steps[0].value, trace.steps[0].value)
