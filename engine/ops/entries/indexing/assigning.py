"""Writing into a part of a tensor: ``x[...] = y`` in every form, where a mask is True, and a whole copy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from engine.ops.access import AccessMap, AffineMap, AllIndices, AxisAccess, ConstIndex, SameIndex, Shape
from engine.ops.call import Call
from engine.ops.conditions import Region
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.accesses import like_output, same_index
from engine.ops.entries.indexing.keys import KeyItem, Picked, key_items, picked
from engine.ops.entries.rearranging import moved
from engine.ops.entries.selecting import Selected
from engine.ops.formula import Cells
from engine.ops.index_access import (
    ChosenIndex,
    IndexTable,
    MaskIs,
    Match,
    Missed,
    NthTrue,
    RankAmongTrue,
    SearchMap,
    broadcast_at,
    table_of,
)
from engine.ops.registry import Movement, Reads, operation
from engine.ops.terms import TermGroup

_KEPT = "is {cell}, which this call left as it was"
_WRITTEN = "was written: {cell}"


class WrittenParts(Selected):
    """A part of a tensor is written, the rest stays."""

    def value_name(self, call: Call) -> str:
        """The parameter that holds what is written."""
        return "value"

    def formula(self, cells: Cells) -> str:
        value = self.value_name(cells.call)
        if cells.index is not None:
            return cells.at("input" if cells.reads["input"].ranges(cells.index) is not None else value)
        letters = [cells.out(axis) for axis in range(len(cells.call.step.shape))]
        return f"{cells.at(value)} where {_where_written(cells.reads['input'], letters)}, else {cells.at('input')}"

    def derive(self, at: ElementContext) -> Derivation:
        kept = at.is_read("input")
        name = "input" if kept else self.value_name(at.call)
        x = at.operand(name)
        result = x.raw.to(at.call.step.dtype)
        sentence = (_KEPT if kept else _WRITTEN).format(cell=at.words(name))
        return Derivation((TermGroup("x", (x,), result),), result[0], sentence, magnitude=0.0)


def _where_written(read: AccessMap, letters: Sequence[str]) -> str:
    """Which elements are written, in a formula."""
    when = read.when if isinstance(read, AffineMap) else None
    if isinstance(when, Region):
        return Region(when.limits, True).written(letters)
    if isinstance(when, MaskIs):
        return MaskIs(when.table, when.at, True).written(letters)
    return "the index says so"


@operation("setitem", "input *other")
class SetItem(WrittenParts):
    """``x[key] = y``."""

    def value_name(self, call: Call) -> str:
        return [name for name in call.args if name.startswith("other")][-1]

    def reads(self, call: Call) -> Reads:
        *names, value = [name for name in call.args if name.startswith("other")]
        items = key_items(call, names) if names and is_number_or_tensor(call, value) else None
        if items is None:
            return None
        return written_reads(call, items, value)


def is_number_or_tensor(call: Call, name: str) -> bool:
    """Whether what was given can stand for numbers: a tensor or one number, and no list."""
    return name in call.tensors or isinstance(call.value(name), (bool, int, float))


def written_reads(call: Call, items: Sequence[KeyItem], value: str) -> Reads:
    """What an element reads where the elements that a key means are written; None for what is not known."""
    if any(item.is_mask for item in items):
        masked = _masked_reads(call, items, value)
        if masked is not None:
            return masked
    elif all(item.value is None or type(item.value) is int or _is_plain_slice(item.value) for item in items):
        return _region_reads(call, items, value)
    selected = picked(call, items)
    search = sent_by(call, selected, call.shape(value) if value in call.tensors else ())
    reads: dict[str, AccessMap] = {"input": like_output(search.out_shape, when=Missed(search))}
    for name in selected.tables:
        reads[name] = AffineMap(call.shape(name), (AllIndices(),) * len(call.shape(name)))
    if value in call.tensors:
        reads[value] = search
    return reads


def _is_plain_slice(value: Any) -> bool:
    return isinstance(value, slice) and value.step in (None, 1)


def sent_by(call: Call, selected: Picked, value: Shape, *, last: bool = True) -> SearchMap:
    """Which of the numbers written by a key went to an element."""
    out_shape, space = call.shape("input"), selected.shape
    axes: list[AxisAccess | None] = [None] * len(space)
    matches = []
    for axis, access in enumerate(selected.axes):
        if isinstance(access, SameIndex) and access.start is None:
            axes[access.out] = SameIndex(axis, 0, 1)
        elif isinstance(access, SameIndex):
            numbers = torch.arange(space[access.out]) * access.step + (access.start or 0)
            matches.append(Match(IndexTable(None, "", numbers), (access.out,), axis))
        elif isinstance(access, ChosenIndex):
            matches.append(Match(access.table, access.at, axis))
        elif isinstance(access, NthTrue):
            matches.append(Match(IndexTable(None, "", access.true_indices[:, access.axis]), (access.out,), axis))
        elif isinstance(access, ConstIndex):
            matches.append(Match(IndexTable(None, "", torch.tensor(access.at)), (), axis))
    own = broadcast_at(value, 0, len(space))
    return SearchMap(value, out_shape, space, tuple(axes), tuple(matches), own, last)


def _region_reads(call: Call, items: Sequence[KeyItem], value: str) -> Reads:
    shape = call.shape("input")
    axis_items = [item for item in items if item.value is not None]
    limits = [_limits(item.value, size) for item, size in zip(axis_items, shape, strict=True)]
    reads: dict[str, AccessMap] = {"input": like_output(shape, when=Region(tuple(limits), False))}
    if value in call.tensors:
        sizes = call.shape(value)
        numbered = iter(range(len(shape)))
        numbered_axes = [None if item.value is None else next(numbered) for item in items]
        # By axis of what is written: the axis of the input that it is, None for a new one.
        sliced = [axis for axis, item in zip(numbered_axes, items, strict=True) if type(item.value) is not int]
        # Axes of size 1 in front of those that are written are let go of.
        extra = max(0, len(sizes) - len(sliced))
        along = sliced[len(sliced) - len(sizes) + extra :]
        axes: list[AxisAccess] = [ConstIndex(0)] * extra
        axes += [
            ConstIndex(0) if size == 1 or axis is None else SameIndex(axis, -(limits[axis] or (0, 0))[0])
            for axis, size in zip(along, sizes[extra:], strict=True)
        ]
        reads[value] = AffineMap(sizes, tuple(axes), Region(tuple(limits), True))
    return reads


def _masked_reads(call: Call, items: Sequence[KeyItem], value: str) -> Reads:
    """``x[mask] = y``, where the mask stands for the first axes of x and all others are written whole."""
    first, *others = items
    if not first.is_mask or any(item.value != slice(None) for item in others):
        return None
    shape, at = call.shape("input"), tuple(range(first.value.dim()))
    table = first.table(call)
    reads: dict[str, AccessMap] = {"input": like_output(shape, when=MaskIs(table, at, False))}
    if first.name:
        reads[first.name] = AffineMap(shape[: len(at)], tuple(map(SameIndex, at)))
    if value in call.tensors:
        sizes = call.shape(value)
        rank = len(sizes) - len(others)
        axes: list[AxisAccess] = [ConstIndex(0)] * max(0, rank)
        if rank > 0 and sizes[rank - 1] != 1:
            axes[-1] = RankAmongTrue(table, at)
        for axis, size in enumerate(sizes[max(0, rank) :], start=len(shape) - len(sizes) + max(0, rank)):
            axes.append(ConstIndex(0) if size == 1 else SameIndex(axis))
        reads[value] = AffineMap(sizes, tuple(axes), MaskIs(table, at, True))
    return reads


def _limits(item: Any, size: int) -> tuple[int, int] | None:
    """The first index that a part of an index means, and the one after the last; None for all of them."""
    if isinstance(item, slice):
        start, stop, _ = item.indices(size)
        return None if (start, stop) == (0, size) else (start, max(start, stop))
    return item % size, item % size + 1


@operation("masked_scatter", "input mask value")
class MaskedScatter(WrittenParts):
    """The numbers of another tensor, one after the other, where a mask is True."""

    def reads(self, call: Call) -> Reads:
        out, shape, mask, value = call.step.shape, call.shape("input"), call.shape("mask"), call.shape("value")
        if shape != out:
            return None
        table, at = table_of(call, "mask"), broadcast_at(mask, 0, len(out))
        wide = table if mask == out else IndexTable(None, table.name, table.numbers.expand(out))
        every = tuple(range(len(out)))
        # The other tensor's numbers are taken in row-major order, whatever its axes.
        ranks = tuple(RankAmongTrue(wide, every, math.prod(value[axis + 1 :]), size) for axis, size in enumerate(value))
        own = tuple(SameIndex(len(out) - len(mask) + axis) for axis in range(len(mask)))
        return {
            "input": like_output(shape, when=MaskIs(table, at, False)),
            "mask": AffineMap(mask, own),
            "value": AffineMap(value, ranks, MaskIs(table, at, True)),
        }


@operation("copy_", "input value *rest")
class CopyInto(Selected):
    """``x.copy_(y)``: every element is the other tensor's, broadcast."""

    movement = Movement.COPIES

    def reads(self, call: Call) -> Reads:
        reads = same_index(call)
        return None if reads is None else {"value": reads["value"]}

    def formula(self, cells: Cells) -> str:
        return cells.at("value")

    def derive(self, at: ElementContext) -> Derivation:
        return moved(at, "value")
