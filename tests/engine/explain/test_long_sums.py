"""A sum of more terms than can be shown: the largest stand there, and what the others come to."""

import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.explain.explained import explained

F = torch.nn.functional


def test_the_terms_of_a_long_sum_add_up_to_what_numpy_makes_of_them():
    x, weight = torch.randn(2, 50), torch.randn(7, 50)
    here = explained(lambda x, weight: F.linear(x, weight), x, weight, at=(1, 6))
    expected = x[1].numpy().astype(np.float64) * weight[6].numpy().astype(np.float64)
    assert [term.contribution for term in here.terms] == pytest.approx(expected.tolist(), rel=1e-15)
    assert here.recomputed == np.float32(expected.sum())
    assert here.count == 50


def test_a_long_sum_shows_its_three_largest_terms_and_what_the_others_come_to():
    x, weight = torch.tensor([1.0, -4.0, 0.5, 2.0, -0.25, 3.0]), torch.tensor([[2.0, 1.0, 1.0, -5.0, 4.0, 1.0]])
    here = explained(lambda x, weight: F.linear(x, weight), x, weight, at=(0,))
    assert here.arithmetic == "= 2·(−5) + (−4)·1 + 3·1 + 3 smaller terms (1.5) = −9.5"


def test_the_bias_stays_in_sight_at_the_end_of_a_long_sum():
    x, weight, bias = torch.ones(6), torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]), torch.tensor([-0.5])
    here = explained(lambda x, weight, bias: F.linear(x, weight, bias), x, weight, bias, at=(0,))
    assert here.arithmetic == "= 1·6 + 1·5 + 1·4 + 3 smaller terms (6) − 0.5 = 20.5"


@pytest.mark.parametrize(
    ("function", "at", "arithmetic"),
    [
        (lambda x: x.sum(), (), "= −7 + 5 + 3 + 3 smaller terms (−1) = 0"),
        (lambda x: x.long().sum(), (), "= −7 + 5 + 3 + 3 smaller terms (−1) = 0"),
        (lambda x: x.mean(), (), "= (−7 + 5 + 3 + 3 smaller terms (−1)) / 6 = 0"),
        (
            lambda x: (x + 2).var(correction=0),
            (),
            "= ((−5 − 2)² + (7 − 2)² + (5 − 2)² + 3 smaller terms (5)) / 6 = 14.6667",
        ),
        (
            lambda x: (x + 2).std(correction=0),
            (),
            "= √(((−5 − 2)² + (7 − 2)² + (5 − 2)² + 3 smaller terms (5)) / 6) = 3.82971",
        ),
        (
            lambda x: (x.abs() * math.log(2)).softmax(0),
            (2,),
            "= 1 / (1 + 0.25 + 0.0625 + 3 smaller terms (0.054687)) = 0.731429",
        ),
    ],
)
def test_every_kind_of_long_sum_shows_its_largest_terms_first(function, at, arithmetic):
    assert explained(function, torch.tensor([1.0, -2.0, -7.0, 5.0, 0.0, 3.0]), at=at).arithmetic == arithmetic


def test_terms_as_large_as_the_last_one_shown_are_not_called_smaller():
    assert explained(lambda x: x.sum(), torch.ones(50)).arithmetic == "= 1 + 1 + 1 + 47 other terms (47) = 50"


def test_nan_and_infinity_are_among_the_terms_shown():
    here = explained(lambda x: x.sum(), torch.tensor([9.0, 8.0, math.nan, 7.0, 6.0, -math.inf]))
    rest = "9 + 3 smaller terms (21) = NaN"
    assert here.arithmetic in (f"= NaN − ∞ + {rest}", f"= −∞ + NaN + {rest}")


def written_sum(arithmetic):
    """``= a·b + c·d + e·f + 29 smaller terms (g) + bias = result``, read back: terms, count, rest, bias, result."""
    said = arithmetic.replace("−", "-")
    shown, count, rest, bias, result = re.fullmatch(
        r"= (.*) \+ (\d+) (?:smaller|other) terms \((.*?)\)(?: ([+-] \S+))? [=≈] (\S+)", said
    ).groups()
    terms = [math.prod(float(x.strip("()")) for x in term.split("·")) for term in shown.split(" + ")]
    return terms, int(count), float(rest), float((bias or "0").replace(" ", "")), float(result)


@settings(max_examples=60)
@given(
    size=st.integers(5, 200), seed=st.integers(0, 2**20), biased=st.booleans(), scale=st.sampled_from((1e-3, 1, 1e4))
)
def test_the_terms_shown_are_the_largest_and_with_the_rest_they_make_the_number(size, seed, biased, scale):
    draws = np.random.default_rng(seed)
    x, weight = draws.standard_normal(size) * scale, draws.standard_normal((1, size))
    bias = torch.tensor(draws.standard_normal(1)) if biased else None
    here = explained(F.linear, torch.tensor(x), torch.tensor(weight), bias, at=(0,))
    shown, others, rest, last, result = written_sum(here.arithmetic)
    products = x * weight[0]
    largest = products[np.argsort(-np.abs(products))[:3]]
    assert shown == pytest.approx(largest.tolist(), rel=1e-3)  # four digits of each factor
    assert others == size - 3
    error = 1e-3 * np.abs(products).sum()
    assert sum(shown) + rest == pytest.approx(products.sum(), abs=error)
    assert sum(shown) + rest + last == pytest.approx(here.recomputed, abs=error + 1e-3)
    assert result == pytest.approx(here.recomputed, rel=1e-5)


def test_the_largest_terms_come_first_and_the_rest_is_added_up():
    here = explained(lambda x: x.sum(), torch.tensor([1.0, -5.0, 0.5, 3.0, -0.25]))
    top = here.largest(2)
    assert [(term.index, term.contribution) for term in top.terms] == [((1,), -5.0), ((3,), 3.0)]
    assert (top.rest, top.others) == (1.25, 3)
    everything = here.largest(99)
    assert (len(everything.terms), everything.rest, everything.others) == (5, 0.0, 0)


def test_the_bias_counts_among_the_largest_terms():
    here = explained(lambda x, w, b: F.linear(x, w, b), torch.ones(2), torch.ones(1, 2), torch.tensor([9.0]), at=(0,))
    assert here.largest(1).terms[0].role == "bias"


def test_a_nan_is_among_the_largest_terms():
    here = explained(lambda x: x.sum(), torch.tensor([1.0, math.inf, math.nan]))
    assert {term.index for term in here.largest(2).terms} == {(1,), (2,)}
