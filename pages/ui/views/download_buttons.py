"""Buttons that hand out CSV. The file is made when the button is pressed, not before."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, BinaryIO

import streamlit as st

from engine import Step, Trace
from engine.export.csv_tables import csv_bytes, estimated_bytes, write_matrix, write_steps, write_tensor, write_values
from engine.export.units import format_bytes
from pages.ui.components.tensor_view import Selection
from pages.ui.state import session
from pages.ui.state.settings import Settings
from pages.ui.traces.trace_cache import trace_of
from pages.ui.views.tensor_panels import labels_of

LARGEST_DOWNLOAD = 200 * 2**20  # the browser gets it in one piece, out of the server's memory
_MARKED = "explorer.byte_order_mark"


def steps_button(steps: Sequence[Step], label: str, key: str) -> None:
    """A button for steps.csv of these steps of the trace on screen."""
    places = [step.index for step in steps]
    _button(label, "steps.csv", lambda trace, file: write_steps(_at(trace, places), file), key, disabled=not steps)


def values_button(steps: Sequence[Step], size: int, label: str, key: str) -> None:
    """A button for values.csv of these steps, off where its ``size`` is too large to hand out in one piece."""
    places, too_large = [step.index for step in steps], size > LARGEST_DOWNLOAD
    _button(label, "values.csv", lambda trace, file: write_values(_at(trace, places), file), key, disabled=too_large)


def tensor_buttons(step: Step, selection: Selection, key: str) -> None:
    """What takes one tensor along: every element, or the matrix of its last two axes where the person is looking."""
    name, index = step.full_name.replace(".", "_"), step.index
    with st.container(horizontal=True):
        size = estimated_bytes([step])
        _button(
            f"All {step.value.numel():,} values as CSV, about {format_bytes(size)}",
            f"{name}.csv",
            lambda trace, file: write_tensor(trace.steps[index], file),
            f"{key}.long",
            disabled=size > LARGEST_DOWNLOAD,
        )
        if step.value.dim() >= 1 and step.value.numel():
            place = _place(step, selection)
            words = ", ".join(f"{symbol or 'axis'} {at}" for symbol, at in zip(step.axes, place, strict=False))
            _button(
                f"{words or 'All'} as a matrix",
                "_".join([name, *map(str, place)]) + "_matrix.csv",
                lambda trace, file: _write_slice(trace, trace.steps[index], place, file),
                f"{key}.matrix",
            )
    mark_toggle(f"{key}.mark")


def mark_toggle(key: str) -> None:
    """A switch for all files that this person downloads from then on: whether they begin with a byte order mark."""
    widget, start = session.widget(key, st.session_state.get(_MARKED, False))
    st.toggle(
        "Byte order mark, for Excel",
        start,
        key=widget,
        help="Without one Excel takes 나는 for other letters. It is three bytes in front of the header: the table is "
        "the same, and pandas passes over them.",
        on_change=session.chosen(key, widget, _keep_mark),
    )


def _keep_mark(marked: bool) -> None:
    st.session_state[_MARKED] = marked


def _at(trace: Trace, places: Sequence[int]) -> list[Step]:
    return [trace.steps[place] for place in places]


def _place(step: Step, selection: Selection) -> tuple[int, ...]:
    """The indices of all axes but the last two: of the pinned cell, else as the choosers say, else 0."""
    leading = max(step.value.dim() - 2, 0)
    # The last panel is the step itself; a cell of an input has other indices.
    if selection.pinned is not None and selection.pinned[0] == len(step.inputs):
        return tuple(selection.pinned[1][:leading])
    chosen = {**selection.offset, **selection.choice}
    return tuple(min(chosen.get(symbol or "", 0), step.shape[i] - 1) for i, symbol in enumerate(step.axes[:leading]))


def _write_slice(trace: Trace, step: Step, place: tuple[int, ...], file: BinaryIO) -> None:
    matrix = step.value[place] if place else step.value
    sides = [_names(trace, step, place, axis) for axis in range(len(place), step.value.dim())]
    if matrix.dim() == 1:
        matrix, sides = matrix.unsqueeze(0), [(step.name,), *sides]
    write_matrix(matrix, sides[0], sides[1], file)


def _names(trace: Trace, step: Step, place: tuple[int, ...], axis: int) -> Sequence[str]:
    """What stands along one side of a slice: tokens where all of it is of one sentence, else the axis and an index."""
    labels: Any = labels_of(trace, step.axes)[axis]
    if labels is not None and not isinstance(labels[0], str):
        labels = labels[place[0]] if place else labels[0] if step.shape[0] == 1 else None
    return labels or [f"{step.axes[axis] or 'i'} {index}" for index in range(step.shape[axis])]


def _button(
    label: str, file_name: str, write: Callable[[Trace, BinaryIO], None], key: str, disabled: bool = False
) -> None:
    # A button on screen keeps its function. What it writes is looked up when it is pressed, for the tensors themselves
    # would stay until the next run has drawn the button again, and the next trace have to fit in beside them.
    st.download_button(
        label,
        partial(_made, session.settings_shown(), write, st.session_state.get(_MARKED, False)),
        file_name,
        mime="text/csv",
        key=key,
        on_click="ignore",
        disabled=disabled,
    )


def _made(settings: Settings, write: Callable[[Trace, BinaryIO], None], marked: bool = False) -> bytes:
    trace = trace_of(settings)
    content = csv_bytes(lambda file: write(trace, file))
    return codecs.BOM_UTF8 + content if marked else content
