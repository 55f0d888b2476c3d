"""The whole function that made a step, its expression marked; other lines lead to the steps that they made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from engine import Step, Trace
from pages.ui.app.palette import axis_tone
from pages.ui.components.code_view.lines import CodeRun, lines_of
from pages.ui.components.mount import component
from pages.ui.state.url_step import step_to_key

_component = component(__file__, "code_view")


def code_view(trace: Trace, step: Step, *, key: str, on_go: Callable[[str], None]) -> None:
    """Draws the code of a step.

    Args:
        trace: the trace of the step.
        step: the step whose expression is marked.
        key: the component's key on the page.
        on_go: called with the text that names a step in the address, when its line was pressed.
    """
    _component(key=key, data=_data(trace, step), on_go_change=lambda: on_go(st.session_state[key]["go"]))


def _data(trace: Trace, step: Step) -> dict[str, Any]:
    source = step.source
    if source is None:
        return {"location": "", "function": "", "lines": [], "note": "No line of a program made this step."}
    lines = [
        {
            "number": line.number,
            "runs": [_code_run(run) for run in line.runs],
            "go": step_to_key(trace, line.step) if line.step else "",
            "tooltip": f"Go to step {line.step.index}: {line.step.name}, {line.step.op}" if line.step else "",
        }
        for line in lines_of(trace, step)
    ]
    note = "" if lines else "The text of this line cannot be read any more."
    location = f"{source.shown_file}:{source.line}"
    return {"location": location, "function": source.function, "lines": lines, "note": note}


def _code_run(run: CodeRun) -> list[str]:
    """Text and kind, and for an axis its colours on a light and on a dark page."""
    tone = axis_tone(run.axis)
    return [run.text, run.kind, tone.light, tone.dark] if run.axis else [run.text, run.kind]
