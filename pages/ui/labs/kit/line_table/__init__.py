"""A table of steps, one on each row, to choose from: code, shapes as chips in the colours of their axes, numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.ui.app.palette import axis_tone
from pages.ui.components.mount import component

_component = component(__file__, "line_table")


@dataclass(frozen=True)
class Code:
    """A piece of a program."""

    text: str


@dataclass(frozen=True)
class Shape:
    """A shape: the symbols of its axes, None where unknown, and their sizes."""

    axes: Sequence[str | None]
    sizes: Sequence[int]


Cell = Code | Shape | str


@dataclass(frozen=True)
class Row:
    """``kind`` is "", "bad" where it went wrong, "soft" for what counts less, "unknown" for what is not shown yet."""

    cells: Sequence[Cell]
    kind: str = ""


def line_table(
    head: Sequence[str], rows: Sequence[Row], *, chosen: int | None, key: str, on_choose: Callable[[int], None]
) -> None:
    """Draws the rows under their heads.

    The first column takes the width that the others leave; on a phone the others stand below it.

    Args:
        head: the name of each column.
        rows: the rows, each with a cell for every column.
        chosen: the index of the row to mark, None for no row.
        key: the component's key in Streamlit.
        on_choose: is called with the index of a row when it is pressed.
    """
    data = {
        "head": list(head),
        "rows": [{"cells": [_cell(cell) for cell in row.cells], "kind": row.kind} for row in rows],
        "chosen": chosen,
    }
    _component(key=key, data=data, on_go_change=lambda: on_choose(int(st.session_state[key]["go"])))


def _cell(cell: Cell) -> dict[str, Any]:
    if isinstance(cell, Code):
        return {"code": cell.text}
    if isinstance(cell, Shape):
        return {"shape": [_chip(symbol, size) for symbol, size in zip(cell.axes, cell.sizes, strict=True)]}
    return {"text": cell}


def _chip(symbol: str | None, size: int) -> list[str | int]:
    tone = axis_tone(symbol)
    return [symbol or "", size, tone.light, tone.dark]
