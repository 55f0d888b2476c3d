"""The whole running function of a step, its expression marked, with ways to the steps that other lines made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from engine import Step, Trace
from pages.ui.app.palette import axis_tone
from pages.ui.components.code_view.lines import Run, lines_of
from pages.ui.components.mount import component
from pages.ui.state.url_step import key_of

_HERE = Path(__file__).parent

_component = component(_HERE / "code_view.css", _HERE / "code_view.js")


def code_view(trace: Trace, step: Step, *, key: str, on_go: Callable[[str], None]) -> None:
    """Draw the code of a step. `on_go` gets the address of the step whose line was pressed."""
    _component(key=key, data=_data(trace, step), on_go_change=lambda: on_go(st.session_state[key]["go"]))


def _data(trace: Trace, step: Step) -> dict[str, Any]:
    source = step.source
    if source is None:
        return {"place": "", "function": "", "lines": [], "note": "No line of a program made this step."}
    lines = [
        {
            "number": line.number,
            "runs": [_run(run) for run in line.runs],
            "go": key_of(trace, line.step) if line.step else "",
            "says": f"Go to step {line.step.index}: {line.step.name}, {line.step.op}" if line.step else "",
        }
        for line in lines_of(trace, step)
    ]
    note = "" if lines else "The text of this line cannot be read any more."
    place = f"{source.shown_file}:{source.line}"
    return {"place": place, "function": source.function, "lines": lines, "note": note}


def _run(run: Run) -> list[str]:
    """Text and kind, and for an axis its colours on a light and on a dark page."""
    tone = axis_tone(run.axis)
    return [run.text, run.kind, tone.light, tone.dark] if run.axis else [run.text, run.kind]
