"""Numbers sent to positions that an index names: scatter, index_add, index_put and their like."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.ops.access import AccessMap, AffineMap, AllIndices, AxisAccess, SameIndex
from engine.ops.call import Call
from engine.ops.conditions import Region
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.accesses import axis_of, like_output
from engine.ops.entries.indexing.assigning import WrittenParts, is_number_or_tensor, sent_by, written_reads
from engine.ops.entries.indexing.keys import KeyItem, key_items, picked
from engine.ops.formula import Cells
from engine.ops.index_access import Match, Missed, SearchMap, table_of
from engine.ops.printed import Printed, constant, fill, long_sum, sum_of
from engine.ops.registry import Operation, Reads, operation, register
from engine.ops.terms import OperandValues, TermGroup
from engine.wording import conjunction

_SHOWN_CELLS = 3
_NOTHING_SENT = "is {cell}; nothing is sent here by {index}"
_SENT = "is {what} {cells}, sent here by {index}"
_SENT_AND_OWN = "is {what} {own} and what is sent here by {index}, {cells}"
_MORE_CELLS = "{cells} and {count} more"


def _search(call: Call, space: tuple[int, ...], along: int, at: tuple[int | None, ...], *, last: bool) -> SearchMap:
    """What was sent along one axis, every other axis being the output's own."""
    axes: tuple[AxisAccess | None, ...] = tuple(
        None if axis == along else SameIndex(axis, 0, 1) for axis in range(len(space))
    )
    value = call.shape("value") if "value" in call.tensors else ()
    own = tuple(range(len(value))) if value else ()
    matches = (Match(table_of(call, "index"), at, along),)
    return SearchMap(value, call.step.shape, space, axes, matches, own, last)


def _index_reads(call: Call, search: SearchMap, along: int, at: tuple[int | None, ...]) -> AccessMap:
    """The indices that could send something to an element."""
    sizes = call.shape("index")
    axes = tuple(AllIndices() if axis == along else SameIndex(axis or 0, 0, 1) for axis in at)
    limits = tuple(
        (0, size) if axis != along and axis in at and size != out else None
        for axis, (size, out) in enumerate(zip(search.space, search.out_shape, strict=True))
    )
    return AffineMap(sizes, axes, Region(limits, True) if any(limits) else None)


class SentAlong(Operation):
    """One axis is indexed by a table, and numbers are sent there."""

    signature = "input dim index value? *rest"

    def addressing(self, call: Call) -> tuple[tuple[int, ...], int, tuple[int | None, ...]] | None:
        """The sizes of what is sent, the axis that is indexed, and the axes along which the table is looked up."""
        rank = len(call.step.shape)
        index = call.shape("index")
        if not rank or len(index) != rank:
            return None
        return index, axis_of(call.value("dim"), rank), tuple(range(rank))

    def last(self, call: Call) -> bool:
        """Whether what is sent replaces what was there."""
        return True

    def reads(self, call: Call) -> Reads:
        addressing = self.addressing(call)
        if addressing is None or not is_number_or_tensor(call, "value"):
            return None
        space, along, at = addressing
        search = _search(call, space, along, at, last=self.last(call))
        shape = call.shape("input")
        own = like_output(shape, when=Missed(search) if self.hides_input(call) else None)
        reads: dict[str, AccessMap] = {"input": own, "index": _index_reads(call, search, along, at)}
        if "value" in call.tensors:
            reads["value"] = search
        return reads

    def hides_input(self, call: Call) -> bool:
        """Whether an element to which something is sent no longer depends on what was there."""
        return True


class Scatter(SentAlong, WrittenParts):
    """``scatter``: what is sent replaces what was there, the last of several."""

    names: tuple[str, ...] = ("scatter",)

    def reads(self, call: Call) -> Reads:
        return None if call.value("reduce", call.value("rest0")) is not None else super().reads(call)


class OneAxis(SentAlong):
    """The index has one axis, or none: it names rows of the output's axis ``dim``."""

    def addressing(self, call: Call) -> tuple[tuple[int, ...], int, tuple[int | None, ...]] | None:
        shape, index = call.step.shape, call.shape("index")
        if not shape or len(index) > 1:
            return None
        along = axis_of(call.value("dim"), len(shape))
        count = index[0] if index else 1
        space = tuple(count if axis == along else size for axis, size in enumerate(shape))
        return space, along, (along,) * len(index)


@operation("index_copy")
class IndexCopy(OneAxis, WrittenParts):
    """Rows of another tensor in the place of those at some indices."""


