"""Indices that are looked up in another input, or searched for.

Their JSON forms, beside those of ``engine.ops.access``. An entry for one axis of an affine map:

``{"ids": p, "at": [j, null, ...]}``
    the number that input p holds at the output's indices along these axes, 0 for null; counted from the end where it is
    negative. Numbers given in the call stand in the place of p: ``{"shape": [...], "numbers": [...]}`` (gather)
``{"ids": p, "true": j, "axis": a}``
    the index along axis a of that True of input p whose number, counted in row-major order, is the output's index along
    its axis j (x[mask], nonzero)
``{"ids": p, "rank": [j, ...], "div": d, "mod": m}``
    ⌊r / d⌋ mod m, r being how many cells of input p are True before the one at the output's indices along these axes
    (masked_scatter)
``{"ids": p, "count": j}``
    how many numbers of input p are at most the output's index along its axis j (_grouped_mm)

A condition: ``{"ids": p, "at": [...], "is": true}``: only where input p is True there, or False with false.

``{"kind": "search", "space": [...], "axes": [...], "match": [{"ids": p, "at": [a, null, ...], "out": j}, ...],
"own": [a, null, ...], "last": true}``
    the cells of the input that were sent to the output element. What was sent has indices of its own, with sizes
    ``space``: along each axis the output's as its entry says, null where it is searched for the indices at which every
    table holds the output's index along j. The input's axes are those axes, or null where it has one entry. With "last"
    only the last such cell is read, the one that was written last (scatter). As a condition, ``{"missed": {...}}``:
    only output elements to which nothing was sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from engine.ops.access import AccessMap, AxisAccess, ConstIndex, Index, Ranges, SameIndex, Shape
from engine.ops.conditions import Condition


@dataclass(frozen=True)
class IndexTable:
    """Numbers that say which index is meant: an input of the call, by its number among them, or given in the call."""

    ids: int | None
    name: str
    numbers: Tensor = field(repr=False, compare=False)

    def to_json(self) -> Any:
        """The table in the JSON form: the number of the input that it is, or its numbers."""
        if self.ids is not None:
            return self.ids
        return {"shape": list(self.numbers.shape), "numbers": self.numbers.flatten().long().tolist()}


@dataclass(frozen=True)
class ChosenIndex(AxisAccess):
    """The number that a table holds at the output's indices along ``at``, 0 where that is None."""

    table: IndexTable
    at: tuple[int | None, ...]

    def indices(self, size: int, index: Index) -> range:
        position = int(self.table.numbers[tuple(0 if out is None else index[out] for out in self.at)])
        position += size if position < 0 else 0
        return range(position, position + 1)

    def written(self, size: int, letters: Sequence[str], out_shape: Shape) -> str | None:
        index = ",".join("0" if out is None else letters[out] for out in self.at)
        return f"{self.table.name}[{index}]" if index else self.table.name

    def to_json(self) -> dict[str, Any]:
        return {"ids": self.table.to_json(), "at": list(self.at)}


@dataclass(frozen=True)
class NthTrue(AxisAccess):
    """The index along ``axis`` of the mask's True number ``index[out]``; ``true_indices`` has a row for each.

    ``table`` is the mask.
    """

    table: IndexTable
    out: int
    axis: int
    true_indices: Tensor = field(repr=False, compare=False)

    def indices(self, size: int, index: Index) -> range:
        position = int(self.true_indices[index[self.out], self.axis])
        return range(position, position + 1)

    def written(self, size: int, letters: Sequence[str], out_shape: Shape) -> str | None:
        return f"True number {letters[self.out]} of {self.table.name}"

    def to_json(self) -> dict[str, Any]:
        return {"ids": self.table.to_json(), "true": self.out, "axis": self.axis}


@dataclass(frozen=True)
class RankAmongTrue(AxisAccess):
    """How many cells of the mask are True before the one at the output's indices along ``at``.

    With ``div`` and ``mod`` that number is a position in row-major order, and this its index along one axis.

    ``table`` is the mask.
    """

    table: IndexTable
    at: tuple[int, ...]
    div: int = 1
    mod: int | None = None

    def indices(self, size: int, index: Index) -> range:
        mask = self.table.numbers
        before = 0
        for number, axis in enumerate(self.at):
            lead = mask[tuple(index[out] for out in self.at[:number])]
            before += int(lead[: index[axis]].sum())
        before = before // self.div if self.mod is None else before // self.div % self.mod
        return range(before, before + 1)

    def written(self, size: int, letters: Sequence[str], out_shape: Shape) -> str | None:
        index = ",".join(letters[out] for out in self.at)
        return f"how many of {self.table.name} are True before [{index}]"

    def to_json(self) -> dict[str, Any]:
        form = {"ids": self.table.to_json(), "rank": list(self.at), "div": self.div}
        return form if self.mod is None else {**form, "mod": self.mod}


@dataclass(frozen=True)
class CountUpTo(AxisAccess):
    """How many numbers of the table are at most the output's index along ``out``."""

    table: IndexTable
    out: int

    def indices(self, size: int, index: Index) -> range:
        position = int((self.table.numbers <= index[self.out]).sum())
        return range(position, position + 1)

    def written(self, size: int, letters: Sequence[str], out_shape: Shape) -> str | None:
        return f"g({letters[self.out]})"

    def to_json(self) -> dict[str, Any]:
        return {"ids": self.table.to_json(), "count": self.out}


