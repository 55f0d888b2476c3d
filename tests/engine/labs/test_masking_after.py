"""Multiplying after softmax, against the closed form of softmax and of its derivative."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.labs.masking.after import afterwards


@st.composite
def cases(draw, most):
    length = draw(st.integers(2, 6))
    return length, draw(st.integers(1, length - 1)), float(draw(st.integers(0, most)))


@settings(max_examples=40)
@given(cases(60))
def test_the_hidden_keys_keep_their_part_of_the_denominator(case):
    length, visible, raised = case
    found = afterwards(*case)
    for row, scores in enumerate((found.scores, found.raised)):
        exponentials = scores.double().exp()
        expected = exponentials / exponentials.sum()
        torch.testing.assert_close(found.multiplied[row, :visible].double(), expected[:visible], rtol=1e-4, atol=1e-30)
        assert not found.multiplied[row, visible:].any()
        torch.testing.assert_close(
            found.renormalised[row, :visible], scores[:visible].softmax(dim=-1), rtol=1e-4, atol=1e-6
        )
    assert found.hidden.tolist() == [key >= visible for key in range(length)]
    assert found.raised[-1] == found.scores[-1] + raised


@settings(max_examples=40)
@given(cases(120))
def test_with_minus_infinity_a_hidden_score_moves_no_bit_and_has_no_slope(case):
    found = afterwards(*case)
    visible = case[1]
    torch.testing.assert_close(found.inside[0, :visible], found.scores[:visible].softmax(dim=-1))
    assert torch.equal(found.inside[0], found.inside[1])
    assert not found.slopes[0].any()


@settings(max_examples=20)
@given(cases(0))
def test_the_slopes_are_those_of_softmax(case):
    # ∂ w_i / ∂ s_j = −w_i w_j for i ≠ j, and division by the sum cancels it.
    found = afterwards(*case)
    weights = found.scores.double().softmax(dim=-1)
    visible = case[1]
    expected = -weights[:visible] * weights[-1]
    torch.testing.assert_close(found.slopes[1, :visible].double(), expected, rtol=1e-4, atol=1e-8)
    assert found.slopes[2].abs().max().item() == pytest.approx(0, abs=1e-6)


def test_where_the_visible_weights_become_zero_renormalising_gives_nan():
    found = afterwards(5, 3, 120.0)
    assert not found.multiplied[1].any()
    assert found.renormalised[1].isnan().all()
