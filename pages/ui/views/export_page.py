"""The export page: what there is to take along, how large it is, and the ways to take it."""

from __future__ import annotations

import streamlit as st

from engine import Trace
from engine.export.csv_tables import SPREADSHEET_ROWS, estimated_bytes, values_rows
from engine.export.units import format_bytes
from pages.ui.app.markdown_escape import code
from pages.ui.state import session
from pages.ui.traces import reproduce
from pages.ui.traces.opened import OPENED
from pages.ui.views import download_buttons, folder_export

_TRACE_FILE = "run.trace"
_WHOLE = (
    "One file with every tensor, the program's text and what failed. `open_trace`, the app and "
    "`python -m engine open` open it; nothing in it runs."
)
_TOO_LARGE = "Too large to hand to the browser in one piece: `save_trace` in Python writes it."
_FROM_THE_FILE = "With {file} in the project's folder, these lines write the two files of this page there."


def draw(trace: Trace) -> None:
    """Draws the ways to export the whole trace."""
    st.markdown("#### Download the trace")
    rows, size = values_rows(trace.steps), estimated_bytes(trace.steps)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("##### steps.csv")
        st.markdown(
            "A row for each step: name, axes, shape, stride, dtype, memory, FLOPs, statistics, code line, parents."
        )
        st.caption(f"{len(trace.steps):,} rows")
        download_buttons.steps_button(trace.steps, "Download steps.csv", key="steps.csv")
    with right:
        st.markdown("##### values.csv")
        st.markdown("A row for each number: step, name, index on every axis, value. Every number reads back exactly.")
        st.caption(f"{rows:,} rows, about {format_bytes(size)}")
        download_buttons.values_button(trace.steps, size, "Download values.csv", key="values.csv")
        if rows >= SPREADSHEET_ROWS:  # the header is one of them
            st.caption(f"Longer than the {SPREADSHEET_ROWS:,} rows a spreadsheet opens; pandas reads it.")
        if size > download_buttons.LARGEST_DOWNLOAD:
            st.caption("Too large to hand to the browser in one piece: write it to a folder, or run the command below.")
    download_buttons.mark_toggle(key="export.mark")
    _whole_trace(trace)
    folder_export.draw(trace, size)
    _elsewhere()


def _whole_trace(trace: Trace) -> None:
    st.markdown("##### The trace itself")
    st.markdown(_WHOLE)
    download_buttons.trace_button(trace, _file_name(), key="trace.file")
    if trace.nbytes > download_buttons.LARGEST_DOWNLOAD:
        st.caption(_TOO_LARGE)


def _file_name() -> str:
    opened = session.settings_shown().opened
    return OPENED.get(opened).file if opened else _TRACE_FILE


def _elsewhere() -> None:
    settings = session.settings_shown()
    st.markdown("##### The same from a terminal or a notebook")
    if settings.opened:
        st.caption(_FROM_THE_FILE.format(file=code(OPENED.get(settings.opened).file)))
        st.code(reproduce.from_file(OPENED.get(settings.opened).file), language="python", wrap_lines=True)
        return
    if settings.trained:
        kinds = "This is the trained model, `trained_config()`; `Config()` is a smaller one with random weights."
    else:
        kinds = (
            "This is `Config()`, with random weights. The app opens on another model, the trained `trained_config()`."
        )
    st.caption(f"Both write the two files of this page, to the last digit, and run in the project's folder. {kinds}")
    st.code(reproduce.command(settings), language="bash", wrap_lines=True)
    st.caption("For bash and zsh, on Linux and macOS. The lines below also run on Windows.")
    st.code(reproduce.script(settings), language="python", wrap_lines=True)
    st.markdown("Every table on the page **Every step** and every tensor on **Shapes** can be taken on its own.")
