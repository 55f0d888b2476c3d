"""Which outputs of a decoder a changed token moves, and by how much they can."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.labs.masking.future import changed


@st.composite
def places(draw):
    length = draw(st.integers(2, 6))
    return length, draw(st.integers(0, length - 1)), draw(st.integers(1, 4))


@settings(max_examples=15)
@given(places())
def test_with_the_causal_mask_no_bit_of_an_earlier_row_moves_and_without_it_every_row_does(case):
    length, place, _ = case
    masked, open_ = changed(*case, causal=True), changed(*case, causal=False)
    assert torch.equal(masked.before[:place], masked.after[:place])
    assert masked.rows == tuple(range(place, length))
    assert open_.rows == tuple(range(length))


@settings(max_examples=8)
@given(places())
def test_the_influence_of_a_later_token_is_exactly_zero_and_that_of_any_other_is_not(case):
    seen = torch.ones(case[0], case[0], dtype=torch.bool).tril()
    assert torch.equal(changed(*case, causal=True).influence != 0, seen)
    assert bool((changed(*case, causal=False).influence > 0).all())


def test_the_influence_bounds_what_a_change_moves_to_first_order_and_does_not_depend_on_it():
    first, second = changed(5, 1, 2, causal=True), changed(5, 3, 2, causal=True)
    assert torch.equal(first.before, second.before)
    assert torch.equal(first.influence, second.influence)
    # A post-norm row lies on a sphere, so it cannot move further than its diameter, 2 √d_model.
    assert (first.after - first.before).norm(dim=-1).max() <= 2 * 16**0.5 + 1e-4
