"""Probabilities as people read them."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.ui.views.percentage import exact_percent, percent


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (1, "100\u00a0%"),
        (0.99996, ">\u00a099\u00a0%"),
        (0.995, ">\u00a099\u00a0%"),
        (0.994, "99\u00a0%"),
        (0.5, "50\u00a0%"),
        (0.0996, "10\u00a0%"),
        (0.0994, "9.9\u00a0%"),
        (0.00996, "1.0\u00a0%"),
        (0.00123, "0.12\u00a0%"),
        (0.0001, "0.010\u00a0%"),
        (0.00001, "<\u00a00.01\u00a0%"),
        (0, "0\u00a0%"),
        (math.nan, "NaN"),
    ],
)
def test_a_probability_has_two_significant_figures(share, said):
    assert percent(share) == said


@given(st.floats(0.0001, 0.9949))
def test_what_is_said_is_within_half_a_figure_of_the_probability(share):
    said = Decimal(percent(share).removesuffix("\u00a0%"))
    assert len(said.as_tuple().digits) - (said.as_tuple().digits[0] == 0) == 2
    half = Decimal(1).scaleb(said.as_tuple().exponent) / 2
    assert abs(said - 100 * Decimal(share)) <= half * Decimal("1.0001")


@given(st.floats(0, 1))
def test_what_is_not_certain_is_not_called_certain(share):
    assert (percent(share) == "100\u00a0%") == (share == 1)
    assert (percent(share) == "0\u00a0%") == (share == 0)


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (1, "100\u00a0%"),
        (0.9999651921, "99.99652\u00a0%"),
        (1 - 2**-40, "99.9999999999091\u00a0%"),
        (0.5022543664, "50.2\u00a0%"),
        (1.2856e-5, "0.00129\u00a0%"),
        (4.9668e-14, "4.97e−12\u00a0%"),
        (0, "0\u00a0%"),
    ],
)
def test_the_exact_probability_has_three_digits_of_what_it_is_away_from_certainty(share, said):
    assert exact_percent(share) == said
