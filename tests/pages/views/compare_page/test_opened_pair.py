"""A pair opened, and the line of all pairs."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine import Config, compare, record, run
from engine.compare import Difference, StepPair, Verdict
from pages.ui.components.agreement_line import height_of
from pages.ui.components.tensor_view.wire_format import pack
from pages.ui.views.compare_page.opened_pair import difference_panels
from pages.ui.views.compare_page.page import headline


def recorded(function, x):
    with torch.no_grad():
        return record(function, x)


def test_both_tensors_and_their_difference_have_colours_of_one_scale():
    a, b = run(Config()), run(Config(activation="gelu"))
    pair = compare(a, b).first
    panels = difference_panels(a, b, pair, ("one", "other"))
    torch.testing.assert_close(panels[2].value, pair.b.value - pair.a.value)
    reach = max(float(value.abs().max()) for value in (pair.a.value, pair.b.value, panels[2].value))
    assert [panel.largest for panel in panels] == pytest.approx([reach] * 3)
    assert f'"largest":{reach}'.encode() in pack(panels).data


def test_infinities_that_both_have_are_no_difference():
    a = recorded(lambda x: x / torch.zeros(3), torch.ones(3))
    b = recorded(lambda x: x / torch.tensor([0.0, 0.0, 1.0]), torch.ones(3))
    (pair,) = [pair for pair in compare(a, b).pairs if pair.step.op == "div"]
    apart = difference_panels(a, b, pair, ("a", "b"))[2].value
    assert apart.tolist() == [0.0, 0.0, -math.inf]


def test_the_headline_says_where_they_part_and_by_how_much():
    def headline_of(first, second):
        traces = recorded(first, torch.arange(1.0, 5.0)), recorded(second, torch.arange(1.0, 5.0))
        return headline(compare(*traces).first, ("left", "right"))

    assert headline_of(lambda x: x * 2, lambda x: x * 2) == "The two traces have the same numbers, up to rounding."
    assert "part at `mul`: off by up to 4 at [3], 0.5 of the largest number; 100%" in headline_of(
        lambda x: x * 2, lambda x: x * 3
    )
    assert "a step of left alone" in headline_of(lambda x: (x * 2 + 1).exp(), lambda x: (x * 2).exp())
    assert "its shape is (2, 2) in one and (4, 1) in the other" in headline_of(
        lambda x: x.view(2, 2), lambda x: x.view(4, 1)
    )


@given(st.floats(0, 10), st.floats(0, 10))
def test_a_larger_difference_is_never_a_lower_bar(one, other):
    def height(relative):
        return height_of(StepPair(None, None, Verdict.MADE_HERE, Difference(relative, relative, 1.0, ())))

    low, high = sorted((one, other))
    assert 0 <= height(low) <= height(high) <= 1


def test_a_step_without_partner_is_a_whole_bar_and_no_numbers_that_agree_none():
    assert height_of(StepPair(None, None, Verdict.ONLY_IN_A)) == 1
    assert height_of(StepPair(None, None, Verdict.AGREES)) == 0
    assert height_of(StepPair(None, None, Verdict.MADE_HERE, Difference(math.inf, math.inf, 1.0, ()))) == 1
