"""What stands between the brackets of ``x[...]``, as the axes of the input it picks from and of the output it makes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.ops.access import AccessMap, AffineMap, AxisAccess, ConstIndex, SameIndex, Shape
from engine.ops.call import Call
from engine.ops.index_access import ChosenIndex, IndexTable, NthTrue, broadcast_at, following
from engine.ops.numerics import memory_shared


@dataclass(frozen=True)
class KeyItem:
    """One part of a key.

    Attributes:
        value: None, a slice, a whole number, or the numbers or truth values of an index.
        name: the parameter that it was given as; empty where it is no tensor of the call.
        label: what a sentence calls it.
    """

    value: Any
    name: str = ""
    label: str = ""

    @property
    def is_table(self) -> bool:
        """Whether it is a tensor of indices, or a mask."""
        return isinstance(self.value, Tensor)

    @property
    def is_mask(self) -> bool:
        """Whether it is a mask."""
        return isinstance(self.value, Tensor) and self.value.dtype == torch.bool

    @property
    def rank(self) -> int:
        """How many axes of the input it picks from."""
        if self.value is None:
            return 0
        return self.value.dim() if self.is_mask else 1

    def table(self, call: Call) -> IndexTable:
        """Its numbers, and which input of the call has them."""
        return IndexTable(call.tensors.index(self.name) if self.name else None, self.label, self.value.detach())


def key_items(call: Call, names: Sequence[str]) -> list[KeyItem] | None:
    """The parts of the key that was given as these parameters, with its ``...`` written out; None for another kind.

    Args:
        call: the call; its input has the axes that are picked from.
        names: the parameters of the key. A tuple without tensors is one of them, and one with tensors has them singly.
    """
    items: list[KeyItem] = []
    for name in names:
        operand = call.args[name]
        if operand.kind != "argument":
            # Memory of the input that was written under another name: it is listed like an index, and is none.
            # The input itself may be kept as a copy of what it was; a view that was taken of it is not.
            if any(memory_shared(operand.value, other) for other in (call.args["input"].value, call.step.value)):
                return None
            items.append(KeyItem(operand.value, name, operand.name))
        elif isinstance(operand.value, tuple) and len(names) == 1:
            items += [KeyItem(value) for value in operand.value]
        else:
            items.append(KeyItem(operand.value))
    known = [_known(item) for item in items]
    return None if None in known else _written_out([item for item in known if item is not None], call)


def _known(item: KeyItem) -> KeyItem | None:
    """The part as torch takes it: lists are tensors; None for what is not known here."""
    value = item.value
    if isinstance(value, Tensor):
        whole = not value.is_floating_point() and not value.is_complex() and value.dtype != torch.uint8
        return item if whole and not (value.dtype == torch.bool and value.dim() == 0) else None
    if value is None or value is Ellipsis or isinstance(value, slice) or type(value) is int:
        return item
    if isinstance(value, bool):
        return None
    try:
        return _known(KeyItem(torch.as_tensor(value), label=str(list(value))))
    except (TypeError, ValueError, RuntimeError):
        return None


def _written_out(items: list[KeyItem], call: Call) -> list[KeyItem] | None:
    missing = len(call.shape("input")) - sum(item.rank for item in items if item.value is not Ellipsis)
    position = next((at for at, item in enumerate(items) if item.value is Ellipsis), len(items))
    if missing < 0:
        return None
    return [*items[:position], *[KeyItem(slice(None))] * missing, *items[position + 1 :]]


@dataclass(frozen=True)
class Picked:
    """What a key picks.

    Attributes:
        shape: the shape of what is picked.
        axes: how each axis of the input is read for one picked element.
        tables: how the tensors of the key are read for it, by parameter.
    """

    shape: Shape
    axes: tuple[AxisAccess, ...]
    tables: dict[str, AccessMap]


def picked(call: Call, items: Sequence[KeyItem]) -> Picked:
    """The elements of the input that a key means.

    As in torch, whole numbers take their axis away first; the tensors of indices are broadcast together, and their
    axes stand where the first of them stood, or in front where something stands between them.
    """
    shape = call.shape("input")
    # A tensor without axes is a whole number.
    fancy = [at for at, item in enumerate(items) if item.is_table and item.value.dim()]
    lengths = [_index_shape(items[at]) for at in fancy]
    together = tuple(torch.broadcast_shapes(*lengths)) if fancy else ()
    order = [item.value is None or isinstance(item.value, slice) or at in fancy for at, item in enumerate(items)]
    standing = list(itertools.accumulate(order, initial=0))  # intermediate axes before each part
    between = [standing[at] for at in fancy]
    adjacent = between == list(range(between[0], between[0] + len(between))) if between else False
    first = between[0] if adjacent else 0

    out: list[int] = []
    axes: list[AxisAccess] = []
    tables: dict[str, AccessMap] = {}
    slices: list[tuple[int, int, int, int]] = []  # the input's axis, start, step, and its place among what is kept
    kept = 0
    for at, item in enumerate(items):
        size = shape[len(axes)] if item.rank else 0
        if item.value is None:
            out.append(1)
            kept += 1
        elif isinstance(item.value, slice):
            start, stop, step = item.value.indices(size)
            slices.append((len(axes), start, step, kept))
            axes.append(ConstIndex(0))
            out.append(len(range(start, stop, step)))
            kept += 1
        elif not item.is_table:
            axes.append(ConstIndex(item.value % size))
        elif at not in fancy:
            axes.append(ChosenIndex(item.table(call), ()))
            if item.name:
                tables[item.name] = AffineMap((), ())
        else:
            coordinates, own = _looked_up(call, item, first, together)
            axes += coordinates
            if item.name:
                tables[item.name] = AffineMap(tuple(item.value.shape), own)
    if fancy:
        front = first if adjacent else 0
        # The parts before the first index that keep an axis stand before those of the indices.
        out[front:front] = together
        slices = [(axis, start, step, at + (len(together) if at >= front else 0)) for axis, start, step, at in slices]
    for axis, start, step, at in slices:
        axes[axis] = SameIndex(at) if (start, step) == (0, 1) else SameIndex(at, start, step)
    return Picked(tuple(out), tuple(axes), tables)


def _index_shape(item: KeyItem) -> tuple[int, ...]:
    return (int(item.value.sum()),) if item.is_mask else tuple(item.value.shape)


def _looked_up(
    call: Call, item: KeyItem, first: int, together: Shape
) -> tuple[tuple[AxisAccess, ...], tuple[AxisAccess, ...]]:
    """How an index or a mask picks from the input's axes, and how it is read itself."""
    table, shape = item.table(call), tuple(item.value.shape)
    if not item.is_mask:
        at = broadcast_at(shape, first, len(together))
        return (ChosenIndex(table, at),), following(shape, first, len(together))
    true_indices = item.value.nonzero()
    if len(true_indices) == 1 and together[-1] != 1:
        fixed = tuple(ConstIndex(int(at)) for at in true_indices[0])
        return fixed, fixed
    out = first + len(together) - 1
    accesses = tuple(NthTrue(table, out, axis, true_indices) for axis in range(len(shape)))
    return accesses, accesses