@operation("index_fill")
class IndexFill(OneAxis, WrittenParts):
    def reads(self, call: Call) -> Reads:
        reads = dict(super().reads(call) or {})
        if reads and "value" in call.tensors:  # a tensor without axes
            search = reads["value"]
            assert isinstance(search, SearchMap)
            reads["value"] = SearchMap((), search.out_shape, search.space, search.axes, search.matches, ())
        return reads or None


# By the name of a reduction: what it is called, what it makes of the numbers.
_REDUCTIONS: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "sum": ("the sum of", torch.sum),
    "prod": ("the product of", torch.prod),
    "mean": ("the mean of", torch.mean),
    "amax": ("the largest of", torch.max),
    "amin": ("the smallest of", torch.min),
}
_OTHER_NAMES = {"add": "sum", "multiply": "prod"}
_SIGNS = {"sum": " + ", "prod": " · ", "mean": " + ", "amax": ", ", "amin": ", "}


class Accumulated(Operation):
    """What is sent is added to what was there, or combined with it otherwise."""

    def reduction(self, call: Call) -> str:
        """How: one of sum, prod, mean, amax and amin."""
        return "sum"

    def includes_own(self, call: Call) -> bool:
        """Whether what was there counts."""
        return True

    def index_label(self, call: Call) -> str:
        """What a sentence calls the index."""
        label: str = call.args["index"].name
        return label

    def value_name(self, call: Call) -> str:
        """The parameter that holds what is sent."""
        return "value"

    def flops(self, call: Call) -> int:
        name = self.value_name(call)
        sent = call.args[name].value.numel() if name in call.tensors else call.step.value.numel()
        return sent * (1 if call.value("alpha", 1) == 1 else 2)

    def formula(self, cells: Cells) -> str:
        value, how = self.value_name(cells.call), self.reduction(cells.call)
        own = cells.at("input")
        search = cells.reads.get(value)
        if cells.index is None:
            sent = f"what is sent there of {cells.call.args[value].name} by {self.index_label(cells.call)}"
            return f"{own} + {sent}" if how == "sum" else f"{how} of {own} and {sent}"
        name = cells.call.args[value].name.rpartition(".")[2]
        sent_cells = search.cells(cells.index) if isinstance(search, SearchMap) else ()
        parts = [own] if self.includes_own(cells.call) or not sent_cells else []
        alpha = cells.call.value("alpha", 1)
        times = "" if alpha == 1 else f"{alpha} · "
        parts += [f"{times}{name}[{','.join(map(str, cell))}]" for cell in sent_cells]
        joined = _SIGNS[how].join(parts)
        return joined if how in ("sum", "prod") or len(parts) == 1 else f"{how}({joined})"

    def derive(self, at: ElementContext) -> Derivation:
        name, how = self.value_name(at.call), self.reduction(at.call)
        search = at.reads[name]
        cells = search.cells(at.index)
        own = [at.operand("input")] if self.includes_own(at.call) or not cells else []
        alpha = at.call.value("alpha", 1)
        sent = [at.operand_at(name, cell) for cell in cells]
        numbers = torch.cat([*(x.numbers for x in own), *(y.numbers * alpha for y in sent)])
        groups = [TermGroup("x", (x,), x.numbers) for x in own]
        groups += [TermGroup("y", (y,), y.numbers * alpha) for y in sent]
        result = combined(numbers, how)
        magnitude = numbers.double().abs().sum().item() if how != "prod" else abs(result.item()) * len(numbers)
        words = _listed([at.describe(at.call.args[name], list(cell)) for cell in cells])
        index = self.index_label(at.call)
        if not cells:
            sentence = _NOTHING_SENT.format(cell=at.words("input"), index=index)
        elif own:
            what = _REDUCTIONS[how][0]
            sentence = _SENT_AND_OWN.format(what=what, own=at.words("input"), cells=words, index=index)
        else:
            sentence = _SENT.format(what=_REDUCTIONS[how][0], cells=words, index=index)
        arithmetic = _added(own, sent, alpha) if how == "sum" else None
        return Derivation(tuple(groups), result, sentence, arithmetic, magnitude)


def combined(numbers: Tensor, how: str) -> Tensor:
    """What the numbers come to, in the order in which they were sent."""
    if how == "mean" and not numbers.is_floating_point():
        return numbers.sum().div(len(numbers), rounding_mode="floor")
    return _REDUCTIONS[how][1](numbers)


