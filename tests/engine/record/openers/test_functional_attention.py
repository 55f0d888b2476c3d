"""Fused attention opens: the plain formula gives what torch's own call gave, and its weights are seen."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from engine import Step, record
from engine.record.watching import call_recorder

SIZES = st.integers(1, 4)
SDPA = "scaled_dot_product_attention"
KINDS = ("none", "causal", "bool", "float", "scale", "grouped")


def fused(trace, op: str) -> list[Step]:
    return [step for step in trace.steps if step.op == op]


@settings(deadline=None, max_examples=80)
@given(SIZES, SIZES, SIZES, SIZES, SIZES, st.sampled_from(KINDS), st.sampled_from((torch.float32, torch.float64)))
def test_scaled_dot_product_attention_opens_into_the_documented_formula(b, h, n, m, d, kind, dtype):
    torch.manual_seed(b + 10 * h + 100 * n)
    group = 2 if kind == "grouped" else 1
    query = torch.randn(b, h * group, n, d, dtype=dtype)
    key, value = torch.randn(b, h, m, d, dtype=dtype), torch.randn(b, h, m, d + 1, dtype=dtype)
    options = {
        "none": {},
        "causal": {"is_causal": True},
        "bool": {"attn_mask": torch.rand(n, m) > 0.5},
        "float": {"attn_mask": torch.randn(b, 1, n, m, dtype=dtype)},
        "scale": {"scale": 0.3},
        "grouped": {"enable_gqa": True},
    }[kind]
    (step,) = fused(record(lambda: F.scaled_dot_product_attention(query, key, value, **options)), SDPA)
    largest = float(value.abs().max())
    assert step.inside_difference <= (1e-5 if dtype == torch.float32 else 1e-13) * max(largest, 1)
    weights = step.inside.find("weights").value
    assert weights.shape == (b, h * group, n, m)
    sums = weights.sum(-1)
    assert bool(((sums - 1).abs() < 1e-5).logical_or(sums == 0).all())
    if kind == "causal":
        assert bool((weights.triu(1) == 0).all())
    if kind == "bool":
        assert bool((weights.masked_select(~options["attn_mask"].expand_as(weights)) == 0).all())


def test_a_query_that_sees_no_key_gets_zeros_as_torch_gives_it():
    mask = torch.tensor([[False, False], [True, False]])
    x = torch.randn(1, 1, 2, 3)
    (step,) = fused(record(lambda: F.scaled_dot_product_attention(x, x, x, attn_mask=mask)), SDPA)
    assert step.value[0, 0, 0].tolist() == [0.0, 0.0, 0.0]
    assert step.inside.find("weights").value[0, 0].tolist() == [[0.0, 0.0], [1.0, 0.0]]
    assert step.inside_difference == 0.0


def test_the_steps_inside_have_names_and_axes():
    x = torch.randn(2, 3, 4, 5)
    (step,) = fused(record(lambda: F.scaled_dot_product_attention(x, x, x, is_causal=True)), SDPA)
    assert [(inner.name, inner.axes) for inner in step.inside.steps] == [
        ("key_t", ("B", "H", "d_k", "L_k")),
        ("scores", ("B", "H", "L", "L_k")),
        ("scaled", ("B", "H", "L", "L_k")),
        ("pairs", ("L", "L_k")),
        ("later", ("L", "L_k")),
        ("masked", ("B", "H", "L", "L_k")),
        ("weights", ("B", "H", "L", "L_k")),
        ("mixed", ("B", "H", "L", "d_v")),
    ]
    assert math.isclose(
        float(step.inside.find("scaled").value[1, 2, 3, 3] * math.sqrt(5)), float(x[1, 2, 3] @ x[1, 2, 3]), rel_tol=1e-5
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bias": False},
        {"add_bias_kv": True},
        {"add_zero_attn": True},
        {"kdim": 5, "vdim": 3},
        {"batch_first": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("mask", ["none", "padding", "bool", "float", "per head"])
@pytest.mark.parametrize("training", [True, False])
def test_multi_head_attention_opens_with_what_the_module_returned(options, mask, training):
    torch.manual_seed(0)
    module = nn.MultiheadAttention(8, 2, **options).double().train(training)
    n, m, b = 4, 6, 3
    tensors = [
        torch.randn(length, b, width).double()
        for length, width in ((n, 8), (m, options.get("kdim", 8)), (m, options.get("vdim", 8)))
    ]
    if options.get("batch_first"):
        tensors = [tensor.transpose(0, 1) for tensor in tensors]
    masks: dict[str, Tensor] = {
        "none": {},
        "padding": {"key_padding_mask": torch.tensor([[False] * 4 + [True] * 2] + [[False] * 6] * 2)},
        "bool": {"attn_mask": torch.ones(n, m, dtype=torch.bool).triu(3)},
        "float": {"attn_mask": torch.randn(n, m).double()},
        "per head": {"attn_mask": torch.rand(b * 2, n, m) > 0.9},
    }[mask]
    trace = record(module, *tensors, **masks)
    plain, weights = module(*tensors, **masks)
    steps = fused(trace, "multi_head_attention_forward")
    assert [step.inside_difference < 1e-12 for step in steps] == [True, True]
    assert torch.equal(trace.output[0], plain)
    inner = steps[0].inside
    before_average = next(step for step in inner.steps if step.op == "softmax")
    assert torch.allclose(before_average.value.mean(1), weights, atol=1e-12)
    assert torch.allclose(before_average.value.sum(-1), torch.ones(()).double(), atol=1e-12)


def test_a_module_that_returns_no_weights_shows_them_inside():
    module = nn.MultiheadAttention(8, 2).train()
    x = torch.randn(4, 1, 8)
    with_weights = module(x, x, x, average_attn_weights=False)[1]
    (step,) = fused(record(module, x, x, x, need_weights=False), "multi_head_attention_forward")
    assert torch.allclose(step.inside.find("weights").value, with_weights, atol=1e-6)


def test_sentences_without_a_batch_open_as_well():
    module = nn.MultiheadAttention(6, 3).train()
    x = torch.randn(4, 6)
    for step in fused(record(module, x, x, x), "multi_head_attention_forward"):
        assert step.inside_difference < 1e-6


def attend(query, p=0.4):
    return F.scaled_dot_product_attention(query, query, query, dropout_p=p)


@pytest.mark.parametrize("grad", [True, False])
def test_the_weights_inside_are_those_that_dropout_left(grad):
    query = torch.randn(2, 3, 5, 4, dtype=torch.float64, requires_grad=grad)
    torch.manual_seed(3)
    first, second = record(lambda: (attend(query), attend(query))).steps[-2:]
    for step in (first, second):
        assert step.inside_difference < 1e-14
        weights = step.inside.find_all("weights")
        kept = weights[-1].value != 0
        assert 0 < kept.sum() < kept.numel()
        assert torch.allclose(weights[-1].value[kept], weights[0].value[kept] / 0.6)
        assert torch.allclose(weights[-1].value @ query, step.value)
    assert not torch.equal(first.inside.find("weights").value, second.inside.find("weights").value)


@pytest.mark.parametrize("need_weights", [True, False])
def test_heads_in_training_have_the_weights_that_dropout_left(need_weights):
    module = nn.MultiheadAttention(8, 2, dropout=0.5, dtype=torch.float64).train()
    x = torch.randn(5, 2, 8, dtype=torch.float64)
    trace = record(module, x, x, x, need_weights=need_weights)
    opened = [step for step in trace.steps if step.op == "multi_head_attention_forward"]
    assert max(step.inside_difference for step in opened) < 1e-14


def test_looking_into_a_call_leaves_the_generator_and_the_number_drawn_next_alone():
    query = torch.randn(1, 2, 3, 4)
    torch.manual_seed(0)
    attend(query)
    following = torch.rand(())
    torch.manual_seed(0)
    trace = record(attend, query)
    assert torch.rand(()) == following
    state = torch.get_rng_state()
    assert trace.steps[-1].inside_difference < 1e-6
    assert torch.equal(torch.get_rng_state(), state)


def test_a_call_that_drew_nothing_keeps_no_state_of_the_generator(monkeypatch):
    def refuse():
        raise AssertionError("nothing was drawn")

    monkeypatch.setattr(torch, "get_rng_state", refuse)
    query = torch.randn(1, 2, 3, 4)
    record(attend, query, 0.0)
    record(nn.MultiheadAttention(4, 2, dropout=0.5).eval(), query[0], query[0], query[0])
    record(nn.LSTM(4, 2, 2, dropout=0.5).eval(), query[0])


def test_where_the_draw_is_not_known_the_weights_are_those_before_dropout_and_a_note_says_so(monkeypatch):
    monkeypatch.setattr(call_recorder, "generator_before", lambda *call: None)
    query = torch.randn(1, 2, 3, 4)
    inside = record(attend, query).steps[-1].inside
    assert torch.allclose(inside.find("weights").value.sum(-1), torch.ones(()))
    (note,) = inside.notes
    assert note.startswith("scaled_dot_product_attention dropped some of its weights at random")
    module = nn.LSTM(4, 2, 2, dropout=0.5).train()
    assert record(module, query[0]).steps[-1].inside.notes[0].startswith("lstm dropped some")
