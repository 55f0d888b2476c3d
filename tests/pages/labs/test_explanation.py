"""The lab of attention as explanation, as a person meets it."""

from typing import Any

import pytest
import torch

from engine.labs.explanation import KINDS, exchanges
from engine.labs.explanation.adversarial_attention import adversary
from engine.labs.explanation.frozen_attention import accuracy
from engine.labs.explanation.one_position import code
from engine.labs.explanation.transferred_attention import transferred
from pages.ui.labs import explanation
from tests.pages.labs.opened import answers, lab, revealed, shown
from tests.pages.shown import stage
from tests.pages.test_pages import words

KEY, TEXT, ALL = "explanation", "21 November 2026", (0, 1, 2, 3)


def test_nothing_is_shown_before_a_person_predicts():
    app = lab(KEY)
    assert not app.exception
    assert len(app.radio) == 1
    assert not app.dataframe
    app.radio[0].set_value("fewer than half").run()
    shuffled = exchanges(TEXT, (0, 1), ALL).by_kind["shuffled"]
    kept = int(shuffled.kept.sum())
    assert f"In {kept:,} of 1,100." in words(app)
    right = kept / 1100 < 0.5
    assert ("You predicted that." in words(app)) == right
    assert len(app.dataframe) == 2


def test_the_numbers_on_the_page_are_those_that_were_computed():
    app = revealed(lab(KEY, layer="1", head="1", position=6))
    found = exchanges(TEXT, (1,), (1,))
    other = adversary(TEXT, (1,), (1,), 6, 0.01)
    tried, frozen = transferred(other), accuracy((1,), (1,))
    assert list(answers(app)) == ["kept", "found", "second", "frozen"]
    own, theirs = tried.kept
    expected = "the model's weights for this date" if own > theirs else "the weights that were found"
    assert answers(app)["second"] == (expected if own != theirs else "both as often")
    assert f"in {own} of {tried.dates}, with those found in {theirs}." in words(app)
    assert f"{frozen.dates_right} of {frozen.dates} dates" in words(app)
    kinds, positions = (table.value for table in app.dataframe[:2])
    assert kinds["exchanged for"].tolist() == list(KINDS)
    assert [float(js) for js in kinds["weights moved"]] == pytest.approx(
        [found.by_kind[kind].medians[0] for kind in KINDS], rel=0.01
    )
    assert len(positions) == len(found.answer)
    assert app.dataframe[2].value["dates"].tolist()[1] == f"{frozen.dates_right} of {frozen.dates}"
    assert app.code[-1].value == code(TEXT, (1,), (1,), 6).strip()


def test_the_weights_found_stand_beside_the_models_own():
    app = revealed(lab(KEY, layer="both", head="all"))
    for says in ("the model's own", "found"):
        for layer in (0, 1):
            [panel] = stage(app, f"labs.explanation.{says}.{layer}")["panels"]
            assert [(axis["symbol"], axis["size"]) for axis in panel["axes"]] == [("H", 4), ("S", 18)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_exchange_can_be_drawn(kind):
    app = lab(KEY, layer="0", head="2", kind=kind)
    shown(app)
    assert not app.exception
    drawn = exchanges(TEXT, (0,), (2,)).by_kind[kind]
    kept = int(drawn.kept[drawn.position == 10].sum())
    runs = int((drawn.position == 10).sum())
    assert f"{kept} of {runs} for the end" in words(app)


def test_the_choices_of_layers_and_heads_are_those_of_the_trained_model():
    assert max(explanation._LAYERS.values(), key=len) == tuple(range(2))
    assert max(explanation._HEADS.values(), key=len) == ALL


@pytest.mark.parametrize("values", [{"date": "x", "position": 99}, {"date": "a ?|`*" + "9" * 30, "position": 0}])
def test_a_text_that_is_no_date_shows_no_error_and_leaves_out_what_needs_one(values):
    app = revealed(lab(KEY, **values))
    assert not app.exception
    assert list(answers(app)) == ["kept", "found", "frozen"]
    assert "This one is not." in words(app)


def test_a_text_that_cannot_be_read_gets_a_sentence():
    app = lab(KEY, date="1" * 41)
    assert not app.exception
    assert "at most 40 characters" in app.error[0].value


def test_the_script_moves_the_output_as_the_page_does_where_one_head_of_both_layers_is_exchanged(capsys):
    made: dict[str, Any] = {}
    exec(code(TEXT, (0, 1), (1,), 5), made)
    exchanged = exchanges(TEXT, (0, 1), (1,)).by_kind["shuffled"]
    torch.testing.assert_close(
        torch.stack(made["output_moved"]), exchanged.output_moved[exchanged.position == 5], rtol=0, atol=1e-5
    )
    assert "output moved, median" in capsys.readouterr().out
