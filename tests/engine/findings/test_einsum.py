"""Attention written with einsum, in the layouts people use: the same rules as for ``@``."""

import math

import pytest
import torch
from einops import einsum, rearrange
from torch import nn

from engine import findings, record
from engine.findings.attentions import attentions
from tests.engine.findings.programs import PAD, WIDTH, B, D, H, L, drawn, later, recorded, tokens

# query, key and value as they come out of the split, and the two products.
LAYOUTS = {
    "length before heads": ("b q h d", "b k h d", "b h q k", "b q h d"),
    "heads before length": ("b h q d", "b h k d", "b h q k", "b h q d"),
    "keys transposed": ("b h q d", "b h d k", "b h q k", "b h q d"),
    "heads behind": ("b q d h", "b k d h", "b h q k", "b q h d"),
}


class EinsumAttention(nn.Module):
    """Multi-head attention with einsum; ``wrong`` names the one thing in it that is not right."""

    def __init__(self, layout="length before heads", wrong="", einops=False):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.w_q, self.w_k, self.w_v, self.w_o = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.layout, self.wrong, self.einops = LAYOUTS[layout], wrong, einops

    def product(self, first, second, pattern):
        if self.einops:
            return einsum(first, second, pattern)
        return torch.einsum(pattern.replace(" ", ""), first, second)

    def split(self, x, letters):
        if self.wrong == "split":
            return x.view(x.size(0), H, x.size(1), D).permute(*("bhld".index(letter) for letter in letters))
        heads = rearrange(x, "b l (d h) -> b l h d" if self.wrong == "features" else "b l (h d) -> b l h d", h=H)
        return rearrange(heads, f"b l h d -> {' '.join(letters)}")

    def forward(self, x, mask=None):
        query_axes, key_axes, score_axes, mixed_axes = self.layout
        query = self.split(self.w_q(x), query_axes.replace("q", "l").split())
        key = self.split(self.w_k(x), key_axes.replace("k", "l").split())
        value = self.split(self.w_v(x), key_axes.replace("k", "l").split())
        scores = self.product(query, key, f"{query_axes}, {key_axes} -> {score_axes}")
        scores = scores / math.sqrt(WIDTH if self.wrong == "root" else D)
        if mask is not None:
            scores = scores.masked_fill(mask, -math.inf)
        weights = scores.softmax(-2 if self.wrong == "softmax" else -1)
        mixed = self.product(weights, value, f"{score_axes}, {key_axes} -> {mixed_axes}")
        if (mixed_axes == "b h q d") != (self.wrong == "merge"):
            mixed = mixed.transpose(1, 2)
        return self.w_o(mixed.reshape(B, -1, WIDTH))


X = drawn(B, L, WIDTH)
RULES = {
    "split": "heads_split_without_moving_axes",
    "features": "features_dealt_out_to_heads",
    "root": "scores_scaled_by_another_root",
    "softmax": "softmax_over_another_axis",
    "merge": "heads_merged_without_moving_back",
}


def rules(trace):
    return [suspicion.rule for suspicion in findings(trace)]


@pytest.mark.parametrize("einops", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_attention_by_einsum_is_seen_and_quiet(layout, einops):
    trace = recorded(EinsumAttention(layout, einops=einops), X, later())
    (attention,) = attentions(trace)
    assert (attention.lengths, attention.d_k, attention.is_causal) == ((L, L), D, True)
    assert [tuple(operand.value.shape) for operand in attention.operands] == [(B, H, L, D)] * 3
    assert rules(trace) == []


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("wrong", RULES)
def test_what_is_wrong_with_it_is_named_as_it_is_with_a_matrix_product(wrong, layout):
    assert rules(recorded(EinsumAttention(layout, wrong), X)) == [RULES[wrong]]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (~later(), {"mask_inverted", "first_nan"}),
        (later(shift=2), {"causal_mask_shifted"}),
        (torch.ones(L, L, dtype=torch.bool), {"everything_hidden", "first_nan"}),
    ],
)
def test_its_masks_are_looked_at(layout, mask, expected):
    assert set(rules(recorded(EinsumAttention(layout), X, mask))) == expected


def test_padding_gets_weight_in_it():
    attention, table = EinsumAttention(), nn.Embedding(9, WIDTH)

    def program(ids):
        return attention(table(ids), ((ids == PAD) & (ids > 9))[:, None, None, :])

    assert rules(recorded(program, tokens())) == ["padding_gets_weight"]


MIXES = {"bqhgd,bkhd->bhgqk": "bhgqk,bkhd->bqhgd", "...qd,...kd->...qk": "...qk,...kd->...qd", "nd,md->nm": "nm,md->nd"}


@pytest.mark.parametrize("equation", MIXES)
def test_grouped_and_plain_queries_are_seen(equation):
    grouped = equation.startswith("bq")
    query = drawn(2, 5, 2, 3, 4) if grouped else drawn(5, 4)
    key = drawn(2, 6, 2, 4, seed=1) if grouped else drawn(6, 4, seed=1)
    mix = MIXES[equation]

    def program(query, key):
        weights = (torch.einsum(equation, query, key) / 2).softmax(-1)
        return torch.einsum(mix, weights, key)

    (attention,) = attentions(record(program, query, key))
    assert (attention.lengths, attention.d_k) == ((5, 6), 4)


def test_keys_given_before_queries_are_told_apart_by_the_order_of_the_scores():
    def program(query, key):
        weights = (torch.einsum("bkhd,bqhd->bhqk", key, query) / 2).softmax(-1)
        return torch.einsum("bkhd,bhqk->bqhd", key, weights)

    trace = record(program, drawn(2, 5, 3, 4), drawn(2, 6, 3, 4, seed=1))
    (attention,) = attentions(trace)
    assert (attention.query.name, attention.key.name, attention.lengths) == ("query", "key", (5, 6))
