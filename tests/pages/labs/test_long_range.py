"""The lab of long distances, as a person meets it."""

import pytest

from engine.labs import long_range as experiment
from engine.labs.long_range import costs
from engine.ops.notation import number
from tests.pages.labs.opened import answers, lab, revealed
from tests.pages.shown import stage
from tests.pages.test_pages import words

KEY = "long_range"


def test_a_prediction_comes_first_and_the_computed_numbers_after_it():
    app = lab(KEY, length=8, d=6)
    assert not app.exception
    assert len(app.radio) == 1
    assert app.get("bidi_component") == []
    app.radio[0].set_value("2 to 100 times weaker").run()
    found = experiment.influence(8, 6, "PyTorch's default")
    first, last = (experiment.mean(found.rnn)[place] for place in (0, -1))
    place = 0 if first / last < 2 else 1 if first / last < 100 else 2 if first / last < 1e6 else 3
    assert answers(app) == {"fades": app.radio[0].options[place]}
    assert f"{number(first, 3)} for 2 words, {number(last, 3)} for 8" in words(app)


def test_the_pictures_hold_the_tensors_that_were_computed():
    app = revealed(lab(KEY, length=6, d=5, recurrent="1.5"))
    shown = stage(app, "labs.long_range.halves")["panels"]
    sizes = [[axis["size"] for axis in panel["axes"]] for panel in shown]
    assert sizes == [[6, 5], [6, 5], [6, 10]]
    for name, zeros in (("rnn", 15), ("both", 0), ("attention", 0)):
        [panel] = stage(app, f"labs.long_range.map.{name}")["panels"]
        assert [axis["size"] for axis in panel["axes"]] == [6, 6]
        assert panel["footer"] == f"{zeros} of 36 are 0"
    found = experiment.halves(6, 5, "1.5")
    said = "equal in every bit" if found.equal else f"the largest difference is {number(found.difference, 2)}"
    assert said in words(app)
    assert app.code[-1].value == experiment.code(6, 5, "1.5").strip()


def test_the_answers_follow_the_sliders():
    fading = answers(revealed(lab(KEY, length=64, d=4, recurrent="0.5")))
    assert fading == {
        "fades": "more than a million times weaker",
        "both_ways": "the same as in the RNN",
        "dearer": "at every length",
    }
    assert answers(revealed(lab(KEY, length=24, d=16, recurrent="3")))["fades"] == "about as strong or stronger"


def test_the_table_says_what_was_counted():
    app = revealed(lab(KEY, length=10, d=7))
    counted = costs.flops(10, 7)
    assert counted.rnn == 4 * 10 * 49
    assert f"| FLOPs | {counted.rnn:,} | {counted.both:,} | {counted.between:,} |" in words(app)
    assert "| Longest chain | 30 | 30 | 6 |" in words(app)
    assert "| Shortest chain | 30 | 30 | 3 |" in words(app)
    assert "**meet at n = 7**" in words(app)


@pytest.mark.parametrize(
    "values",
    [
        {"length": 4, "d": 4, "recurrent": "3"},
        {"length": 999, "d": 32, "recurrent": "0.5"},
        {"length": "x", "d": -1, "recurrent": "y"},
    ],
)
def test_extreme_and_impossible_sliders_open_with_every_answer(values):
    app = revealed(lab(KEY, **values))
    assert not app.exception
    assert list(answers(app)) == ["fades", "both_ways", "dearer"]
    assert "NaN" not in words(app)
    assert "∞" not in words(app)