def _listed(words: list[str]) -> str:
    if len(words) > _SHOWN_CELLS:
        return _MORE_CELLS.format(cells=", ".join(words[:_SHOWN_CELLS]), count=len(words) - _SHOWN_CELLS)
    return conjunction(words)


def _added(own: list[OperandValues], sent: list[OperandValues], alpha: float) -> Printed:
    if alpha != 1:
        times = constant(alpha)
        terms = [x.printed() for x in own] + [fill("{} · {}", torch.mul, times, y.printed()) for y in sent]
        return sum_of(terms)
    operands = [*own, *sent]
    return long_sum(torch.cat([x.numbers for x in operands]), lambda position: operands[position].printed())


@operation("scatter_add scatter_reduce", "input dim index value reduce?")
class ScatterReduce(Accumulated, SentAlong):
    """``scatter_add`` and ``scatter_reduce``."""

    def last(self, call: Call) -> bool:
        return False

    def reduction(self, call: Call) -> str:
        how: str = call.value("reduce", "sum")
        return how

    def includes_own(self, call: Call) -> bool:
        included: bool = call.value("include_self", True)
        return included

    def hides_input(self, call: Call) -> bool:
        return not self.includes_own(call)


class ReducingScatter(Scatter):
    """``scatter`` with ``reduce="add"`` or "multiply" is told as scatter_reduce is."""

    signature = "input dim index value? reduce?"
    _reducing = ScatterReduce()

    def reads(self, call: Call) -> Reads:
        how = call.value("reduce")
        if how is None:
            return super().reads(call)
        return self._reducing.reads(call) if how in _OTHER_NAMES and "value" in call.tensors else None

    def formula(self, cells: Cells) -> str:
        return super().formula(cells) if cells.call.value("reduce") is None else _Renamed().formula(cells)

    def derive(self, at: ElementContext) -> Derivation:
        return super().derive(at) if at.call.value("reduce") is None else _Renamed().derive(at)

    def flops(self, call: Call) -> int:
        return 0 if call.value("reduce") is None else self._reducing.flops(call)


class _Renamed(ScatterReduce):
    """scatter's words for the reductions."""

    def reduction(self, call: Call) -> str:
        return _OTHER_NAMES[call.value("reduce")]


@operation("index_add")
class IndexAdd(Accumulated, OneAxis):
    def last(self, call: Call) -> bool:
        return False

    def hides_input(self, call: Call) -> bool:
        return False


@operation("index_put", "input *other")
class IndexPut(Accumulated, WrittenParts):
    """``index_put``: ``x[key] = y``, or with ``accumulate`` ``x[key] += y`` that counts every repeated index."""

    def value_name(self, call: Call) -> str:
        return self._parts(call)[1]

    def index_label(self, call: Call) -> str:
        return conjunction(call.args[name].name for name in self._parts(call)[0] if name in call.tensors)

    def reads(self, call: Call) -> Reads:
        names, value, adds = self._parts(call)
        items = key_items(call, names)
        if items is None or value not in call.tensors:
            return None
        items = [KeyItem(slice(None)) if item.value is None else item for item in items]
        rank = len(call.shape("input"))
        items = [item for at, item in enumerate(items) if sum(part.rank for part in items[: at + 1]) <= rank]
        if not adds:
            return written_reads(call, items, value)
        if any(item.is_mask for item in items):
            return None
        selected = picked(call, items)
        search = sent_by(call, selected, call.shape(value), last=False)
        shape = call.shape("input")
        reads: dict[str, AccessMap] = {"input": like_output(shape)}
        for name in selected.tables:
            reads[name] = AffineMap(call.shape(name), (AllIndices(),) * len(call.shape(name)))
        reads[value] = search
        return reads

    def formula(self, cells: Cells) -> str:
        kind: type[Operation] = Accumulated if self._parts(cells.call)[2] else WrittenParts
        return kind.formula(self, cells)

    def derive(self, at: ElementContext) -> Derivation:
        kind: type[Operation] = Accumulated if self._parts(at.call)[2] else WrittenParts
        return kind.derive(self, at)

    def flops(self, call: Call) -> int:
        return Accumulated.flops(self, call) if self._parts(call)[2] else 0

    def _parts(self, call: Call) -> tuple[list[str], str, bool]:
        """The parameters of the key, that of the value, and whether it is added."""
        names = [name for name in call.args if name.startswith("other")]
        adds = bool(call.value("accumulate", False))
        if len(names) > 1 and isinstance(call.value(names[-1]), bool):
            adds = call.value(names.pop())
        return names[:-1], names[-1], adds


register(ReducingScatter())
