"""What every page does first: settle the settings, draw the controls, run the model."""

from __future__ import annotations

import streamlit as st

from engine import Trace
from pages.ui import controls, state
from pages.ui.traces import CannotRunError, trace_of


def open_page(file: str) -> Trace:
    """Draws the controls and returns the trace of what they say.

    Where that cannot be run, says why and returns the last one that could, so nothing on screen is lost.
    """
    settings = state.arrive(file)
    for note in state.notes():
        st.warning(note)
    trace: Trace | None
    try:
        trace = trace_of(settings)
        state.show(settings)
    except CannotRunError as error:
        trace = _last(str(error))
    controls.draw(settings, trace)
    if trace is None:
        st.stop()
    return trace


def _last(trouble: str) -> Trace | None:
    """The last trace that worked, under what is wrong with the present settings; None where even that has no room."""
    try:
        trace = trace_of(state.settings_shown())
    except CannotRunError:
        st.error(trouble)
        return None
    instead = "Shown below is the last run that worked" if state.has_shown() else "Shown instead is the example"
    st.error(f"{trouble[:1].upper()}{trouble[1:].removesuffix('.')}. {instead}, also to download.")
    return trace
