import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.labs.rotary import agreement, frequencies, halves, neighbours, slowest_turn, turns
from engine.model.variants.parts.rotary import RotaryAngles, RotateHalves, RotateInterleaved

places = st.integers(0, 50)
widths = st.integers(1, 32).map(lambda pairs: 2 * pairs)
bases = st.sampled_from([100, 10_000, 500_000])


@given(widths, bases, places, places, st.integers(1, 50))
def test_a_score_knows_the_distance_and_not_the_places(d_k, base, query, key, moved):
    turned = turns(d_k, base, query, key, moved)
    assert turned.depends_on_distance_alone
    assert turned.length_after == pytest.approx(turned.length_before, rel=1e-12)
    assert turned.other_convention < 1e-9


def test_the_key_alone_moved_on_changes_the_score():
    turned = turns(8, 10_000, 5, 2, 7)
    assert abs(turned.further - turned.score) > 0.1


@given(widths, bases, places)
def test_the_lab_turns_as_the_model_does(d_k, base, place):
    x = torch.randn(d_k, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    cosine, sine = RotaryAngles(d_k, base)(torch.zeros(1, 1, 1, dtype=torch.float64), place)
    for lab, model in ((halves, RotateHalves()), (neighbours, RotateInterleaved())):
        torch.testing.assert_close(lab(x, place, base), model(x.view(1, 1, 1, d_k), cosine, sine).flatten())


def test_the_frequencies_and_the_slowest_turn_by_hand():
    assert frequencies(4, 10_000).tolist() == [1, 0.01]
    assert slowest_turn(4, 10_000) == pytest.approx(1000 * 0.01 / (2 * math.pi))


def test_pairs_agree_wholly_at_distance_zero_and_less_further_away():
    near, far = agreement(64, 10_000, [0, 40])
    assert near == 1
    assert far < 0.9
