"""Bugs people have reported in attention: each is named by a rule, or is the first difference to the right program."""

import math

import pytest
import torch
from einops import rearrange
from torch import nn

from engine import compare, findings
from tests.engine.findings.programs import (
    RIGHT,
    WIDTH,
    Attention,
    B,
    D,
    H,
    L,
    Padded,
    attend,
    cached,
    difference,
    drawn,
    encoder,
    grouped,
    halves,
    later,
    pad_mask,
    recorded,
    scaled_in_place,
    sdpa_with_cache,
    split,
    tokens,
)

F = torch.nn.functional


def failing(program, *args, **kwargs):
    """The trace of a program that raises."""
    with pytest.raises((RuntimeError, ValueError)) as raised:
        recorded(program, *args, **kwargs)
    return raised.value.trace


def found(trace, rule, **more):
    """The finding of a rule, which must be there."""
    by_rule = {suspicion.rule: suspicion for suspicion in findings(trace, **more)}
    assert rule in by_rule, list(by_rule)
    return by_rule[rule]


X = drawn(B, L, WIDTH)


def test_a_mask_of_three_axes_with_one_entry_for_each_sequence_and_not_for_each_head():
    attention = nn.MultiheadAttention(WIDTH, H, batch_first=True)
    mask = torch.zeros(B, L, L, dtype=torch.bool)
    suspicion = found(failing(attention, X, X, X, attn_mask=mask), "raised")
    assert suspicion.sentence.endswith("with one for each sentence and head: attn_mask is (2, 5, 5).")
    assert suspicion.fix == f"attn_mask.repeat_interleave({H}, dim=0)"
    attention(X, X, X, attn_mask=mask.repeat_interleave(H, dim=0))


def test_a_mask_sized_by_the_batch():
    mask = torch.zeros(B, B, dtype=torch.bool)
    suspicion = found(failing(lambda x: RIGHT["hide"](split(x) @ split(x).mT, mask), X), "raised")
    assert "masked_fill" in suspicion.sentence


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_padding_that_comes_out_of_the_fast_path_as_zeros():
    suspicion = found(encoder(nested=True), "padding_becomes_zero")
    assert suspicion.evidence["rows"] == 2


def test_all_keys_hidden():
    mask = torch.zeros(B, 1, 1, L, dtype=torch.bool)
    mask[1] = True
    trace = attend(mask)
    suspicion = found(trace, "everything_hidden")
    assert (suspicion.step.op, suspicion.evidence["rows"]) == ("masked_fill", H * L)
    assert found(trace, "first_nan").step.op == "softmax"


@pytest.mark.parametrize("need_weights", [True, False])
def test_all_keys_hidden_inside_a_module_of_torch(need_weights):
    attention = nn.MultiheadAttention(WIDTH, H, batch_first=True)
    padding = torch.zeros(B, L, dtype=torch.bool)
    padding[1] = True
    trace = recorded(attention, X, X, X, key_padding_mask=padding, need_weights=need_weights)
    assert found(trace, "everything_hidden").step in trace.steps


@pytest.mark.parametrize("length", [1, 2])
def test_is_causal_with_a_cache(length):
    trace = recorded(
        lambda query, key: F.scaled_dot_product_attention(query, key, key, is_causal=True),
        drawn(B, H, length, D),
        drawn(B, H, 6, D),
    )
    suspicion = found(trace, "causal_mask_at_the_wrong_corner")
    assert suspicion.evidence["past"] == 6 - length
    assert suspicion.step.op == "scaled_dot_product_attention"
    assert findings(sdpa_with_cache()) == ()


def test_a_fill_that_half_precision_does_not_hold():
    trace = failing(lambda scores: scores.masked_fill(later(), -1e9), drawn(L, L).half())
    assert "masked_fill" in found(trace, "raised").sentence


