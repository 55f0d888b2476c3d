"""Buttons that hand out CSV. The file is made when the button is pressed, not before."""

from __future__ import annotations

import codecs
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import streamlit as st

from engine import Step, Trace, save_trace
from engine.export.csv_tables import csv_bytes, estimated_bytes, write_matrix, write_steps, write_tensor, write_values
from engine.export.units import format_bytes
from engine.export.values_csv import has_numbers
from pages.ui.app.markdown_escape import code
from pages.ui.components.tensor_view import Selection
from pages.ui.state import session
from pages.ui.state.settings import Settings
from pages.ui.traces.trace_cache import trace_of
from pages.ui.views.tensor_panels import labels_of

LARGEST_DOWNLOAD = 200 * 2**20  # the browser gets it in one piece, out of the server's memory
_MARKED = "explorer.byte_order_mark"
_SHAPE_ALONE = "There are no numbers to download: {name} was computed on the meta device, which knows shapes alone."
_NO_GRID = "There are no numbers to download: {name} is sparse or quantized, and not a grid of numbers."


def steps_button(steps: Sequence[Step], label: str, key: str) -> None:
    """Draws a button for steps.csv.

    Args:
        steps: the rows, of the trace on screen.
        label: what stands on the button.
        key: the button's key on the page.
    """
    numbers = [step.index for step in steps]
    _button(label, "steps.csv", lambda trace, file: write_steps(_at(trace, numbers), file), key, disabled=not steps)


def values_button(steps: Sequence[Step], size: int, label: str, key: str) -> None:
    """Draws a button for values.csv.

    Args:
        steps: the steps whose values are written, of the trace on screen.
        size: about how many bytes that is; where they are too many to hand out in one piece, the button is off.
        label: what stands on the button.
        key: the button's key on the page.
    """
    numbers, too_large = [step.index for step in steps], size > LARGEST_DOWNLOAD
    _button(label, "values.csv", lambda trace, file: write_values(_at(trace, numbers), file), key, disabled=too_large)


def trace_button(trace: Trace, file_name: str, key: str) -> None:
    """Draws a button for the trace as one file, which ``open_trace`` and the app open again.

    Args:
        trace: the trace on screen.
        file_name: what the file is called.
        key: the button's key on the page.
    """
    st.download_button(
        "Download this trace",
        partial(_trace_file, session.settings_shown()),
        file_name,
        mime="application/octet-stream",
        key=key,
        on_click="ignore",
        disabled=trace.nbytes > LARGEST_DOWNLOAD,
    )


def _trace_file(settings: Settings) -> bytes:
    with tempfile.TemporaryDirectory(prefix="tensor-shape-explorer-", ignore_cleanup_errors=True) as folder:
        return save_trace(trace_of(settings), Path(folder) / "run.trace").read_bytes()


def tensor_buttons(step: Step, selection: Selection, key: str, within: tuple[int, ...] = ()) -> None:
    """Draws the buttons that download one tensor: every element, or the matrix of its last two axes that is on screen.

    Args:
        step: the step of the tensor.
        selection: which part of it is on screen.
        key: what the keys of the buttons begin with.
        within: the index of each fused call that the step lies inside of, outermost first.
    """
    if not has_numbers(step):
        template = _SHAPE_ALONE if step.value.is_meta else _NO_GRID
        st.caption(step.unreadable or template.format(name=code(step.name)))
        return
    name, index = step.full_name.replace(".", "_"), step.index
    with st.container(horizontal=True):
        size = estimated_bytes([step])
        _button(
            f"All {step.value.numel():,} values as CSV, about {format_bytes(size)}",
            f"{name}.csv",
            lambda trace, file: write_tensor(_inside(trace, within).steps[index], file),
            f"{key}.long",
            disabled=size > LARGEST_DOWNLOAD,
        )
        if step.value.dim() >= 1 and step.value.numel():
            leading = _leading(step, selection)
            axes = zip(step.axes, leading, strict=False)
            words = ", ".join(f"{symbol or 'axis'} {at}" for symbol, at in axes if symbol != "1")
            _button(
                f"{words or 'All'} as a matrix",
                "_".join([name, *map(str, leading)]) + "_matrix.csv",
                lambda trace, file: _write_slice(trace, _inside(trace, within).steps[index], leading, file),
                f"{key}.matrix",
            )
    mark_toggle(f"{key}.mark")


def mark_toggle(key: str) -> None:
    """Draws a switch: whether the files that this person downloads from then on begin with a byte order mark."""
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


def _at(trace: Trace, numbers: Sequence[int]) -> list[Step]:
    return [trace.steps[number] for number in numbers]


def _inside(trace: Trace, within: tuple[int, ...]) -> Trace:
    """What the last of these fused calls does inside; the trace itself where there is none."""
    for call in within:
        inside = trace.steps[call].inside
        assert inside is not None
        trace = inside
    return trace


def _leading(step: Step, selection: Selection) -> tuple[int, ...]:
    """The indices of all axes but the last two: of the pinned cell, else as the choosers say, else 0."""
    count = max(step.value.dim() - 2, 0)
    # The last panel is the step itself; a cell of an input has other indices.
    if selection.pinned is not None and selection.pinned[0] == len(step.inputs):
        return tuple(selection.pinned[1][:count])
    chosen = {**selection.offset, **selection.choice}
    return tuple(min(chosen.get(symbol or "", 0), step.shape[i] - 1) for i, symbol in enumerate(step.axes[:count]))


def _write_slice(trace: Trace, step: Step, leading: tuple[int, ...], file: BinaryIO) -> None:
    matrix = step.value[leading] if leading else step.value
    sides = [_names(trace, step, leading, axis) for axis in range(len(leading), step.value.dim())]
    if matrix.dim() == 1:
        matrix, sides = matrix.unsqueeze(0), [(step.name,), *sides]
    write_matrix(matrix, sides[0], sides[1], file)


def _names(trace: Trace, step: Step, leading: tuple[int, ...], axis: int) -> Sequence[str]:
    """What stands along one side of a slice: tokens where all of it is of one sentence, else the axis and an index."""
    labels: Any = labels_of(trace, step.axes)[axis]
    if labels is not None and not isinstance(labels[0], str):
        labels = labels[leading[0]] if leading else labels[0] if step.shape[0] == 1 else None
    return labels or [f"{step.axes[axis] or 'i'} {index}" for index in range(step.shape[axis])]


def _button(
    label: str, file_name: str, write: Callable[[Trace, BinaryIO], None], key: str, disabled: bool = False
) -> None:
    # A button on screen keeps its function until the next run draws it again. A function that held the tensors would
    # keep them in memory beside the next trace, so they are looked up when the button is pressed.
    st.download_button(
        label,
        partial(_file, session.settings_shown(), write, st.session_state.get(_MARKED, False)),
        file_name,
        mime="text/csv",
        key=key,
        on_click="ignore",
        disabled=disabled,
    )


def _file(settings: Settings, write: Callable[[Trace, BinaryIO], None], marked: bool = False) -> bytes:
    trace = trace_of(settings)
    content = csv_bytes(lambda file: write(trace, file))
    return codecs.BOM_UTF8 + content if marked else content
