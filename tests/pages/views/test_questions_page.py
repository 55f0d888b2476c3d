"""The page of questions in Streamlit's own test harness."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from streamlit.testing.v1 import AppTest

from engine.questions import QUESTIONS, Figure, answer, question_of
from pages.ui.labs.kit.registry import lab_of
from pages.ui.views.questions import questions_page
from pages.ui.views.questions.figure_html import figures_html
from tests.pages.shown import unfolded

ROOT = Path(__file__).parents[3]


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    return app.switch_page("pages/questions.py").run()


def test_all_questions_are_there_closed_and_nothing_is_computed_for_them():
    app = opened()
    assert not app.exception
    assert [expander.label for expander in app.expander][1:] == [question.text for question in QUESTIONS]
    assert not app.code


def test_a_link_to_a_question_shows_its_answer_first_with_the_script_and_what_it_prints():
    app = opened(question="minus_infinity")
    question = question_of("minus_infinity")
    assert question is not None
    assert not app.exception
    answered = answer(question)
    assert question.text in app.markdown[0].value or question.text in app.markdown[1].value
    assert any(answered.sentences[0] in text.value for text in app.markdown)
    assert [block.value for block in app.code] == [answered.code.strip(), answered.output.strip()] or [
        block.value for block in app.code
    ] == [answered.code, answered.output]


def test_every_answer_has_its_sentences_with_the_numbers_of_its_script_and_what_it_prints():
    app = unfolded(opened(), *(f"question.{question.key}" for question in QUESTIONS))
    assert not app.exception
    told = {text.value for text in app.markdown}
    blocks = {block.value.strip() for block in app.code}
    for question in QUESTIONS:
        answered = answer(question)
        first, *others = answered.sentences
        assert f"**{first}**\n\n" + "\n\n".join(others) in told, question.key
        assert {answered.code.strip(), answered.output.strip()} <= blocks, question.key


def test_a_link_to_a_question_that_is_not_there_shows_all_and_says_so():
    app = opened(question="who_knows")
    assert not app.exception
    assert "who_knows" in app.warning[0].value
    assert len(app.expander) == len(QUESTIONS) + 1


def test_every_answer_leads_to_a_lab_and_a_section_that_there_are():
    for question in QUESTIONS:
        if question.lab:
            lab = lab_of(question.lab)
            assert lab is not None, question.key
            assert not question.lab_section or question.lab_section in lab.sections, question.key


def test_the_plan_of_a_class_takes_45_minutes():
    assert sum(minutes for minutes, *_ in questions_page._CLASS) == 45


def test_a_figure_has_a_table_for_each_matrix_with_its_place_and_glyphs_for_infinity_and_mask():
    scores = torch.tensor([[[1.5, float("-inf")]], [[-0.25, 2.0]]])
    drawn = figures_html([Figure("masked", ("H", "L", "L_k"), "<b>")], [scores])
    assert drawn.count("<table>") == 2
    for text in ("<caption>H 0</caption>", "<caption>H 1</caption>", "<td>−∞</td>", "<td>1.5</td>", "<td>−0.25</td>"):
        assert text in drawn
    assert "&lt;b&gt;" in drawn
    assert "<b>" not in drawn
    assert "<td>True</td>" in figures_html([Figure("mask", ("L_k",))], [torch.tensor([True, False])])


def test_a_teacher_gets_masked_fill_on_two_sentences_of_different_length_ready_to_take_along():
    question = question_of("masked_fill")
    assert question is not None
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.query_params.update(dict(question.run_values))
    app.run()
    assert not app.exception
    [python] = [block.value for block in app.code if "trace.find" in block.value]
    assert "self_attention.masked" in python
    made: dict[str, Any] = {}
    with redirect_stdout(StringIO()):
        exec(python, made)
    hidden = made["step"].value[:, 0, 0].isinf().sum(-1).tolist()
    assert hidden == [0, len("21 November 2026") - len("3 May 1999")]
    assert "share" not in app.query_params