@dataclass(frozen=True)
class MaskIs(Condition):
    """Elements for which a mask is True, or False, at their indices along ``at``."""

    table: IndexTable
    at: tuple[int | None, ...]
    expected: bool

    def holds(self, index: Index) -> bool:
        return bool(self.table.numbers[tuple(0 if out is None else index[out] for out in self.at)]) is self.expected

    def written(self, letters: Sequence[str]) -> str:
        index = ",".join("0" if out is None else letters[out] for out in self.at)
        return f"{self.table.name}[{index}] is {self.expected}"

    def to_json(self) -> dict[str, Any]:
        return {"ids": self.table.to_json(), "at": list(self.at), "is": self.expected}


@dataclass(frozen=True)
class Match:
    """A table that is looked up along the axes ``at`` of the searched space, and the output axis its number means."""

    table: IndexTable
    at: tuple[int | None, ...]
    out: int

    def to_json(self) -> dict[str, Any]:
        """The match in the JSON form."""
        return {"ids": self.table.to_json(), "at": list(self.at), "out": self.out}


@dataclass(frozen=True)
class SearchMap(AccessMap):
    """The cells of an input that were sent to this output element.

    What was written where is a space of its own, an index for every cell that was sent: that of scatter's index, or of
    what ``x[rows, columns]`` picks.

    Attributes:
        shape: the input's.
        out_shape: the output's.
        space: the shape of that space.
        axes: for each of its axes the output's index that it has, None where it is searched.
        matches: what must hold of an index of the space.
        own: for each axis of the input the axis of the space that it is, None where the input has one entry.
        last: whether only the last such cell is read: the others were overwritten.
    """

    shape: Shape
    out_shape: Shape
    space: Shape
    axes: tuple[AxisAccess | None, ...]
    matches: tuple[Match, ...]
    own: tuple[int | None, ...]
    last: bool = True

    def sent(self, index: Index) -> list[Index]:
        """The indices of the space that were sent to this output element, in row-major order."""
        fixed = [
            None if access is None else access.indices(size, index).start
            for access, size in zip(self.axes, self.space, strict=True)
        ]
        if any(at is not None and not 0 <= at < size for at, size in zip(fixed, self.space, strict=True)):
            return []
        searched = [axis for axis, at in enumerate(fixed) if at is None]
        hits = torch.ones([self.space[axis] for axis in searched], dtype=torch.bool)
        for match in self.matches:
            key = tuple(0 if axis is None else slice(None) if axis in searched else fixed[axis] for axis in match.at)
            numbers = match.table.numbers[key].cpu()
            sizes = dict(zip([axis for axis in match.at if axis in searched], numbers.shape, strict=True))
            numbers = numbers.reshape([sizes.get(axis, 1) for axis in searched])
            numbers = torch.where(numbers < 0, numbers + self.out_shape[match.out], numbers)
            hits &= numbers == index[match.out]
        chosen = [dict(zip(searched, hit, strict=True)) for hit in hits.nonzero().tolist()]
        return [tuple(hit[axis] if at is None else at for axis, at in enumerate(fixed)) for hit in chosen]

    def cells(self, index: Index) -> tuple[Index, ...]:
        sent = self.sent(index)
        return tuple(
            tuple(0 if axis is None else hit[axis] for axis in self.own) for hit in sent[-1 if self.last else 0 :]
        )

    def ranges(self, index: Index) -> Ranges | None:
        """The last of the cells."""
        cells = self.cells(index)
        return tuple(range(at, at + 1) for at in cells[-1]) if cells else None

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "search",
            "space": list(self.space),
            "axes": [None if access is None else access.to_json() for access in self.axes],
            "match": [match.to_json() for match in self.matches],
            "own": list(self.own),
            "last": self.last,
        }

    @property
    def follows(self) -> Mapping[int, int]:
        along = {axis: access.follows for axis, access in enumerate(self.axes) if access is not None}
        own = {axis: along.get(of) for axis, of in enumerate(self.own) if of is not None}
        return {axis: out for axis, out in own.items() if out is not None}


@dataclass(frozen=True)
class Missed(Condition):
    """Elements to which no cell goes."""

    search: SearchMap

    def holds(self, index: Index) -> bool:
        return not self.search.sent(index)

    def written(self, letters: Sequence[str]) -> str:
        return "nothing is written there"

    def to_json(self) -> dict[str, Any]:
        return {"missed": self.search.to_json()}


def table_of(call: Any, name: str) -> IndexTable:
    """The tensor given as this parameter, as a table of indices."""
    operand = call.args[name]
    return IndexTable(call.tensors.index(name), operand.name, operand.value.detach())


def broadcast_at(shape: Shape, first: int, rank: int) -> tuple[int | None, ...]:
    """The output axes along which a table is looked up that broadcasts to ``rank`` axes from axis ``first`` on.

    Args:
        shape: of the table.
        first: the axis of the output where the broadcast axes begin.
        rank: how many they are.

    Returns:
        An axis of the output for each of the table's; None where the table has size 1 and is repeated.
    """
    skipped = rank - len(shape)
    return tuple(None if size == 1 else first + skipped + axis for axis, size in enumerate(shape))


def following(shape: Shape, first: int, rank: int) -> tuple[AxisAccess, ...]:
    """The same broadcasting as accesses of the table's own axes.

    Args:
        shape: of the table.
        first: the axis of the output where the broadcast axes begin.
        rank: how many they are.

    Returns:
        An access for each axis of the table.
    """
    return tuple(ConstIndex(0) if out is None else SameIndex(out) for out in broadcast_at(shape, first, rank))
