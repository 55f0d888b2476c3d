"""The lab of one pass, as a person meets it."""

import re

import pytest

from engine.labs import all_at_once as experiment
from engine.ops.notation import number
from tests.pages.labs.opened import answers, lab, revealed
from tests.pages.shown import stage
from tests.pages.test_pages import words

KEY = "all_at_once"


def test_a_prediction_comes_first_and_the_parts_after_it():
    app = lab(KEY, length=5, heads=2, d_k=4)
    assert not app.exception
    assert app.get("bidi_component") == []
    app.radio[0].set_value("no").run()
    found = {part.name: part for part in experiment.parts(5, 2, 4)}
    fed = found["feed_forward"]
    assert answers(app) == {"alone": "yes, in every bit" if fed.equal else "yes, up to rounding"}
    assert f"The largest difference is {number(fed.difference, 2)} in float32" in words(app)
    for name, part in found.items():
        said = "0, in every bit" if part.equal else number(part.difference, 2)
        assert f"| `{name}` | {said} |" in words(app)


def test_the_pictures_hold_the_tensors_that_were_computed():
    app = revealed(lab(KEY, length=4, heads=1, d_k=6))
    shown = stage(app, "labs.all_at_once.rows")["panels"]
    assert [[axis["size"] for axis in panel["axes"]] for panel in shown] == [[4, 6], [4, 6]]
    found = experiment.attention(4, 1, 6)
    for place, part in ((1, found["alone"]), (2, found["given"])):
        [panel] = stage(app, f"labs.all_at_once.attention.{place}")["panels"]
        assert panel["footer"] == f"differs from one pass by {number(part.difference, 2)} at most"
    for name, changed in (("w_q", 4), ("feed_forward", 4), ("self_attention", 16)):
        [panel] = stage(app, f"labs.all_at_once.changes.{name}")["panels"]
        assert panel["footer"] == f"{changed} of 16 changed"
    assert app.code[-1].value == experiment.code(4, 1, 6).strip()


def test_a_long_sentence_is_computed_whole_and_shown_from_its_beginning():
    app = revealed(lab(KEY, length=20, heads=1, d_k=4))
    [panel] = stage(app, "labs.all_at_once.changes.self_attention")["panels"]
    assert [axis["size"] for axis in panel["axes"]] == [10, 10]
    assert panel["footer"] == "400 of 400 changed"
    assert "The first 10 of 20 words are shown." in words(app)


def test_the_answer_about_time_is_the_one_the_measured_numbers_give():
    app = revealed(lab(KEY, length=16, heads=1, d_k=4))
    counted = experiment.counted(16, 1, 4)
    assert f"Both ways take {counted['together'].flops:,} FLOPs." in app.radio[2].label
    assert f"is {counted['apart'].calls:,}." in app.radio[2].label
    [ratio] = re.findall(r"ms: ([\d.]+) times\.", words(app))
    edges = {"less than twice as long": 2, "2 to 5 times as long": 5, "5 to 20 times as long": 20}
    said = answers(app)["longer"]
    assert float(ratio) <= edges.get(said, float("inf"))
    before = words(app)
    app.button(key="labs.all_at_once.again").click().run()
    assert not app.exception
    assert words(app) != before


def test_with_one_word_alone_is_the_whole_sentence():
    app = revealed(lab(KEY, length=1, heads=3, d_k=4))
    assert not app.exception
    assert answers(app)["others"] == "yes"
    assert answers(app)["alone"] == "yes, in every bit"


@pytest.mark.parametrize("values", [{"length": 64, "heads": 4, "d_k": 32}, {"length": 0, "heads": "x", "d_k": 999}])
def test_extreme_and_impossible_sliders_open_with_every_answer(values):
    app = revealed(lab(KEY, **values))
    assert not app.exception
    assert list(answers(app)) == ["alone", "others", "longer"]
    assert "NaN" not in words(app)
