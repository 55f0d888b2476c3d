"""The page of questions: the one that a link asks for on top, below it all of them in their topics."""

from __future__ import annotations

from functools import partial

import streamlit as st

from pages.ui.app import preload_torch  # isort: skip  # noqa: F401  before what needs torch
from engine.questions import QUESTIONS, TOPICS, Question, answer, question_of
from pages.ui.app import frame, loading_placeholder
from pages.ui.app.lazy_expander import lazy_expander
from pages.ui.labs.kit.lab_widgets import PREFIX
from pages.ui.state import link_notes, session
from pages.ui.state.link_values import LinkProblem
from pages.ui.views.questions.figure_html import figures_html

_PAGE = "pages/questions.py"
_NO_QUESTION = "{given} was asked for; there is no question of that name. These are all of them."
# Brings an answer that opens at the lower edge of the screen into sight, with its question above it.
_INTO_VIEW = """<script>{
  const show = () => {
    const answer = document.querySelector(".st-key-answer-KEY");  // may come after this script
    if (!answer || answer.getBoundingClientRect().top < innerHeight - 350) return;
    answer.style.scrollMarginTop = "7rem";
    answer.scrollIntoView();
  };
  const sizes = new ResizeObserver(show);  // the page is not long enough to scroll before all of the answer has come
  sizes.observe(document.querySelector("[data-testid=stMainBlockContainer]"));
  for (const event of ["wheel", "touchstart", "keydown", "pointerdown"])
    addEventListener(event, () => sizes.disconnect(), { once: true, capture: true });
}</script>"""
_COUNT = "{count} questions. Every number in an answer is computed by the script beside it."


def draw() -> None:
    """Draws the question of the address, and all of them."""
    session.begin_page(_PAGE)
    session.publish()
    loading_placeholder.end()
    with link_notes.banner():
        _whole_page()


@st.fragment
def _whole_page() -> None:
    question_key = session.view("question")
    question = question_of(question_key)
    with link_notes.banner():
        if question_key and question is None:
            link_notes.note(LinkProblem("question", question_key, _NO_QUESTION))
        if question is not None:
            with st.container(border=True, key="asked-question"):
                st.markdown(f"#### {question.text}")
                _draw_answer(question, ("All questions", {}))
        else:
            st.title("Questions and answers")
        st.caption(_COUNT.format(count=len(QUESTIONS)))
        lazy_expander("A class of 45 minutes, in five stops", "questions.class", _class)
        with st.container(key="questions-list"):
            _list()


def _list() -> None:
    for topic, (heading, questions) in TOPICS.items():
        st.markdown(f"##### {heading}")
        half = -(-len(questions) // 2)
        halves = (questions[:half], questions[half:])
        for number, (column, part) in enumerate(zip(st.columns(2), halves, strict=True)):
            with column, st.container(gap="xsmall", key=f"questions-{topic}-{number}"):
                for entry in part:
                    lazy_expander(entry.text, f"question.{entry.key}", partial(_draw_below, entry))


# Minutes, the page, what its link says, the view it opens with, and what the class does there.
_CLASS: tuple[tuple[int, str, str, dict[str, str], str], ...] = (
    (5, "app.py", "Shapes", {}, "Everybody types a date under the strip, and tries to break the answer."),
    (
        10,
        "pages/labs.py",
        "Why permute?",
        {"lab": "view_or_permute"},
        "Predict, then find the row that is not a token's.",
    ),
    (
        10,
        "pages/labs.py",
        "What does masked_fill do?",
        {"lab": "masking"},
        "Up to “Can a later token move an earlier output?”.",
    ),
    (10, "pages/labs.py", "Why divide by √d_k?", {"lab": "scaling"}, "Move d_k, and watch what softmax makes of it."),
    (10, "pages/labs.py", "Where is the bug?", {"lab": "bugs"}, "In pairs: name the first step that is wrong."),
)


def _class() -> None:
    for minutes, page, label, view, task in _CLASS:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{minutes}′**", width="content")
            frame.link(page, f"{label} →", view)
            st.markdown(task)


def _draw_below(question: Question) -> None:
    """Draws an answer below its question, among all the others."""
    with st.container(key=f"answer-{question.key}"):
        _draw_answer(question, ("Link to this answer", {"question": question.key}))
    st.html(_INTO_VIEW.replace("KEY", question.key), unsafe_allow_javascript=True)


def _draw_answer(question: Question, link: tuple[str, dict[str, str]]) -> None:
    """Draws an answer: what it comes to, its tensors, and the script. ``link`` is a way on within this page."""
    answered = answer(question)
    first, *others = answered.sentences
    st.markdown(f"**{first}**\n\n" + "\n\n".join(others))
    if question.figures:
        st.html(figures_html(question.figures, answered.tensors))
    with st.container(horizontal=True):
        if question.lab:
            values = {PREFIX + name: value for name, value in question.lab_values}
            section = {"section": question.lab_section} if question.lab_section else {}
            frame.link("pages/labs.py", "Try it in the lab →", {"lab": question.lab, **section, **values})
        if question.run:
            frame.link("app.py", f"{question.run} →", dict(question.run_values))
        frame.link(_PAGE, *link)
    st.code(answered.code, language="python")
    st.caption("It prints")
    st.code(answered.output, language=None)
