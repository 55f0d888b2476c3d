"""The bug lab, as a person meets it."""

import json

import pytest

from engine.labs.bugs import SublayerSizes, compare
from engine.labs.bugs.checks import symptom
from engine.labs.bugs.mistakes import MISTAKES, difference
from engine.labs.bugs.programs_text import code
from engine.labs.script_text import without_comments
from engine.ops.notation import number
from tests.pages.labs.opened import answers, lab, revealed
from tests.pages.shown import stage
from tests.pages.test_pages import words

KEY = "bugs"
USUAL = SublayerSizes(3, 5, 4, 4, 8, 2)


def tables(app):
    """The rows of each table: what stands in their cells, and their kind."""
    found = [one for one in app.get("bidi_component") if one.proto.component_name.endswith(".line_table")]
    return [json.loads(one.proto.json)["rows"] for one in found]


def said(cell):
    return tuple(chip[1] for chip in cell["shape"]) if "shape" in cell else cell["text"]


def test_the_symptom_comes_first_and_the_name_of_the_mistake_only_after_the_answer():
    app = lab(KEY)
    assert not app.exception
    assert "The symptom: the future leaks" in words(app)
    assert MISTAKES[0].title not in words(app)
    assert len(app.code) == 0
    app.radio[0].set_value("splitting the heads").run()
    assert "You predicted that. **Computed: splitting the heads.**" in words(app)
    assert f"The mistake: {MISTAKES[0].title}" in words(app)
    assert difference(MISTAKES[0]) in [block.value for block in app.code]
    assert app.code[-1].value == without_comments(code(0, USUAL)).strip()


@pytest.mark.parametrize("place", range(10))
def test_every_mistake_shows_its_symptom_its_first_step_and_its_tensors(place):
    app = revealed(lab(KEY, mistake=f"mistake {place + 1}"))
    assert not app.exception
    found = compare(place, USUAL)
    first = found.pairs[found.first]
    assert answers(app)[f"{place + 1}.where"] == first.stage
    assert f"The symptom: {symptom(place, USUAL).headline}" in words(app)
    all_mistakes, steps = tables(app)
    assert [row["kind"] for row in steps].index("bad") == found.first
    assert said(steps[found.first]["cells"][0]) == f"{first.name}  ← first"
    if found.error:
        assert found.error in [block.value for block in app.code]
    else:
        panel = stage(app, "labs.bugs.wrong")["panels"][0]
        assert [axis["size"] for axis in panel["axes"]] == list(first.wrong.shape)
        assert said(steps[found.first]["cells"][4]) == number(first.difference, 3)
    assert len(all_mistakes) == 10
    assert said(all_mistakes[place]["cells"][0]).endswith(symptom(place, USUAL).headline)


def test_the_step_that_is_chosen_is_shown_from_both_runs():
    app = revealed(lab(KEY, step1=17))
    found = compare(0, USUAL).pairs[16]
    assert found.name == "weights"
    for side in ("right", "wrong"):
        panel = stage(app, f"labs.bugs.{side}")["panels"][0]
        assert panel["title"] == "weights"
        assert panel["note"] == f"{side} run"


@pytest.mark.parametrize(
    ("place", "values", "where", "elsewhere"),
    [
        (2, {"batch": 5, "length": 5}, "the mask", "it raises an error"),
        (2, {"batch": 1}, "the mask", "it runs, and is wrong"),
        (7, {"source": 5}, "nowhere: every step is the same", "it raises an error"),
        (1, {"heads": 1}, "nowhere: every step is the same", "it runs, and is wrong"),
        (5, {}, "merging the heads", "it runs, and is right"),
    ],
)
def test_sizes_decide_whether_a_mistake_raises_misleads_or_does_nothing(place, values, where, elsewhere):
    app = revealed(lab(KEY, mistake=f"mistake {place}", **values))
    assert not app.exception
    assert answers(app) == {f"{place}.where": where, f"{place}.elsewhere": elsewhere}


def test_a_mask_that_broadcasts_by_chance_is_wrong_and_one_sentence_hides_it():
    silent = revealed(lab(KEY, mistake="mistake 2", batch=5))
    assert "It runs. What tests" in words(silent)
    assert "`mask` is (5, 5) where it should be (5, 1, 5, 5). The outputs differ by up to" in words(silent)
    alone = revealed(lab(KEY, mistake="mistake 2", batch=1))
    assert "The two outputs are equal, number for number." in words(alone)
    assert "The symptom: nothing: the output is right" in words(alone)


@pytest.mark.parametrize("place", range(1, 11))
@pytest.mark.parametrize(
    "values",
    [
        {"batch": 1, "length": 1, "heads": 1, "d_k": 4, "padding": 7, "source": 1},
        {"batch": 6, "length": 8, "heads": 8, "d_k": 16, "padding": 7, "source": 8},
    ],
)
def test_the_ends_of_the_sliders_show_no_exception_and_answer_from_the_runs(place, values):
    app = revealed(lab(KEY, mistake=f"mistake {place}", **values))
    assert not app.exception
    sizes = SublayerSizes(**{"source": 4, **values}) if place == 7 else SublayerSizes(**{**values, "source": 4})
    found = compare(place - 1, sizes)
    answer = "nowhere: every step is the same" if found.first is None else found.pairs[found.first].stage
    assert answers(app)[f"{place}.where"] == answer
    assert "by up to NaN" not in words(app)
