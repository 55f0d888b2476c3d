"""The lab of word order, as a person meets it."""

import math

import pytest

from engine.labs.word_order import code, order_of, pooled, shuffled
from engine.labs.word_order.predicate_probe import trained
from engine.labs.word_order.sinusoids import moved, waves
from engine.ops.notation import number
from tests.pages.labs.opened import answers, lab, revealed
from tests.pages.shown import stage
from tests.pages.test_pages import words

KEY = "word_order"
NAMES = ["without", "with", "pooled", "bites", "period", "product", "moved"]


def test_the_first_question_is_answered_with_the_difference_that_was_measured():
    app = lab(KEY)
    assert not app.exception
    assert len(app.radio) == 1
    app.radio[0].set_value("another").run()
    order = tuple(order_of("drawn", 6).tolist())
    single = shuffled(6, 2, order, encoding=False)
    double = shuffled(6, 2, order, encoding=False, dtype="float64")
    assert "You predicted: another. **Computed: the same; it moves with the word.**" in words(app)
    said = f"at most {number(single.moved_difference)} in float32 and {number(double.moved_difference)} in float64."
    assert said in words(app)
    assert len(app.radio) == 2


def test_the_tensors_are_those_of_the_words_chosen_in_the_order_chosen():
    app = revealed(lab(KEY, length=4, layers=1, order="reversed"))
    assert "As given: I go home and. In the new order: and home go I." in words(app)
    for name, encoding in (("plain", False), ("with", True)):
        found = shuffled(4, 1, (3, 2, 1, 0), encoding=encoding)
        sent = stage(app, f"labs.word_order.shuffled.{name}")
        given, order, after = sent["panels"]
        assert [axis["size"] for axis in given["axes"]] == [axis["size"] for axis in after["axes"]] == [4, 16]
        assert [axis["size"] for axis in order["axes"]] == [4]
        assert after["scale"]["largest"] == pytest.approx(found.shuffled.abs().max().item())
        assert number(found.moved_difference) in sent["operation"]["facts"][0]
    expected = code(4, 1, (3, 2, 1, 0), causal=False, positions=32, d_model=32, pair=2, steps=3)
    assert app.code[-1].value == expected.strip()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, {"without": "the same; it moves with the word", "with": "another", "pooled": "the same"}),
        ({"length": 2, "layers": 1, "positions": 4, "d_model": 2}, {"product": "on their distance p − q alone"}),
        ({"length": 12, "layers": 4, "draw": 50, "positions": 64, "d_model": 128, "pair": 63, "steps": 63}, {}),
        ({"order": "first two swapped", "mask": "causal"}, {"without": "another", "with": "another"}),
        ({"order": "shift by one", "d_model": 3}, {"product": "on where p and q are, too"}),
        ({"d_model": 33, "steps": 1}, {"moved": "no, not exactly"}),
    ],
)
def test_the_answers_follow_the_sliders_to_their_ends(values, expected):
    app = revealed(lab(KEY, **values))
    assert not app.exception
    found = answers(app)
    assert list(found) == NAMES
    assert {name: found[name] for name in expected} == expected


def test_the_same_bag_of_words_is_told_apart_only_with_the_encoding():
    app = revealed(lab(KEY, layers=1, sentences="not good but bad / not bad but good"))
    pair = ("not good but bad", "not bad but good")
    without, found = (pooled(pair, 1, encoding=encoding).difference for encoding in (False, True))
    said = f"by up to {number(without)} without the encoding, and by up to {number(found)} with it."
    assert said in words(app)
    one, other = (trained(1, encoding=encoding) for encoding in (False, True))
    assert f"{one.right} of 24 are right without the encoding, {other.right} of 24 with it." in words(app)
    assert f"log 2 = {number(math.log(2), 6)}. The lowest was {number(min(one.losses), 6)}." in words(app)


def test_the_encoding_its_product_and_its_turn_are_shown_as_computed():
    app = revealed(lab(KEY, positions=20, d_model=12, pair=1, steps=4))
    found, turn = waves(20, 12), moved(20, 12, 4)
    shapes = {"encoding": [20, 12], "product": [20, 20], "turn": [12, 12]}
    for name, shape in shapes.items():
        [panel] = stage(app, f"labs.word_order.{name}")["panels"]
        assert [axis["size"] for axis in panel["axes"]] == shape
    # sin² + cos² of six frequencies
    assert stage(app, "labs.word_order.encoding")["panels"][0]["footer"] == "the squared length of every row is 6"
    assert f"there the numbers differ by at most {number(float(found.spread.max()))}." in words(app)
    away = float((found.by_distance - found.theory).abs().max())
    assert f"The largest difference from it is {number(away)}." in words(app)
    assert f"is off by at most {number(turn.error)}." in words(app)
    assert f"they repeat after 2π / ω_1 = {number(2 * math.pi * 10000 ** (2 / 12))} positions" in words(app)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"positions": 4, "d_model": 128}, "It falls with every step of distance"),
        ({"positions": 32, "d_model": 32}, "No two positions are more alike than neighbours."),
        # One frequency, cos Δ: 44 positions are 7.003 turns.
        ({"positions": 64, "d_model": 2}, "The most alike are positions 44 apart, more so than neighbours."),
    ],
)
def test_what_is_said_of_the_distance_follows_the_curve(values, said):
    assert said in words(revealed(lab(KEY, **values)))


def test_values_that_fit_no_slider_are_moved_and_said():
    app = revealed(lab(KEY, length=99, order="sideways", d_model=4, pair=9))
    [banner] = app.warning
    for said in (
        "`lab_length=99` was asked for; Words goes from 2 to 12. 12 is used.",
        "`lab_order=sideways` was asked for; New order can be ",
        "`lab_pair=9` was asked for; Pair of features i goes from 0 to 1. 1 is used.",
    ):
        assert f"\n- {said}" in banner.value
