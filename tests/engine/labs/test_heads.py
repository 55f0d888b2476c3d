"""Splitting and merging heads, against view and permute and number by number."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.labs.heads import merge_heads, split_heads

SIZE = st.integers(1, 4)


@given(batch=SIZE, length=SIZE, heads=SIZE, width=SIZE)
def test_head_h_of_a_token_has_its_features_from_h_times_d_on(batch, length, heads, width):
    rows = torch.arange(batch * length * heads * width).view(batch, length, heads * width)
    split = split_heads(rows, heads)
    assert torch.equal(split, rows.view(batch, length, heads, width).permute(0, 2, 1, 3))
    for head in range(heads):
        assert torch.equal(split[:, head], rows[..., head * width : (head + 1) * width])


@given(batch=SIZE, length=SIZE, heads=SIZE, width=SIZE)
def test_merging_puts_every_number_back(batch, length, heads, width):
    rows = torch.arange(batch * length * heads * width).view(batch, length, heads * width)
    assert torch.equal(merge_heads(split_heads(rows, heads)), rows)


def test_splitting_copies_nothing():
    rows = torch.zeros(1, 3, 8)
    assert split_heads(rows, 2).data_ptr() == rows.data_ptr()
