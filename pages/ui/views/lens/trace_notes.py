"""What stands between a person and the numbers of a trace: what was not watched, and what was overwritten since."""

from __future__ import annotations

import streamlit as st

from engine import Step, Trace
from engine.wording import counted
from pages.ui.app.markdown_escape import escaped

_ONE_UNREADABLE = "The numbers of {count} step can't be looked at: {reason}"
_MANY_UNREADABLE = "The numbers of {count} steps can't be looked at. The first: {reason}"


def of_step(trace: Trace, step: Step) -> tuple[str, ...]:
    """What a person who looks at a step should know of its numbers, each in a sentence.

    Args:
        trace: what the step stands in.
        step: the step.

    Returns:
        What could not be watched in the trace or inside the call, and why numbers of the step, or those that it read,
        can't be looked at.
    """
    unreadable = (tensor.unreadable for tensor in (step, *step.inputs))
    inside = () if step.inside is None else step.inside.notes
    return tuple(dict.fromkeys((*trace.notes, *inside, *filter(None, unreadable))))


def of_steps(trace: Trace) -> tuple[str, ...]:
    """The same of a whole trace, with the steps that can't be looked at counted."""
    unreadable = [reason for step in trace.steps if (reason := step.unreadable)]
    if not unreadable:
        return trace.notes
    sentence = counted(len(unreadable), _ONE_UNREADABLE, _MANY_UNREADABLE, reason=unreadable[0])
    return (*trace.notes, sentence)


def draw(notes: tuple[str, ...]) -> None:
    """Draws the sentences; nothing where there are none."""
    for note in notes:
        st.warning(escaped(note))
