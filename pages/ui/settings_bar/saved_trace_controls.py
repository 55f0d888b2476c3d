"""What stands in the place of the sizes while a saved trace is shown, and the part of the drawer that opens one."""

from __future__ import annotations

import dataclasses
from pathlib import PurePath

import streamlit as st

from engine import Trace
from pages.ui.app.markdown_escape import code, short_text
from pages.ui.state import session
from pages.ui.traces.opened import OPENED, NotOpenError

_LATELY = "explorer.opened_lately"
_MOST = 5
_SHOWN = "{file} is shown: a saved trace of {steps:,} steps."
_NOT_SHOWN = "The saved trace of this address can't be shown."
_HINT = "A file that save_trace(trace, path) or --save RUN.trace wrote."


def draw_shown(name: str, trace: Trace | None) -> None:
    """Draws what stands in the place of the sizes while a saved trace is asked for.

    Args:
        name: its name in the address.
        trace: the trace; None where it cannot be shown.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        if trace is None:
            st.caption(_NOT_SHOWN, width="content")
        else:
            file = code(short_text(OPENED.get(name).file, 40))
            st.caption(_SHOWN.format(file=file, steps=len(trace.steps)), width="content")
        st.button("Back to the Transformer", key="leave_trace", on_click=_show, args=("",))


def draw_open_another(shown: str) -> None:
    """Draws the ways to saved traces.

    Args:
        shown: the name of the one on screen, "" for none.
    """
    _lately(shown)
    _upload()


def _upload() -> None:
    # A new widget after every file: the one that was taken is not taken again at the next run.
    turn = st.session_state.get("explorer.upload_turn", 0)
    st.file_uploader(
        "Open a saved trace", type=["trace"], key=f"upload.{turn}", help=_HINT, on_change=_take, args=(turn,)
    )
    refused = st.session_state.get("explorer.upload_refused")
    if refused:
        st.error(refused)


def _lately(shown: str) -> None:
    others = {name: file for name, file in st.session_state.get(_LATELY, {}).items() if name != shown}
    if others:
        st.caption("Opened lately")
    for name, file in others.items():
        st.button(code(short_text(file, 30)), key=f"lately.{name}", on_click=_show, args=(name,), type="tertiary")


def _take(turn: int) -> None:
    file = st.session_state.get(f"upload.{turn}")
    if file is None:
        return
    st.session_state["explorer.upload_turn"] = turn + 1
    shown = PurePath(file.name).name
    try:
        name = OPENED.add(shown, file)
    except NotOpenError as error:
        st.session_state["explorer.upload_refused"] = str(error)
        return
    lately = {name: shown, **st.session_state.get(_LATELY, {})}
    st.session_state[_LATELY] = dict(list(lately.items())[:_MOST])
    _show(name)


def _show(name: str) -> None:
    st.session_state.pop("explorer.upload_refused", None)
    session.change_settings(dataclasses.replace(session.settings_now(), opened=name))
    session.open_view()
