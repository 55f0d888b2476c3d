"""The notebook lab, as a person meets it."""

import json

import pytest

from engine.labs.notebook import code, replay
from tests.pages.labs.opened import answers, lab, revealed
from tests.pages.shown import control, stage
from tests.pages.test_pages import words

KEY = "notebook"
SMALL = {"batch": 2, "length": 3, "d_model": 12, "heads": 4}


def rows(app):
    """What each line of the table says: code, shape or words, memory, FLOPs."""
    [found] = [one for one in app.get("bidi_component") if one.proto.component_name.endswith(".line_table")]
    table = json.loads(found.proto.json)
    return [[_said(cell) for cell in row["cells"]] for row in table["rows"]]


def _said(cell):
    return tuple(chip[1] for chip in cell["shape"]) if "shape" in cell else cell.get("text", cell.get("code"))


def button(app, label):
    [found] = [one for one in app.button if one.label == label]
    return found


def test_a_line_shows_its_shape_and_tensor_once_a_person_has_said_what_it_prints():
    app = lab(KEY)
    assert not app.exception
    assert rows(app)[0][1] == "?"
    app.radio[0].set_value("(10, 20, 100)").run()
    assert "You predicted: (10, 20, 100). **Computed: (10, 20).**" in words(app)
    assert rows(app)[0][1] == (10, 20)
    assert rows(app)[1][1] == "?"
    assert [axis["size"] for axis in stage(app, "labs.notebook.ids")["panels"][0]["axes"]] == [10, 20]


def test_next_line_goes_on_and_the_lines_before_are_known():
    app = lab(KEY, **SMALL)
    for _ in range(12):
        button(app, "Next line →").click().run()
    assert control(app, "labs.notebook.line").value == 13
    known = [row[1] for row in rows(app)]
    assert known[5:12] == [(2, 3, 4, 3)] * 3 + [(2, 4, 3, 3)] * 4
    assert known[12:] == ["?"] * 8
    app = revealed(app)
    assert rows(app)[12][1] == (2, 4, 3, 3)
    assert [panel["title"] for panel in stage(app, "labs.notebook.stage")["panels"]] == ["q", "k_t", "scores"]
    assert [panel["note"] for panel in stage(app, "labs.notebook.stage")["panels"]] == ["line 9", "line 12", "line 13"]


@pytest.mark.parametrize("line", range(1, 21))
def test_every_line_answers_with_the_shape_that_was_computed(line):
    app = revealed(lab(KEY, line=line, shapes="every line", **SMALL))
    assert not app.exception
    made = replay(*SMALL.values()).lines[line - 1]
    assert [row[1] for row in rows(app)][line - 1] == made.step.shape
    assert answers(app).get(f"line {line}", str(made.step.shape)) == str(made.step.shape)
    assert made.step.memory in rows(app)[line - 1][2]


def test_the_questions_on_the_whole_run_are_answered_from_its_steps():
    app = revealed(lab(KEY))
    assert answers(app)["contiguous"] == "it copies them into the order in which they are read"
    assert answers(app)["arithmetic"] == "the four projections"
    assert "Of the 20 lines 9 are views" in words(app)
    assert app.code[-1].value == code(10, 20, 512, 8).strip()
    app = revealed(lab(KEY, batch=1, length=24, d_model=4, heads=1))
    assert answers(app)["contiguous"] == "nothing: it hands back the same tensor"
    assert answers(app)["arithmetic"] == "q @ k_t and weights @ v"


def test_heads_that_do_not_divide_give_the_rule_the_error_and_sizes_that_work():
    app = revealed(lab(KEY, heads=7, line=6))
    assert not app.exception
    assert (
        "512 is not a multiple of 7: 7 heads of 73 take 511 numbers of each token's 512, and 1 is left over"
        in words(app)
    )
    assert "shape '[10, 20, 7, 73]' is invalid for input of size 102400" in [block.value for block in app.code]
    assert rows(app)[5][1] == "raises"
    assert rows(app)[6][1] == "not reached"
    assert answers(app) == {"open": "raise an error too"}
    button(app, "8 heads").click().run()
    assert "left over" not in words(app)
    assert control(app, "labs.notebook.heads").value == 8


def test_an_open_length_is_seen_to_go_wrong_in_silence_where_it_does():
    app = revealed(lab(KEY, batch=1, length=5, d_model=12, heads=5))
    assert answers(app)["open"] == "run, with a wrong length"
    assert "It gives (1, 6, 5, 2): 6 tokens where there are 5" in words(app)


@pytest.mark.parametrize(
    "values",
    [
        {"batch": 1, "length": 1, "d_model": 4, "heads": 1},
        {"batch": 12, "length": 24, "d_model": 512, "heads": 16, "line": 20},
        {"batch": 1, "length": 1, "d_model": 4, "heads": 16, "line": 20},
        {"batch": 99, "length": -1, "d_model": "wide", "heads": 0, "line": 0},
    ],
)
def test_the_ends_of_the_sliders_show_no_exception_and_answer_from_the_run(values):
    app = revealed(lab(KEY, shapes="every line", **values))
    assert not app.exception
    sizes = [control(app, f"labs.notebook.{name}").value for name in SMALL]
    found = replay(*sizes)
    assert [row[1] for row in rows(app)][:5] == [line.step.shape for line in found.lines[:5]]
    assert (rows(app)[5][1] == "raises") == bool(found.error)