def test_a_mask_times_a_number_that_half_precision_does_not_hold():
    suspicion = found(halves(-1e9), "number_too_large_for_the_dtype")
    assert (suspicion.step.op, suspicion.evidence["count"]) == ("mul", L * (L - 1) // 2)


def test_view_after_transpose():
    suspicion = found(failing(lambda x: x.transpose(1, 2).view(B, L, WIDTH), drawn(B, H, L, D)), "raised")
    assert "view" in suspicion.sentence
    assert suspicion.fix


def test_repeated_keys_of_another_layout():
    """repeat_kv wants (B, H, L, d_k), and here gets (B, L, H, d_k): it repeats tokens."""

    def repeat_kv(x, groups):
        batch, heads, length, d_k = x.shape
        expanded = x[:, :, None].expand(batch, heads, groups, length, d_k)
        return expanded.reshape(batch, heads * groups, length, d_k)

    layer_q, layer_k = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH // 2)

    def attention(x):
        query = split(layer_q(x))
        key = repeat_kv(layer_k(x).view(B, L, H // 2, D), 2).reshape(B, H, L, D)
        weights = (query @ key.mT / math.sqrt(D)).softmax(-1)
        return weights @ key

    assert found(recorded(attention, X), "heads_split_without_moving_axes")
    assert found(grouped(lambda x: x.repeat(1, 2, 1, 1)), "shared_heads_in_another_order")


def test_heads_that_do_not_divide():
    suspicion = found(failing(lambda x: x.view(B, L, 5, WIDTH // 5), X), "raised")
    assert "view" in suspicion.sentence


def test_scaling_in_place():
    suspicion = found(scaled_in_place(True), "written_in_place")
    assert suspicion.step.op == "mul_"

    def caller(query):
        query *= D**-0.5
        return query @ query.mT

    assert "query" in found(recorded(caller, X.clone()), "written_in_place").sentence


def test_features_before_heads_in_einops():
    trace = attend(split=lambda x: rearrange(x, "b l (d h) -> b h l d", h=H))
    assert found(trace, "features_dealt_out_to_heads").evidence["features each"] == D // H
    assert findings(attend(split=lambda x: rearrange(x, "b l (h d) -> b h l d", h=H))) == ()


def test_view_without_transpose():
    trace = attend(split=lambda x: x.view(B, H, L, D))
    suspicion = found(trace, "heads_split_without_moving_axes")
    assert suspicion.step.op == "view"
    # The right program's first difference is the same step, or the move that it lacks.
    first = compare(attend(), trace).first
    assert (first.b or first.a).op in ("view", "transpose")


def test_polarity_inverted_in_a_causal_and_in_a_padding_mask():
    assert found(attend(~later()), "mask_inverted")
    assert found(recorded(Padded(lambda ids: ~pad_mask(ids)), tokens()), "mask_inverted")
    hides = later().logical_not().logical_not()
    trace = recorded(lambda x: F.scaled_dot_product_attention(x, x, x, attn_mask=hides), drawn(B, H, L, D))
    assert found(trace, "mask_inverted").step.op == "scaled_dot_product_attention"


def test_a_mask_of_keys_on_pairs_where_the_batch_is_as_long_as_the_text():
    def given(x, mask):
        return Attention()(x, mask)

    padding = torch.zeros(L, L, dtype=torch.bool)
    for row, length in enumerate((5, 3, 4, 2, 5)):
        padding[row, length:] = True
    x = drawn(L, L, WIDTH)
    assert found(recorded(given, x, padding), "mask_of_keys_on_queries").evidence["batch"] == L
    assert findings(recorded(given, x, padding[:, None, None, :])) == ()
    model, ids = Padded(lambda ids: ids == 0), tokens(L)
    assert found(recorded(model, ids), "sizes_equal_by_accident", program=(model, (ids,)))


def test_a_column_less_a_row():
    suspicion = found(difference(True), "both_sides_grow")
    assert (suspicion.step.op, suspicion.evidence["count"], suspicion.evidence["wanted"]) == ("sub", 36, 6)
    trace = recorded(lambda x, y: F.l1_loss(x.unsqueeze(-1) * 2, y.unsqueeze(-1)), drawn(6), drawn(6, seed=1))
    assert findings(trace) == ()


def test_rotary_positions_that_restart_with_the_cache():
    suspicion = found(cached(0), "positions_restart_with_a_cache")
    assert suspicion.evidence["past"] == 3
    assert findings(cached(3)) == ()


@pytest.mark.parametrize("module", ["attention", "layer"])
def test_batch_first_forgotten_where_the_batch_is_as_long_as_the_text(module):
    places = nn.Parameter(drawn(L, WIDTH))
    table = nn.Embedding(9, WIDTH)

    def program(batch_first):
        if module == "layer":
            inner = nn.TransformerEncoderLayer(WIDTH, H, WIDTH, batch_first=batch_first).eval()
            return lambda ids: inner(table(ids) + places)
        inner = nn.MultiheadAttention(WIDTH, H, batch_first=batch_first)

        def attention(ids):
            x = table(ids) + places
            return x + inner(x, x, x)[0]

        return attention

    ids = torch.arange(L * L).view(L, L) % 9
    suspicion = found(recorded(program(False), ids), "attention_along_the_batch")
    assert (suspicion.evidence["attended"], suspicion.evidence["placed"]) == (0, 1)
    assert findings(recorded(program(True), ids)) == ()
