"""How a view regroups axes: which cells it reads, and how an index on one side of it is written on the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.ops.access import AccessMap, Index, Ranges, Shape


def axis_groups(
    before: Sequence[int],
    after: Sequence[int],
    names: Sequence[str | None] = (),
    names_after: Sequence[str | None] = (),
) -> list[tuple[range, range]]:
    """Neighbouring axes before and after a view that hold the same numbers, as few as can be.

    Args:
        before, after: the sizes of the axes on either side; their products are equal.
        names, names_after: the axes' symbols, which say what belongs together where sizes of 1 leave that open.
    """
    groups: list[tuple[range, range]] = []
    i = j = 0
    while i < len(before) or j < len(after):
        wide, high = _named_factors(names, i, names_after, j)
        if math.prod(before[i : i + wide]) != math.prod(after[j : j + high]):
            wide, high = 1, 1
        if (tuple(before[i : i + 1]) == (1,)) != (tuple(after[j : j + 1]) == (1,)) and wide == high == 1:
            # An axis of size 1 that came or went.
            wide, high = (1, 0) if tuple(before[i : i + 1]) == (1,) else (0, 1)
        else:
            while (held := math.prod(before[i : i + wide])) != (needed := math.prod(after[j : j + high])):
                wide, high = (wide + 1, high) if held < needed else (wide, high + 1)
        groups.append((range(i, i + wide), range(j, j + high)))
        i, j = i + wide, j + high
    return groups


def _named_factors(names: Sequence[str | None], i: int, names_after: Sequence[str | None], j: int) -> tuple[int, int]:
    """How many axes on either side the names say belong together: H*d_k on one and H, d_k on the other."""
    parts = (names[i] or "").split("*") if i < len(names) else []
    parts_after = (names_after[j] or "").split("*") if j < len(names_after) else []
    if len(parts) > 1 and parts == list(names_after[j : j + len(parts)]):
        return 1, len(parts)
    if len(parts_after) > 1 and parts_after == list(names[i : i + len(parts_after)]):
        return len(parts_after), 1
    return 1, 1


def joined_index(letters: Sequence[str], axes: range, shape: tuple[int, ...]) -> str:
    """Several output indices as the one index of the axis they were cut from: 8h + d.

    Args:
        letters: the output's indices, by output axis.
        axes: those of them that were cut from one.
        shape: the output's sizes.
    """
    terms = []
    for axis in axes:
        stride = math.prod(shape[axis + 1 : axes.stop])
        if shape[axis] != 1 or len(axes) == 1:
            terms.append(letters[axis] if stride == 1 else f"{stride}{letters[axis]}")
    return " + ".join(terms) or "0"


def divided_index(position: str, sizes: tuple[int, ...]) -> list[str]:
    """A position as the several indices of the axes it was merged from: ⌊c / 8⌋ and c mod 8."""
    if len(sizes) == 1:
        return [position]
    position = f"({position})" if " + " in position else position
    indices = []
    outermost = True
    for axis, size in enumerate(sizes):
        stride = math.prod(sizes[axis + 1 :])
        if size == 1:
            indices.append("0")
            continue
        text = position if stride == 1 else f"⌊{position} / {stride}⌋"
        indices.append(text if outermost else f"{text} mod {size}")
        outermost = False
    return indices


@dataclass(frozen=True)
class FlatMap(AccessMap):
    """The same position in row-major order, in another shape."""

    shape: Shape
    out_shape: Shape

    def ranges(self, index: Index) -> Ranges | None:
        position = 0
        for size, at in zip(self.out_shape, index, strict=True):
            position = position * size + at
        cell = []
        for size in reversed(self.shape):
            position, at = divmod(position, size)
            cell.append(range(at, at + 1))
        return tuple(reversed(cell))

    def to_json(self) -> dict[str, Any]:
        return {"kind": "flat"}

    def written(self, letters: Sequence[str], out_shape: Shape, running: Sequence[str] = ()) -> list[str] | None:
        indices: list[str] = []
        for before, after in axis_groups(self.shape, self.out_shape):
            if not after:
                indices += ["0"] * len(before)
            elif before:
                position = joined_index(letters, after, self.out_shape)
                indices += divided_index(position, self.shape[before.start : before.stop])
        return indices

    def moves(self, out_shape: Shape) -> bool:
        return [size for size in self.shape if size != 1] != [size for size in out_shape if size != 1]
