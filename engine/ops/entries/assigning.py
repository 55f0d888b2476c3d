"""Writing into a part of a tensor."""

from __future__ import annotations

from engine.ops.access import AccessMap, AffineMap, ConstIndex, SameIndex
from engine.ops.call import Call
from engine.ops.conditions import Region
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.selecting import Selected, index_items
from engine.ops.formula import Cells
from engine.ops.registry import Reads, register
from engine.ops.terms import TermGroup


class SetItem(Selected):
    """``x[1:3] = y``: a part of a tensor is written, the rest stays."""

    names = ("setitem",)
    signature = "input other value"

    def reads(self, call: Call) -> Reads:
        shape = call.shape("input")
        items = index_items(call.value("other"), len(shape)) if "other" not in call.tensors else None
        if items is None or None in items:
            return None
        if any(isinstance(item, slice) and item.step not in (None, 1) for item in items):
            return None
        limits = [_limits(item, size) for item, size in zip(items, shape, strict=True)]
        reads: dict[str, AccessMap] = {
            "input": AffineMap(shape, tuple(map(SameIndex, range(len(shape)))), Region(tuple(limits), False))
        }
        if "value" in call.tensors:
            value = call.shape("value")
            sliced = [axis for axis, item in enumerate(items) if isinstance(item, slice)]
            along = sliced[len(sliced) - len(value) :]
            if len(value) > len(sliced):
                return None
            axes = [
                ConstIndex(0) if size == 1 else SameIndex(axis, -(limits[axis] or (0, 0))[0])
                for axis, size in zip(along, value, strict=True)
            ]
            reads["value"] = AffineMap(value, tuple(axes), Region(tuple(limits), True))
        return reads

    def formula(self, cells: Cells) -> str:
        if cells.index is not None:
            kept = cells.reads["input"].ranges(cells.index) is not None
            return cells.at("input" if kept else "value")
        inside = _region(cells.reads["input"]).written([cells.out(axis) for axis in range(len(cells.call.step.shape))])
        return f"{cells.at('value')} where {inside}, else {cells.at('input')}"

    def derive(self, at: ElementContext) -> Derivation:
        kept = at.is_read("input")
        x = at.operand("input" if kept else "value")
        result = x.raw.to(at.call.step.dtype)
        sentence = f"was written: {at.words('value')}"
        if kept:
            sentence = f"is {at.words('input')}, which this call left as it was"
        return Derivation((TermGroup("x", (x,), result),), result[0], sentence, magnitude=0.0)


def _limits(item: slice | int, size: int) -> tuple[int, int] | None:
    """The first index that a part of an index means, and the one after the last; None for all of them."""
    if isinstance(item, slice):
        start, stop, _ = item.indices(size)
        return None if (start, stop) == (0, size) else (start, max(start, stop))
    return item % size, item % size + 1


def _region(read: AccessMap) -> Region:
    """The part of the tensor that is written."""
    assert isinstance(read, AffineMap)
    assert isinstance(read.when, Region)
    return Region(read.when.limits, True)


register(SetItem())
