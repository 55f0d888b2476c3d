"""Which steps belong together, and what is said of a pair."""

import math

import pytest
import torch

from engine import Config, compare, record, run
from engine.compare import Verdict
from engine.compare.difference import difference


def trace_of(function, *args):
    with torch.no_grad():
        return record(function, *args)


X = torch.arange(1.0, 13.0).view(3, 4)


def test_the_same_run_agrees_in_every_pair_to_the_last_bit():
    comparison = compare(run(Config()), run(Config()))
    assert comparison.first is None
    assert all(pair.verdict is Verdict.AGREES and pair.difference.largest == 0 for pair in comparison.pairs)
    assert all(pair.a.index == pair.b.index for pair in comparison.pairs)
    assert comparison.sentence == "The two traces have the same numbers, up to rounding."


def test_a_difference_is_measured():
    apart = difference(torch.tensor([1.0, 2.0, -4.0]), torch.tensor([1.0, 2.5, -4.0]))
    assert (apart.largest, apart.relative, apart.index) == (0.5, 0.125, (1,))
    assert apart.share == pytest.approx(1 / 3)


def test_nan_agrees_with_nan_and_with_nothing_else():
    row = torch.tensor([math.nan, 1.0, math.inf])
    assert difference(row, row.clone()).agrees
    assert difference(row, torch.tensor([0.0, 1.0, math.inf])).largest == math.inf
    assert difference(row, torch.tensor([math.nan, 1.0, -math.inf])).largest == math.inf


def test_whole_numbers_agree_exactly_or_not_at_all():
    assert not difference(torch.tensor([1_000_000]), torch.tensor([1_000_001])).agrees


def test_names_that_differ_are_no_difference():
    def original(x):
        doubled = x * 2
        summed = doubled.sum(-1)
        return summed.exp()

    def port(x):
        twice = x * 2
        total = twice.sum(-1)
        return total.exp()

    comparison = compare(trace_of(original, X / 10), trace_of(port, X / 10))
    assert [(pair.a.index, pair.b.index) for pair in comparison.pairs] == [(0, 0), (1, 1), (2, 2)]
    assert comparison.first is None


def test_the_first_of_two_faults_is_named_and_the_second_is_one_too():
    def wrong(x):
        doubled = x * 2
        summed = doubled.sum(0)
        return summed + 1

    def right(x):
        doubled = x * 3
        summed = doubled.sum(0)
        return summed + 2

    comparison = compare(trace_of(wrong, X), trace_of(right, X))
    assert [pair.verdict for pair in comparison.pairs] == [Verdict.MADE_HERE, Verdict.HANDED_ON, Verdict.MADE_HERE]
    assert comparison.first is comparison.pairs[0]
    assert comparison.first.inputs_agreed
    assert not comparison.pairs[2].inputs_agreed


def test_a_step_left_out_is_the_first_difference():
    def whole(x):
        doubled = x * 2
        shifted = doubled + 1
        return shifted.exp()

    def shorter(x):
        doubled = x * 2
        return doubled.exp()

    first = compare(trace_of(whole, X / 10), trace_of(shorter, X / 10)).first
    assert (first.a.name, first.b) == ("shifted", None)
    assert first.verdict is Verdict.ONLY_IN_A


def test_another_input_is_found_where_it_is_first_read():
    first = compare(trace_of(lambda x: (x * 2).sum(), X), trace_of(lambda x: (x * 2).sum(), X + 1)).first
    assert first.b.op == "mul"
    assert not first.inputs_agreed


def test_shapes_that_differ_are_said():
    first = compare(run(Config(heads=4)), run(Config(heads=2))).first
    assert first.b.full_name == "encoder.layers.0.self_attention.query"
    assert first.sentence.endswith("shapes (2, 5, 4, 8) and (2, 5, 2, 16)")


def test_the_sentence_has_the_numbers():
    first = compare(trace_of(lambda x: x * 2, X), trace_of(lambda x: x * 3, X)).first
    assert "at most 12 at (2, 3)" in first.sentence
    assert "(0.5 of the largest number)" in first.sentence
    assert "100.0% of the elements" in first.sentence


def test_steps_that_cannot_be_made_again_are_told_by_how_far_they_are_apart():
    torch.manual_seed(0)
    drawn = trace_of(lambda x: torch.nn.functional.dropout(x, 0.5), X)
    torch.manual_seed(1)
    first = compare(drawn, trace_of(lambda x: torch.nn.functional.dropout(x, 0.5), X)).first
    assert first.b.op == "dropout"
    assert first.inputs_agreed
