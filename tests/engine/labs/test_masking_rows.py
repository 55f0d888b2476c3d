"""Rows with every key hidden: where NaN appears, how it spreads, and what each remedy gives instead."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import record
from engine.labs.masking.rows import empty, fused, remedies
from engine.labs.why_split import random_tokens, self_attention


@st.composite
def paddings(draw):
    length = draw(st.integers(2, 6))
    return length, draw(st.integers(1, length - 1))


@settings(max_examples=20)
@given(paddings())
def test_the_rows_of_padding_are_nan_after_one_layer_and_every_row_after_two(case):
    length, padded = case
    found = empty(*case, layers=3)
    hidden = [[key < padded or key > query for key in range(length)] for query in range(length)]
    assert found.mask.tolist() == hidden
    assert found.weights.isnan().all(dim=-1).tolist() == [all(row) for row in hidden]
    assert found.nan_rows == (padded, length, length)
    assert found.output.isnan().any(dim=-1).all()


@settings(max_examples=20)
@given(paddings())
def test_each_remedy_gives_the_rows_that_theory_says(case):
    length, padded = case
    zero, added, finite, right, itself = remedies(*case)
    assert not zero.weights[:padded].any()
    assert torch.equal(zero.weights, added.weights)
    torch.testing.assert_close(finite.weights[:padded], torch.full((padded, length), 1 / length))
    assert torch.equal(itself.weights[:padded], torch.eye(length)[:padded])
    assert right.pads_right
    assert not right.weights.isnan().any()
    assert not right.weights[:, length - padded :].any()
    for remedy in (zero, added, finite, itself):
        torch.testing.assert_close(remedy.weights[padded:], empty(*case, layers=1).weights[padded:])
        assert remedy.share_of_words == 0
    torch.testing.assert_close(right.sums, torch.ones(length))
    shares = [remedy.share_of_padding for remedy in (zero, added, finite, right, itself)]
    assert shares == pytest.approx([0, 0, 1, 0, 1])


@settings(max_examples=20)
@given(paddings())
def test_cleaning_afterwards_leaves_nan_in_the_gradient_only_where_the_mask_was_added(case):
    length, padded = case
    counts = {remedy.name: remedy.nan_gradients for remedy in remedies(*case)}
    assert counts.pop("−∞ added, then nan_to_num(0)") == padded * length
    assert set(counts.values()) == {0}


def test_a_key_of_nan_has_weight_zero_under_the_mask_and_still_reaches_every_row():
    layer, x = self_attention(2, 4), random_tokens(2, 4, 5)
    x[:, 0] = math.nan
    trace = record(layer, x, x, torch.tensor([True, False, False, False, False]))
    assert not trace.find("weights").value[:, :, 1:, 0].any()
    assert trace.output.isnan().all()


def test_pytorchs_fused_attention_gives_zero_for_such_a_row():
    rows = fused(5, 2)
    assert not rows[:2].any()
    assert bool(rows[2:].any(dim=-1).all())
