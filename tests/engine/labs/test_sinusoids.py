"""The encoding against the paper's formulas, computed number by number."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.labs.word_order.sinusoids import frequencies, moved, period, waves

lengths, evens = st.integers(4, 64), st.integers(1, 64).map(lambda half: 2 * half)


@settings(max_examples=20)
@given(lengths, st.integers(2, 128), st.data())
def test_a_number_of_the_encoding_is_the_papers(length, d_model, data):
    place, feature = data.draw(st.integers(0, length - 1)), data.draw(st.integers(0, d_model - 1))
    angle = place / 10000 ** (2 * (feature // 2) / d_model)
    expected = math.cos(angle) if feature % 2 else math.sin(angle)
    assert waves(length, d_model).encoding[place, feature].item() == pytest.approx(expected, abs=1e-12)


@settings(max_examples=20)
@given(lengths, evens)
def test_the_product_depends_on_the_distance_alone_and_is_the_sum_of_cosines(length, d_model):
    found = waves(length, d_model)
    places = torch.arange(length)
    distance = (places.unsqueeze(0) - places.unsqueeze(1)).abs()
    torch.testing.assert_close(found.product, found.theory[distance], rtol=0, atol=1e-11)
    assert found.spread.max() < 1e-11
    by_hand = [sum(math.cos(d * 10000 ** (-2 * i / d_model)) for i in range(d_model // 2)) for d in range(length)]
    assert found.theory.tolist() == pytest.approx(by_hand, abs=1e-10)
    assert found.by_distance.tolist() == pytest.approx(by_hand, abs=1e-10)
    assert found.by_distance[0].item() == pytest.approx(d_model / 2)


def test_with_an_odd_width_the_last_sine_is_alone_and_the_product_depends_on_the_place_too():
    found = waves(16, 3)
    # What is missing to the closed form is the last cosine: cos(ω p) cos(ω q) with ω = 10000^(−2/3).
    slow = 10000 ** (-2 / 3)
    missing = torch.outer(*[(torch.arange(16, dtype=torch.float64) * slow).cos()] * 2)
    places = torch.arange(16)
    closed = found.theory[(places.unsqueeze(0) - places.unsqueeze(1)).abs()]
    torch.testing.assert_close(found.product, closed - missing)
    assert found.spread.max() > 1e-4
    assert moved(16, 3, 5).error > 1e-3


@settings(max_examples=20)
@given(lengths, evens, st.data())
def test_one_rotation_moves_every_position_as_far(length, d_model, data):
    steps = data.draw(st.integers(1, length - 1))
    found = moved(length, d_model, steps)
    assert found.error < 1e-11
    torch.testing.assert_close(found.matrix @ found.matrix.T, torch.eye(d_model, dtype=torch.float64))
    once = moved(length, d_model, 1).matrix
    torch.testing.assert_close(torch.linalg.matrix_power(once, steps), found.matrix)


@settings(max_examples=20)
@given(evens, st.data())
def test_a_pair_repeats_after_its_wavelength_which_grows_from_2_pi(d_model, data):
    pair = data.draw(st.integers(0, d_model // 2 - 1))
    found = period(waves(4, d_model).encoding, pair)
    assert found == pytest.approx(2 * math.pi * 10000 ** (2 * pair / d_model), rel=1e-9)
    assert float(frequencies(d_model)[pair]) * found == pytest.approx(2 * math.pi)
