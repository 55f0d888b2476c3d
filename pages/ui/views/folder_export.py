"""Writes both files of an export to a folder of the computer that serves the page, for the person who sits at it."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine import Trace, save_csv
from engine.export.export_error import ExportError
from engine.export.files import FILES
from engine.export.folder_names import FolderNameError, check_folder_name
from engine.export.units import format_bytes
from pages.ui.app import own_computer
from pages.ui.app.markdown_escape import code, escaped
from pages.ui.traces.reproduce import FOLDER

# The folder and its files that somebody has been asked about; then those they said may be replaced.
_ASKED, _REPLACED = "explorer.folder_asked", "explorer.folder_replaced"
_HAS_ONE = "{folder} already has {first}.", "Replace {first}"
_HAS_BOTH = "{folder} already has {first} and {last}.", "Replace {first} and {last}"
_Files = tuple[Path, tuple[str, ...]]


def draw(trace: Trace, size: int) -> None:
    """Draws the form, the question whether files may be replaced, and the outcome; or why there is no form.

    Args:
        trace: what is written.
        size: about how many bytes that will be.
    """
    st.markdown("##### Write both to a folder on this computer")
    objection = own_computer.why_not()
    if objection:
        st.caption(f"Offered only to a browser on the computer that serves this page. {objection}")
        return
    with st.form("folder", border=False):
        name = st.text_input("Folder", value=FOLDER, help="Made if it is not there.")
        pressed = st.form_submit_button(f"Write both files, about {format_bytes(size)}")
    may_replace: _Files | None = st.session_state.pop(_REPLACED, None)
    if pressed:
        st.session_state.pop(_ASKED, None)
        folder = _folder(name)
        if folder is not None:
            _write_or_ask(trace, folder, ())
    elif may_replace is not None:
        _write_or_ask(trace, *may_replace)
    question: _Files | None = st.session_state.get(_ASKED)
    if question is not None:
        _ask(*question)


def _folder(name: str) -> Path | None:
    """The folder of this name; says why where there can be none, and returns None."""
    try:
        check_folder_name(name)
        return Path(name).expanduser()
    except (FolderNameError, RuntimeError) as error:  # no home to expand "~"
        _say(error)
        return None


def _write_or_ask(trace: Trace, folder: Path, may_replace: tuple[str, ...]) -> None:
    """Writes both files, or asks first where one exists that may not be replaced."""
    present = tuple(name for name in FILES if os.path.lexists(folder / name))
    if set(present) <= set(may_replace):
        _write(trace, folder)
    else:
        st.session_state[_ASKED] = (folder, present)


def _ask(folder: Path, present: tuple[str, ...]) -> None:
    template, label = _HAS_BOTH if len(present) > 1 else _HAS_ONE
    first, last = present[0], present[-1]
    st.warning(template.format(folder=code(str(folder)), first=first, last=last))
    with st.container(horizontal=True):
        st.button(label.format(first=first, last=last), key="folder.replace", on_click=_answer, args=(True,))
        st.button("Keep what is there", key="folder.keep", on_click=_answer, args=(False,))


def _answer(replace: bool) -> None:
    question = st.session_state.pop(_ASKED, None)
    if replace:
        st.session_state[_REPLACED] = question


def _write(trace: Trace, folder: Path) -> None:
    bar = st.progress(0.0, text="Writing")
    try:
        # Asked again: the page may have been drawn for another connection than the one that pressed the button.
        objection = own_computer.why_not()
        if objection:
            st.error(objection)
            return
        save_csv(trace.steps, folder, partial(_show_progress, bar))
    except (ExportError, ValueError) as error:  # a name that no file system takes
        _say(error)
    else:
        st.success(f"Wrote steps.csv and values.csv to {code(str(folder.resolve()))}")
    finally:
        bar.empty()


def _show_progress(bar: DeltaGenerator, done: int, total: int) -> None:
    bar.progress(done / max(total, 1), text="Writing")


def _say(error: Exception) -> None:
    text = str(error)
    st.error(escaped(f"{text[:1].upper()}{text[1:]}"))
