"""The lab of memory, as a person meets it."""

import json
import re

import pytest

from engine.labs.memory_layout import code, layout
from tests.pages.labs.opened import answers, lab, predicted, revealed
from tests.pages.shown import stage
from tests.pages.test_pages import words

KEY = "memory_layout"


def ribbon_of(app):
    [proto] = [one.proto for one in app.get("bidi_component") if "ribbon" in one.proto.id]
    return json.loads(proto.json)


def test_nothing_is_shown_before_a_person_predicts_or_asks_to_see():
    app = predicted(KEY, "(12, 4, 1)", right=False)
    assert "You predicted: (12, 4, 1). **Computed: (4, 8, 1).**" in words(app)
    drawn = {one.proto.id.rpartition("-")[2] for one in app.get("bidi_component")}
    assert {"labs.memory_layout.moved", "labs.memory_layout.ribbon"} <= drawn


def test_the_tensors_the_ribbon_and_the_tables_are_those_that_were_computed():
    app = revealed(lab(KEY, length=2, heads=3, d_k=2))
    found = layout(2, 3, 2, "transpose", (0, 1))
    assert answers(app) == {"strides": "(2, 6, 1)", "refused": "all three", "sharing": "in `query` alone"}
    panels = stage(app, "labs.memory_layout.moved")["panels"]
    assert [axis["size"] for axis in panels[0]["axes"]] == [2, 3, 2]
    assert [axis["size"] for axis in panels[1]["axes"]] == [3, 2, 2]
    shown = ribbon_of(app)
    assert shown["reading"] == found.reading == [0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11]
    assert shown["stride"] == [2, 6, 1]
    assert "11 steps: 6 to the next number in memory, 5 jumps" in shown["label"]
    said = words(app)
    assert "| strides | (6, 2, 1) | (2, 6, 1) |" in said
    assert "| written through transposed | **−1** | **−1** | 7 |" in said
    assert "| written into copied | 7 | 7 | **−1** |" in said
    assert "stride of H is 2 ≠ 2 × 6 = 12" in said
    assert "`query.permute(1, 0, 2)` gives the same numbers with the same strides." in said
    assert [block.value for block in app.code if block.language != "python"][:1] == [found.merges[0].error]
    assert app.code[-1].value.strip() == code(2, 3, 2, "transpose", (0, 1)).strip()


def test_the_same_address_is_in_the_table_for_a_view_and_another_for_a_copy():
    said = words(revealed(lab(KEY)))
    first, second = re.findall(r"\| data_ptr\(\) \| (\w+) \| (\w+) \|", said)
    assert first[0] == first[1] == second[0] != second[1]


def test_a_permute_of_all_three_axes_is_read_in_jumps_alone():
    app = revealed(lab(KEY, operation="permute", order="H, d_k, L"))
    assert answers(app) == {"strides": "(4, 1, 8)", "refused": "two", "sharing": "in `query` alone"}
    assert "23 steps: 0 to the next number in memory, 23 jumps" in ribbon_of(app)["label"]
    assert "H and d_k: works; d_k and L: raises; H, d_k and L: raises." in words(app)


def test_without_an_operation_contiguous_returns_the_tensor_itself():
    app = revealed(lab(KEY, operation="none"))
    assert answers(app) == {"strides": "(8, 4, 1)", "refused": "none", "sharing": "in both"}
    assert "So `contiguous` returned the tensor itself" in words(app)
    assert {block.language for block in app.code} == {"python"}  # no error of PyTorch's


@pytest.mark.parametrize("operation", ["transpose", "permute", "none"])
@pytest.mark.parametrize("size", [(1, 1, 1), (6, 4, 6), (1, 4, 6), (6, 1, 1)])
def test_the_ends_of_the_sliders_are_answered_too(operation, size):
    app = revealed(lab(KEY, **dict(zip(("length", "heads", "d_k"), size, strict=True)), operation=operation))
    assert not app.exception
    axes = {"transpose": (0, 1), "permute": (1, 2, 0), "none": ()}[operation]
    found = layout(*size, operation, axes)
    assert answers(app)["strides"] == str(found.moved.stride())
    assert all(len(radio.options) >= 3 for radio in app.radio)
    assert ribbon_of(app)["reading"] == found.reading


def test_a_value_beyond_a_slider_is_moved_and_said():
    app = lab(KEY, length=99, operation="rotate")
    assert not app.exception
    assert app.slider[0].value == 6
    assert "`lab_length=99` was asked for; Length L goes from 1 to 6. 6 is used." in app.warning[0].value
    assert "`lab_operation=rotate` was asked for" in app.warning[0].value
    assert "`transpose` is used." in app.warning[0].value
