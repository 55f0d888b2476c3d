"""How a step that only moves its numbers is animated: each cell can be followed from its input to its output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from engine import Step
from engine.ops import reads
from pages.ui.components.tensor_view import AxisDigit, Slabs, SlabSide, Travel

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
    return Travel(token, tuple(features), slabs=_slabs(axes, tuple(parent.value.shape), step))


def _slabs(axes: Sequence[str | None], shape: Sequence[int], step: Step) -> Slabs | None:
    """The heads as slabs and the tokens along them, or what else both sides name; None where they name too little."""
    sides = ((axes, shape), (step.axes, step.shape))
    sizes = {name: size for names, side in sides for name, size in zip(names, side, strict=True) if name}
    named = [{factor for name in names if name for factor in name.split("*")} - {"1"} for names, _ in sides]
    common = [name for name in _factors(step.axes) if name in named[0] and name in sizes]
    token = next((name for name in common if name in _LENGTHS), None)
    others = [name for name in common if name not in _LENGTHS and name != "B"]
    symbol = "H" if "H" in others else next(iter(others), None)
    if token is None or symbol is None:
        return None
    placed = [SlabSide(_digit(*side, symbol, sizes), _digit(*side, token, sizes)) for side in sides]
    return Slabs(symbol, token, (placed[0], placed[1]))


def _factors(axes: Sequence[str | None]) -> list[str]:
    return [factor for name in axes if name for factor in name.split("*")]


def _digit(axes: Sequence[str | None], shape: Sequence[int], symbol: str, sizes: Mapping[str, int]) -> AxisDigit:
    """Where an axis is in a tensor, alone or as a factor; the factors after it say how far apart its positions lie."""
    axis = next(axis for axis, name in enumerate(axes) if name and symbol in name.split("*"))
    factors = (axes[axis] or "").split("*")
    known = [sizes.get(factor) for factor in factors]
    after = [size for size in known[factors.index(symbol) + 1 :] if size is not None]
    before = [size for size in known[: factors.index(symbol)] if size is not None]
    # A factor that stands nowhere alone is what is left of the axis.
    complete = len(after) == len(factors) - factors.index(symbol) - 1
    distance = prod(after) if complete else shape[axis] // (sizes[symbol] * prod(before))
    return AxisDigit(axis, distance, sizes[symbol])


def _moves(step: Step) -> bool:
    """Whether every number of the input is in the output once, and not all of them at the same position."""
    maps = reads(step)
    return maps is not None and step.inputs[0].value.numel() == step.value.numel() and maps[0].moves(step.shape)


def _token(axes: Sequence[str | None]) -> int | None:
    """The first axis of tokens, else the rows."""
    lengths = [axis for axis, symbol in enumerate(axes) if _LENGTHS & set((symbol or "").split("*"))]
    return lengths[0] if lengths else len(axes) - 2 if len(axes) > 1 else None
