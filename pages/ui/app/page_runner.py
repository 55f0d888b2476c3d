"""Runs a page: reads the settings from the address, runs the model, draws the sizes and the page."""

from __future__ import annotations

import time
from collections.abc import Callable

import streamlit as st

from pages.ui.app import preload_torch  # isort: skip  # noqa: F401  before what needs torch
from engine import Trace
from pages.ui.app import frame, loading_placeholder
from pages.ui.settings_bar import bar as settings_bar
from pages.ui.state import link_notes, session
from pages.ui.state.link_values import whole_number
from pages.ui.state.settings import Settings
from pages.ui.state.settings_words import differing
from pages.ui.state.size_rules import Memory
from pages.ui.traces.trace_cache import CannotRunError, decoded_of, trace_of

_MOMENT = 0.1  # seconds: as long as a browser takes for the maps of attention or the stage
_INSTEAD = (
    "{trouble} Below is the last run that worked, with {shown}; downloads are of it. "
    "The controls still stand at {settings}."
)
_EXAMPLE = (
    "{trouble} Below is the example instead, with {shown}; downloads are of it. The controls still stand at {settings}."
)

_NO_STEPS = "This saved trace has no steps: its program ended before any call returned a tensor."


def run_page(file: str, draw: Callable[[Trace], None]) -> None:
    """Runs the model of the settings, draws the sizes, and has the page draw the trace.

    Where the model cannot be run, says why and draws the last trace that could be made, so nothing on screen is lost.
    What people wait for is drawn first: the browser shows it while an open drawer is still on its way.

    Args:
        file: the page's script.
        draw: draws the page of a trace.
    """
    frame.remove_early_links()
    session.begin_page(file)
    _run(draw)


# At every run of a page the browser goes over all its elements several times before it shows one; at that of a fragment
# it does not.
@st.fragment
def _run(draw: Callable[[Trace], None]) -> None:
    session.direct_answers().go_first()
    settings = session.settings_now()
    linked = frame.has_links()
    if not linked:  # no link would stand there while the model runs
        session.publish()
    bar = settings_bar.begin()
    trace: Trace | None
    refused = False
    with link_notes.banner():
        try:
            trace = trace_of(settings)
            session.remember_shown(settings)
            _note_step_after_the_end(settings)
        except CannotRunError as error:
            trace, refused = _last_that_worked(str(error)), True
        loading_placeholder.end()
        if trace is not None and trace.steps:
            draw(trace)
        elif trace is not None:
            _empty(trace)
    if linked:
        session.publish()
    bar.draw_sizes(settings, None if refused else trace)
    bar.draw_drawer(settings)


def let_it_be_painted() -> None:
    """Holds back what is drawn after this, where a person has just come from another page.

    To be called once what the page is about is drawn. Else all messages are there before the browser has painted the
    first, and it goes over all of the page before it shows anything.
    """
    if session.has_just_turned():
        time.sleep(_MOMENT)


def _note_step_after_the_end(settings: Settings) -> None:
    """Adds a note where the link asks for a step of decoding after the end of the answer: the last one is shown."""
    if settings.writes and settings.upto is not None:
        last = max(len(line.choices) for line in decoded_of(settings)) - 1
        shown, problem = whole_number("upto", str(settings.upto), 0, last, last)
        if problem is not None:
            session.add_note(problem.note(shown))


def _last_that_worked(trouble: str) -> Trace | None:
    """Says what is wrong with the present settings, and what is shown instead.

    The controls keep what was asked for, so that nobody has to set it again.

    Args:
        trouble: why the present settings cannot be run.

    Returns:
        The last trace that could be made; None where even that has no room.
    """
    shown = session.settings_shown()
    if session.settings_now().opened:
        st.error(trouble)
        return None
    trouble = f"{trouble[:1].upper()}{trouble[1:].removesuffix('.')}."
    try:
        trace = trace_of(shown)
    except CannotRunError:
        st.error(trouble)
        return None
    template = _INSTEAD if session.has_shown() else _EXAMPLE
    st.error(
        template.format(
            trouble=trouble,
            shown=differing(shown, session.settings_now()),
            settings=differing(session.settings_now(), shown),
        )
    )
    st.button("Set the controls to what is shown", key="as_shown", on_click=_as_shown)
    return trace


def _empty(trace: Trace) -> None:
    """What is said of a saved trace in which nothing was computed: its program failed at once, or called nothing."""
    st.info(_NO_STEPS)
    if trace.failure is not None:
        st.code(trace.failure.note, language=None, wrap_lines=True)


def _as_shown() -> None:
    session.change_settings(session.settings_shown(), Memory())
