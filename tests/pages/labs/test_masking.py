"""The lab of masks, as a person meets it."""

import pytest

from engine.labs.masking import code, fillers, masked
from engine.labs.masking.after import afterwards
from engine.labs.masking.future import changed
from engine.labs.masking.rows import remedies
from engine.ops.notation import number
from tests.pages.labs.opened import answers, lab, predicted, revealed
from tests.pages.shown import stage
from tests.pages.test_pages import words

KEY = "masking"


def test_nothing_is_shown_before_a_person_predicts_how_many_scores_a_mask_hides():
    app = predicted(KEY, "20")
    assert "`scores.masked_fill(mask, value)` returns a new tensor" in words(app)
    assert "2 entries fall onto 20 scores." in words(app)
    panels = stage(app, "labs.masking.broadcast")["panels"]
    found = masked("padding", 2, 2, 5, 6, 2)
    assert [[axis["size"] for axis in panel["axes"]] for panel in panels] == [
        list(found.scores.shape),
        [2, 1, 1, 6],
        list(found.masked.shape),
    ]
    assert [axis["symbol"] for axis in panels[1]["axes"]] == ["B", "1", "1", "S"]


@pytest.mark.parametrize(
    ("kind", "axes"),
    [("causal", [("1", 1), ("1", 1), ("T", 5), ("L_k", 5)]), ("both", [("B", 2), ("1", 1), ("T", 5), ("L_k", 5)])],
)
def test_each_mask_is_drawn_with_the_axes_it_broadcasts_along(kind, axes):
    app = revealed(lab(KEY, kind=kind))
    assert not app.exception
    panel = stage(app, "labs.masking.broadcast")["panels"][1]
    assert [(axis["symbol"], axis["size"]) for axis in panel["axes"]] == axes
    assert answers(app)["hidden"] == str(masked(kind, 2, 2, 5, 5, 2).hidden)


def test_every_answer_is_the_experiments():
    app = revealed(lab(KEY, target=6, place=3, layers=1, left=2, visible=4, raised=7))
    assert not app.exception
    assert answers(app) == {
        "hidden": "24",
        "filler": "exactly 0",
        "rows": "rows 3 to 5",
        "empty": "NaN",
        "spread": "all 6",
        "sum": "less than 1",
        "leak": "the multiplied ones alone",
    }
    said = words(app)
    assert changed(6, 3, 1, causal=True).rows == (3, 4, 5)
    assert "The earlier rows 0 to 2 are equal bit for bit, by torch.equal." in said
    assert "Of the 15 pairs of an output and a later input, 15 have a derivative of exactly 0" in said
    assert "2 after layer 0, 6 after layer 1, 6 after layer 2." in said
    found = afterwards(6, 4, 7.0)
    assert f"To {number(found.multiplied[0].sum().item())}:" in said
    for place, remedy in enumerate(remedies(6, 2)):
        assert stage(app, f"labs.masking.remedy.{place}")["panels"][0]["title"] == remedy.name
    assert said.count("12 gradients are NaN") == 1
    expected = code("padding", 2, 2, 6, 6, 2, changed=3, left=2, visible=4, raised=7)
    assert app.code[-1].value == expected.strip()


def test_the_fillers_table_and_pytorchs_error_are_shown_as_they_came():
    app = revealed(lab(KEY, fill="−10"))
    assert answers(app)["filler"] == "above 0, below 0.001"
    said = {(one.fill, one.dtype): one for one in fillers()}
    table = app.dataframe[0].value
    for place, fill in enumerate(table["filler"]):
        assert table["float32"][place] == number(said[fill, "float32"].largest)
    assert table["float16"].tolist()[1] == "error"
    assert said["−1e9", "float16"].error in [block.value for block in app.code]


def test_renormalising_fails_on_the_page_where_the_visible_weights_vanish():
    app = revealed(lab(KEY, raised=120))
    assert answers(app)["leak"] == "the multiplied and the renormalised ones"
    assert "0 divided by 0 is NaN." in words(app)


@pytest.mark.parametrize(
    "values",
    [
        {"batch": 1, "heads": 1, "target": 2, "source": 2, "padded": 9, "place": 0, "left": 9, "raised": 0},
        {"kind": "both", "batch": 3, "heads": 4, "target": 6, "place": 9, "layers": 4, "left": 5, "visible": 1},
        {"kind": "causal", "batch": 1, "heads": 1, "target": 2, "fill": "0", "place": 1, "raised": 120},
    ],
)
def test_the_ends_of_the_sliders_answer_all_seven_questions(values):
    app = revealed(lab(KEY, **values))
    assert not app.exception
    found = answers(app)
    assert list(found) == ["hidden", "filler", "sum", "leak", "rows", "empty", "spread"]
    length = values["target"]
    place = min(values["place"], length - 1)
    assert found["rows"] == (f"row {place}" if place == length - 1 else f"rows {place} to {length - 1}")
    assert (found["empty"], found["spread"], found["sum"]) == ("NaN", f"all {length}", "less than 1")
    if "raised" in values:
        leak = {0: "none of them", 120: "the multiplied and the renormalised ones"}
        assert found["leak"] == leak[values["raised"]]
