"""What every page does first: settle the settings, draw the controls, run the model."""

from __future__ import annotations

import streamlit as st

from engine import Trace
from pages.ui import controls, state
from pages.ui.settings import Settings
from pages.ui.traces import CannotRunError, trace_of

_WORKED = "explorer.worked"


def open_page(file: str) -> Trace:
    """Draws the controls and returns the trace of what they say.

    Where that cannot be run, says why and returns the last one that could, so nothing on screen is lost.
    """
    settings = state.arrive(file)
    for note in state.notes():
        st.warning(note)
    worked: Settings = st.session_state.get(_WORKED, Settings())
    try:
        trace = trace_of(settings)
        st.session_state[_WORKED] = worked = settings
    except CannotRunError as error:
        st.error(f"{error}. Shown below is the last run that worked.".replace("..", "."))
        trace = trace_of(worked)
    controls.draw(settings, trace)
    return trace
