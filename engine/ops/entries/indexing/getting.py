"""Elements taken out of a tensor by index: ``x[...]`` in every form, gather and its like."""

from __future__ import annotations

from collections.abc import Sequence

from engine.ops.access import AccessMap, AffineMap, AxisAccess, ConstIndex, GatherMap, SameIndex
from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.accesses import axis_of
from engine.ops.entries.indexing.keys import key_items, picked
from engine.ops.entries.rearranging import moved
from engine.ops.entries.selecting import LookUp, Selected, rows_by_number
from engine.ops.formula import Cells
from engine.ops.index_access import ChosenIndex, IndexTable, NthTrue, broadcast_at, following, table_of
from engine.ops.notation import number
from engine.ops.registry import Reads, operation
from engine.ops.terms import TermGroup
from engine.wording import conjunction

_CHOSEN = "is {cell}; {chooser} chooses its index along {axis}"
_CHOSEN_BY_SEVERAL = "is {cell}; {choosers} choose it"
_GIVEN = "is {cell}; the call gives the indices along {axis}, and this is number {ordinal} of them"
_MASKED = "is {cell}, chosen by True number {ordinal} of {mask}"


class PickedByIndex(Selected):
    """One element of the input, at an index that another tensor holds."""

    def derive(self, at: ElementContext) -> Derivation:
        return chosen(at)


def chosen(at: ElementContext) -> Derivation:
    """How an element came about that was taken at an index looked up in other tensors."""
    read = at.reads["input"]
    accesses: Sequence[AxisAccess] = read.axes if isinstance(read, AffineMap) else ()
    looked_up = [axis for axis, access in enumerate(accesses) if isinstance(access, ChosenIndex)]
    masked = [access for access in accesses if isinstance(access, NthTrue)]
    if not looked_up and not masked:
        return moved(at, "input")
    x, cell = at.operand("input"), at.words("input")
    tensors = [name for name in at.call.tensors if name != "input" and at.is_read(name)]
    choosers = [f"{at.words(name)} = {number(at.operand(name).raw[0].item())}" for name in tensors]
    if masked:
        sentence = _MASKED.format(cell=cell, mask=masked[0].table.name, ordinal=at.index[masked[0].out] + 1)
    elif len(choosers) > 1:
        sentence = _CHOSEN_BY_SEVERAL.format(cell=cell, choosers=conjunction(choosers))
    else:
        axis = at.call.axes("input")[looked_up[0]] or f"axis {looked_up[0]}"
        sentence = _CHOSEN.format(cell=cell, chooser=choosers[0], axis=axis) if choosers else ""
        if not choosers:
            access = accesses[looked_up[0]]
            ordinals = [at.index[out] + 1 for out in getattr(access, "at", ()) if out is not None]
            sentence = _GIVEN.format(cell=cell, axis=axis, ordinal=", ".join(map(str, ordinals)) or "1")
    result = x.raw.to(at.call.step.dtype)
    operands = (x, *(at.operand(name) for name in tensors))
    return Derivation((TermGroup("look-up", operands, result),), result[0], sentence, magnitude=0.0)


@operation("getitem", "input *other")
class GetItem(LookUp):
    ids = "other0"

    def reads(self, call: Call) -> Reads:
        names = [name for name in call.args if name.startswith("other")]
        if names == ["other0"] == [name for name in call.tensors if name != "input"] and len(call.shape("other0")):
            rows = rows_by_number(call, "other0")
            if rows is not None:
                return rows
        items = key_items(call, names)
        if items is None or any(item.is_mask and item.value.is_meta for item in items):
            return None
        selected = picked(call, items)
        if selected.shape != call.step.shape:
            return None
        return {"input": AffineMap(call.shape("input"), selected.axes), **selected.tables}

    def derive(self, at: ElementContext) -> Derivation:
        return super().derive(at) if isinstance(at.reads["input"], GatherMap) else chosen(at)

    def formula(self, cells: Cells) -> str:
        return super().formula(cells) if isinstance(cells.reads["input"], GatherMap) else cells.at("input")


