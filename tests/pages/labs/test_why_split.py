"""The lab of heads, as a person meets it."""

import pytest

from engine.labs.why_split import code, removed, split, wide
from engine.labs.why_split.head_ablation import ATTENTIONS, ablated, every_head
from engine.ops.notation import number
from tests.pages.labs.opened import answers, lab, predicted, revealed
from tests.pages.shown import stage
from tests.pages.test_pages import words

KEY = "why_split"


def test_nothing_is_shown_before_a_person_predicts_and_a_right_prediction_is_said_to_be_right():
    app = predicted(KEY, "the same numbers, up to rounding")
    whole = split(4, 4, 5)
    assert f"The largest difference of the outputs is {number(whole.loop_difference)}" in words(app)
    shapes = [[axis["size"] for axis in panel["axes"]] for panel in stage(app, "labs.why_split.blocks")["panels"]]
    assert shapes == [list(part.shape) for part in (whole.mixed, whole.blocks, whole.contributions)]


def test_every_number_of_the_layer_is_the_experiments():
    app = revealed(lab(KEY, heads=3, d_k=2, length=6, head=1))
    assert not app.exception
    without, one = removed(3, 2, 6, 1), wide(3, 2, 6)
    said = words(app)
    assert f"It moves by up to {number(without.moved)}." in said
    assert f"the largest difference is {number(split(3, 2, 6).sum_difference)}" in said
    assert f"{one.split_cost.products:,} beside {one.wide_cost.products:,}." in said
    assert f"The outputs differ by up to {number(one.output_difference)}." in said
    assert answers(app) == {
        "loop": "the same numbers, up to rounding",
        "removed": "by exactly what the head gave",
        "price": "as many",
        "trained": "half or more, but not all",
    }
    table = app.dataframe[0].value
    assert table["3 heads"].tolist() == ["168", f"{one.split_cost.products:,}", f"{one.split_cost.others:,}", "3"]
    assert table["one wide head"].tolist()[-1] == "1"
    assert app.code[-1].value == code(3, 2, 6, 1).strip()


def test_the_trained_model_without_a_head_is_shown_character_by_character():
    name, head = "decoder 0 self", 3
    app = revealed(lab(KEY, text="3/7/2026", attention=name, trained_head=head))
    found, every = ablated("3/7/2026", ATTENTIONS[0], head), every_head("3/7/2026")
    said = words(app)
    assert f"Without head 3 of {name} the model writes `{found.text_without}`, which is no date." in said
    assert f"- {name}, head {head}: `{found.text_without}`" in said
    assert f"{every.spared} heads can be spared one at a time." in said
    assert f"Without all of these together the model writes `{every.without_spared}`." in said
    table = app.dataframe[-1].value
    assert "".join(table["without it"]) == "".join(choice.token for choice in found.choices_without)
    assert [bool(mark) for mark in table["differs"]] == [
        a != b for a, b in zip(table["whole"], table["without it"], strict=True)
    ]
    assert "".join(table["whole"]) == found.text + "⟨end⟩"
    assert [axis["size"] for axis in stage(app, "labs.why_split.map")["panels"][0]["axes"]] == list(every.kept.shape)


@pytest.mark.parametrize(
    "values",
    [
        {"heads": 2, "d_k": 1, "length": 2, "head": 1, "trained_head": 0, "attention": "encoder 1 self"},
        {"heads": 99, "d_k": 8, "length": 8, "head": 99, "trained_head": 9, "text": "이천이십육년 십일월 이십일일"},
    ],
)
def test_the_ends_of_the_sliders_show_the_same_answers(values):
    app = revealed(lab(KEY, **values))
    assert not app.exception
    found = answers(app)
    assert (found["loop"], found["removed"], found["price"]) == (
        "the same numbers, up to rounding",
        "by exactly what the head gave",
        "as many",
    )
    assert len(found) == 4
