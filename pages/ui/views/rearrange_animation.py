"""How a step that only moves its numbers is animated: each cell can be followed from its input to its output."""

from __future__ import annotations

from collections.abc import Sequence

from engine import Step
from engine.ops import reads
from pages.ui.components.tensor_view import Travel

_LENGTHS = frozenset(("S", "T", "L", "L_k"))


def travel_of(step: Step) -> Travel | None:
    """How the cells of a step are coloured on their way.

    The colours are those of a token and a feature, so they stay the same through view, permute and transpose.

    Returns:
        The axes that give a cell its colour; None for a step that does anything but move its cells.
    """
    if len(step.inputs) != 1 or step.value.numel() < 2 or not _moves(step):
        return None
    parent = step.inputs[0]
    axes = parent.axes or (None,) * parent.value.dim()
    token = _token(axes)
    features = [axis for axis, symbol in enumerate(axes) if axis != token and symbol != "B"]
    # Heads come first wherever they stand, as they do in the row that they were cut from.
    features.sort(key=lambda axis: axes[axis] != "H")
    return Travel(token, tuple(features))


def _moves(step: Step) -> bool:
    """Whether every number of the input is in the output once, and not all of them at the same position."""
    maps = reads(step)
    return maps is not None and step.inputs[0].value.numel() == step.value.numel() and maps[0].moves(step.shape)


def _token(axes: Sequence[str | None]) -> int | None:
    """The first axis of tokens, else the rows."""
    lengths = [axis for axis, symbol in enumerate(axes) if _LENGTHS & set((symbol or "").split("*"))]
    return lengths[0] if lengths else len(axes) - 2 if len(axes) > 1 else None
