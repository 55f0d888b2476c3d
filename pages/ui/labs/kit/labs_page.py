"""The page of the labs: all questions in their groups, or one lab with the way back and on."""

from __future__ import annotations

import streamlit as st

from pages.ui.app import preload_torch  # isort: skip  # noqa: F401  before what needs torch
from pages.ui.app import loading_placeholder
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.model_sizes import sizes_of_model
from pages.ui.labs.kit.predictions import answered, progress
from pages.ui.labs.kit.registry import GROUPS, LABS, Lab, lab_of
from pages.ui.state import link_notes, session
from pages.ui.state.link_values import LinkProblem

_PAGE = "pages/labs.py"
_ACROSS = 3
_NO_LAB = "{given} was asked for; there is no lab of that name. These are all of them."


def draw() -> None:
    """Draws the lab of the address, or all of them."""
    session.begin_page(_PAGE)
    session.publish()
    loading_placeholder.end()
    lab_key = session.view("lab")
    lab = lab_of(lab_key)
    with link_notes.banner():
        if lab is None:
            _all(lab_key)
        else:
            _show_lab(lab)


def _all(lab_key: str) -> None:
    st.title("Questions, each with an experiment")
    if lab_key:
        link_notes.note(LinkProblem("lab", lab_key, _NO_LAB))
    st.markdown(
        "Predict first, then see what PyTorch computes. Nothing here is stored: every number comes from tensors that "
        "are computed while you look."
    )
    with st.container(key="lab-cards"):
        for group in GROUPS:
            _group(group)


def _group(group: str) -> None:
    st.markdown(f"##### {group}")
    labs = [lab for lab in LABS if lab.group == group]
    # A row at a time, so that they stand in their order on a phone too.
    for start in range(0, len(labs), _ACROSS):
        for column, lab in zip(st.columns(_ACROSS, gap="medium"), labs[start : start + _ACROSS], strict=False):
            with column, st.container(border=True, gap=None, key=f"lab-{lab.key}"):
                _card(lab)


def _card(lab: Lab) -> None:
    _button(f"**{lab.question}**", lab)
    st.caption(lab.summary)
    if so_far := progress(lab.key):
        st.caption(f":green[{so_far}]")


def _show_lab(lab: Lab) -> None:
    index = LABS.index(lab)
    with st.container(horizontal=True, horizontal_alignment="distribute", key="lab-way"):
        _button("← All questions")
        following = LABS[(index + 1) % len(LABS)]
        _button(f"Next: {following.question} →", following)
    st.markdown(f"#### {lab.question}")
    _drawn(lab.key)


@st.fragment
def _drawn(key: str) -> None:
    session.write_address()
    lab = lab_of(key)
    if lab is not None:
        with link_notes.banner():
            section = link_notes.pick("section", "The section of this lab", lab.sections, "")
            lab_widgets.begin(lab.key, section)
            if so_far := answered(lab.key, lab.questions):
                st.caption(so_far)
            with st.container(key="lab-body"):
                lab.module().draw()


def _button(label: str, lab: Lab | None = None) -> None:
    """The way to a lab, or to all of them. A link from a page to itself would leave the address as it was."""
    to = {} if lab is None else {"lab": lab.key, **sizes_of_model(lab.key, session.settings_now().model)}
    st.button(label, key=f"lab-to-{lab.key if lab else 'all'}", type="tertiary", on_click=session.open_view, kwargs=to)
