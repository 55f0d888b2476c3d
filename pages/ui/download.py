"""Buttons that hand out CSV. The file is made when the button is pressed, not before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import BinaryIO

import streamlit as st

from engine import Step, Trace
from engine.export import csv_bytes, estimated_bytes, write_matrix, write_steps, write_tensor, write_values
from engine.units import in_words
from pages.ui.panels import labels_of
from pages.ui.tensor_view import Selection

LARGEST_DOWNLOAD = 200 * 2**20  # the browser gets it in one piece, out of the server's memory


def steps_button(steps: Sequence[Step], label: str, key: str) -> None:
    """A button for steps.csv of these steps."""
    _button(label, "steps.csv", lambda file: write_steps(steps, file), key, disabled=not steps)


def values_button(steps: Sequence[Step], label: str, key: str) -> None:
    """A button for values.csv of these steps, off where it would be too large to hand out in one piece."""
    too_large = estimated_bytes(steps) > LARGEST_DOWNLOAD
    _button(label, "values.csv", lambda file: write_values(steps, file), key, disabled=too_large)


def tensor_buttons(trace: Trace, step: Step, selection: Selection, key: str) -> None:
    """Buttons for one tensor: every element, and the matrix of its last two axes where the person is looking."""
    name = step.full_name.replace(".", "_")
    with st.container(horizontal=True):
        size = estimated_bytes([step])
        _button(
            f"All {step.value.numel():,} values as CSV, about {in_words(size)}",
            f"{name}.csv",
            lambda file: write_tensor(step, file),
            f"{key}.long",
            disabled=size > LARGEST_DOWNLOAD,
        )
        if step.value.dim() >= 1 and step.value.numel():
            place = _place(step, selection)
            words = ", ".join(f"{symbol or 'axis'} {at}" for symbol, at in zip(step.axes, place, strict=False))
            _button(
                f"{words or 'All'} as a matrix".strip().capitalize() if not words else f"{words} as a matrix",
                "_".join([name, *map(str, place)]) + "_matrix.csv",
                lambda file: _write_slice(trace, step, place, file),
                f"{key}.matrix",
            )


def _place(step: Step, selection: Selection) -> tuple[int, ...]:
    """The indices of all axes but the last two: of the pinned cell, else as the choosers say, else 0."""
    leading = max(step.value.dim() - 2, 0)
    if selection.pinned is not None and len(selection.pinned[1]) == step.value.dim():
        return tuple(selection.pinned[1][:leading])
    chosen = {**selection.offset, **selection.choice}
    return tuple(min(chosen.get(symbol or "", 0), step.shape[i] - 1) for i, symbol in enumerate(step.axes[:leading]))


def _write_slice(trace: Trace, step: Step, place: tuple[int, ...], file: BinaryIO) -> None:
    matrix = step.value[place] if place else step.value
    names = labels_of(trace, step.axes)
    sides = []
    for axis in range(len(place), step.value.dim()):
        labels = names[axis]
        if labels is None:
            symbol = step.axes[axis] or "i"
            labels = tuple(f"{symbol} {i}" for i in range(step.shape[axis]))
        elif not isinstance(labels[0], str):
            labels = labels[place[0] if place else 0]
        sides.append(labels)
    if matrix.dim() == 1:
        matrix, sides = matrix.unsqueeze(0), [(step.name,), *sides]
    write_matrix(matrix, sides[0], sides[1], file)


def _button(label: str, file_name: str, write: Callable[[BinaryIO], None], key: str, disabled: bool = False) -> None:
    st.download_button(
        label, partial(csv_bytes, write), file_name, mime="text/csv", key=key, on_click="ignore", disabled=disabled
    )