@operation("index_select", "input dim index")
class RowsByNumber(LookUp):
    """``index_select``: along the first axis as ``x[ids]``, along another as gather."""

    ids = "index"

    def reads(self, call: Call) -> Reads:
        shape = call.shape("input")
        dim = axis_of(call.value("dim"), len(shape))
        if dim == 0 and len(call.shape("index")) and shape:
            return rows_by_number(call, "index")
        if not shape:
            return None
        return _along(call, dim, (dim,) if call.shape("index") else (None,))

    def derive(self, at: ElementContext) -> Derivation:
        return super().derive(at) if isinstance(at.reads["input"], GatherMap) else chosen(at)

    def formula(self, cells: Cells) -> str:
        return super().formula(cells) if isinstance(cells.reads["input"], GatherMap) else cells.at("input")


def _along(call: Call, dim: int, at: tuple[int | None, ...]) -> Reads:
    """Along ``dim`` the index that the table ``index`` holds, along every other axis the output's own."""
    shape = call.shape("input")
    table = table_of(call, "index")
    axes = [ChosenIndex(table, at[: table.numbers.dim()]) if a == dim else SameIndex(a) for a in range(len(shape))]
    own = tuple(SameIndex(out) for out in at if out is not None)[: table.numbers.dim()]
    return {"input": AffineMap(shape, tuple(axes)), "index": AffineMap(call.shape("index"), own)}


@operation("gather", "input dim index *rest")
class Gather(PickedByIndex):
    def reads(self, call: Call) -> Reads:
        shape, rank = call.shape("input"), len(call.step.shape)
        if len(shape) != rank or not rank:
            return None
        return _along(call, axis_of(call.value("dim"), rank), tuple(range(rank)))


@operation("take_along_dim", "input index dim?")
class TakeAlongAxis(PickedByIndex):
    """``take_along_dim``: gather whose input and indices are broadcast; without a dim, among all numbers in a row."""

    def reads(self, call: Call) -> Reads:
        shape, index, rank = call.shape("input"), call.shape("index"), len(call.step.shape)
        if call.value("dim") is None:
            return taken(call)
        if len(shape) != rank or len(index) != rank:
            return None
        dim = axis_of(call.value("dim"), rank)
        access = ChosenIndex(table_of(call, "index"), broadcast_at(index, 0, rank))
        axes = [access if axis == dim else same for axis, same in enumerate(following(shape, 0, rank))]
        own: AccessMap = AffineMap(index, following(index, 0, rank))
        return {"input": AffineMap(shape, tuple(axes)), "index": own}


@operation("take", "input index")
class Take(PickedByIndex):
    def reads(self, call: Call) -> Reads:
        return taken(call)


def taken(call: Call) -> Reads:
    """The numbers of a tensor in row-major order, by their position; only of a tensor that has one axis already."""
    shape, index = call.shape("input"), call.shape("index")
    if len(shape) != 1:
        return None
    at = tuple(range(len(index)))
    own = AffineMap(index, tuple(map(SameIndex, at)))
    return {"input": AffineMap(shape, (ChosenIndex(table_of(call, "index"), at),)), "index": own}


@operation("masked_select", "input mask")
class MaskedSelect(PickedByIndex):
    def reads(self, call: Call) -> Reads:
        mask, shape = call.args["mask"].value.detach(), call.shape("input")
        wide = _wide(shape, tuple(mask.shape))
        if mask.is_meta:
            return None
        table = table_of(call, "mask")
        if wide != tuple(mask.shape):
            table = IndexTable(None, table.name, mask.expand(wide))
        true_indices = table.numbers.nonzero()

        def accesses(shape: tuple[int, ...]) -> tuple[AxisAccess, ...]:
            skipped = len(wide) - len(shape)
            return tuple(
                ConstIndex(0) if size == 1 else NthTrue(table, 0, skipped + axis, true_indices)
                for axis, size in enumerate(shape)
            )

        return {name: AffineMap(call.shape(name), accesses(call.shape(name))) for name in ("input", "mask")}


def _wide(*shapes: Sequence[int]) -> tuple[int, ...]:
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    return tuple(max(sizes) for sizes in zip(*padded, strict=True))
