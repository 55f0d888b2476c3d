"""What every page does first: settle the settings, run the model, draw it and the controls."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.ui import loading  # isort: skip  # noqa: F401  before what needs torch
from engine import Trace
from pages.ui import controls, frame, link_notes, state, waiting
from pages.ui.link_values import whole
from pages.ui.settings import Settings
from pages.ui.traces import CannotRunError, decoded_of, trace_of


def show(file: str, draw: Callable[[Trace], None]) -> None:
    """Runs what the settings say, has the page draw it, and draws the controls.

    Where that cannot be run, says why and draws the last one that could, so nothing on screen is lost. What people wait
    for is drawn first: the browser shows it while the controls are still on their way.
    """
    frame.make_room()
    _show(file, draw)


# At every run of a page the browser goes over all its elements several times before it shows one; at that of a fragment
# it does not.
@st.fragment
def _show(file: str, draw: Callable[[Trace], None]) -> None:
    settings = state.arrive(file)
    linked = frame.has_links()
    if not linked:  # none stand there meanwhile
        state.carry()
    trace: Trace | None
    with link_notes.banner():
        try:
            trace = trace_of(settings)
            state.show(settings)
            _note_the_last_step(settings)
        except CannotRunError as error:
            trace = _last(str(error))
        waiting.end()
        if trace is not None:
            draw(trace)
    if linked:
        state.carry()
    controls.draw(settings, trace)


def _note_the_last_step(settings: Settings) -> None:
    """Notes where the link asks for a step of decoding after the end of the answer: the last one is shown."""
    if settings.writes and settings.upto is not None:
        last = max(len(line.choices) for line in decoded_of(settings)) - 1
        shown, problem = whole("upto", str(settings.upto), 0, last, last)
        if problem is not None:
            state.add_note(problem.note(shown))


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
