"""The pinned cell, the windows shown and the trail of cells, as texts of the address.

pin=0.1.2.3     that cell of the step's output; i1.2.3 is cell (2, 3) of its input 1, and x the cell of a number
at=H-3_S.2-16   what the choosers show: from 3 on along H, from 16 on along the second S
trail=258-0.3.5_257-i1.0    the cells the arithmetic was followed through, each with its step's number; 12~7-0.1 is a
                            cell of step 7 inside the fused call of step 12
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from engine import Step, Trace
from engine.ops.access import Index
from pages.ui.components.tensor_view.player_types import Cell
from pages.ui.state.url_step import location_at

_CELL = re.compile(r"(?:i(\d{1,3})\.)?(x|\d{1,9}(?:\.\d{1,9})*)", re.ASCII)
# An axis such as d_k has the separator in its name. Without a bound a link of many characters takes minutes to read.
_START = re.compile(r"([^-]{1,40})-(\d{1,9})(?:_|$)", re.ASCII)
_STEP = re.compile(r"\d{1,9}(?:~\d{1,9}){0,8}", re.ASCII)
_LONGEST = 200  # cells of a trail: more than there are layers of arithmetic between a logit and a token


def cell_text(index: Index, panel: int | None = None) -> str:
    """The text of a cell of a step.

    Args:
        index: an entry for each axis; () for the cell of a single number.
        panel: the input it is of, counted from 0; None for the output.
    """
    return ("" if panel is None else f"i{panel}.") + (".".join(map(str, index)) or "x")


def cell_at(trace: Trace, number: int, text: str, within: Sequence[int] = ()) -> Cell | None:
    """The cell that a text names.

    Args:
        trace: where the cell must exist.
        number: the index of a step, which need not exist.
        text: as ``cell_text`` writes it, or anything else.
        within: the indices of the fused calls that the step lies inside of.

    Returns:
        The cell; None where the trace has no such cell.
    """
    match = _CELL.fullmatch(text)
    if match is None or location_at(trace, within, number) is None:
        return None
    panel, entries = match.groups()
    index = () if entries == "x" else tuple(map(int, entries.split(".")))
    cell = Cell(number, index, None if panel is None else int(panel), tuple(within))
    return cell if exists(trace, cell) else None


def exists(trace: Trace, cell: Cell) -> bool:
    """Whether a trace has this cell."""
    location = location_at(trace, cell.within, cell.step)
    if location is None:
        return False
    step = location.step
    if cell.panel is not None and not 0 <= cell.panel < len(step.inputs):
        return False
    shape = (step if cell.panel is None else step.inputs[cell.panel]).value.shape
    return len(cell.index) == len(shape) and all(0 <= i < size for i, size in zip(cell.index, shape, strict=True))


def pin_text(step: Step, pinned: tuple[int, Index] | None) -> str | None:
    """The text of what is pinned on a stage.

    Args:
        step: the step on the stage.
        pinned: the number of the panel, of which the last is the output, and the index; None where nothing is.
    """
    if pinned is None:
        return None
    panel, index = pinned
    return cell_text(index, panel if panel < len(step.inputs) else None)


def pin_at(trace: Trace, step: Step, text: str) -> tuple[int, Index] | None:
    """What a text pins on the stage of a step, by panel and index; None where it has no such cell.

    Args:
        trace: the trace on screen.
        step: the step on screen.
        text: as it stands in the address.

    Returns:
        The number of the panel, and an index for each of its axes.
    """
    cell = cell_at(trace, step.index, text)
    if cell is None:
        return None
    return len(step.inputs) if cell.panel is None else cell.panel, cell.index


def trail_text(cells: Sequence[Cell]) -> str | None:
    """The text of a trail, the last cells of a very long one; None for an empty trail."""
    return "_".join(f"{_number(cell)}-{cell_text(cell.index, cell.panel)}" for cell in cells[-_LONGEST:]) or None


def _number(cell: Cell) -> str:
    return "~".join(map(str, (*cell.within, cell.step)))


def trail_at(trace: Trace, text: str) -> tuple[Cell, ...]:
    """The cells of a trail.

    Args:
        trace: where the cells must exist.
        text: as ``trail_text`` writes it, or anything else.

    Returns:
        The cells up to the first that does not exist: from there on the way is unknown.
    """
    cells: list[Cell] = []
    for part in filter(None, text.split("_")[:_LONGEST]):
        number, _, name = part.partition("-")
        *within, step = map(int, number.split("~")) if _STEP.fullmatch(number) else (-1,)
        cell = cell_at(trace, step, name, within)
        if cell is None:
            break
        cells.append(cell)
    return tuple(cells)


def view_text(starts: Mapping[str, int]) -> str | None:
    """The text of where the windows of a stage begin, by axis; one that begins at 0 is left out."""
    return "_".join(f"{key}-{start}" for key, start in sorted(starts.items()) if start) or None


def is_view(text: str) -> bool:
    """Whether a text names nothing but axes, each with where its window begins."""
    return sum(len(match[0]) for match in _START.finditer(text)) == len(text)


def view_at(text: str) -> dict[str, int]:
    """Where the windows begin, by axis, as a text says it."""
    return {match[1]: int(match[2]) for match in _START.finditer(text)}
