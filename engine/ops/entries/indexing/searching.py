"""What a search answers: where something is not 0, how many are below, whether any is, whether one is among others."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.ops.access import AccessMap, AffineMap, AllIndices, SameIndex
from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.accesses import like_output
from engine.ops.entries.reductions import Reduction
from engine.ops.formula import Cells
from engine.ops.index_access import IndexTable, NthTrue
from engine.ops.notation import number
from engine.ops.registry import Operation, Reads, operation, register
from engine.ops.terms import TermGroup

_NONZERO = "is the index along {axis} of number {count} of the elements that are not 0, {cell}"


def nonzero_reads(call: Call, name: str) -> Reads:
    """Which element an answer of ``nonzero`` is about."""
    value = call.args[name].value.detach()
    if value.is_meta or value.is_complex():
        return None
    table = IndexTable(call.tensors.index(name), call.args[name].name, value)
    true_indices = value.nonzero()
    return {name: AffineMap(tuple(value.shape), tuple(NthTrue(table, 0, a, true_indices) for a in range(value.dim())))}


def nonzero_axis(call: Call, index: tuple[int, ...] | None) -> int | None:
    """The axis whose index an answer is; None where it is a running one."""
    if len(call.step.shape) == 1:
        return call.step.output
    return None if index is None else index[1]


def nonzero_formula(cells: Cells, name: str) -> str:
    """What any answer of ``nonzero`` is."""
    axis = nonzero_axis(cells.call, cells.index)
    along = cells.out(1) if axis is None else str(axis)
    tensor = cells.call.args[name].name
    return f"the index along axis {along} of element number {cells.out(0)} of {tensor} that is not 0"


def nonzero_derivation(at: ElementContext, name: str) -> Derivation:
    """How an answer of ``nonzero`` came about."""
    axis = nonzero_axis(at.call, at.index) or 0
    x = at.operand(name)
    symbol = at.call.axes(name)[axis] or f"axis {axis}"
    sentence = _NONZERO.format(axis=symbol, count=at.index[0] + 1, cell=at.words(name))
    result = torch.tensor(x.ranges[axis].start)
    return Derivation((TermGroup("look-up", (x,), x.raw),), result, sentence, magnitude=0.0)


@operation("nonzero argwhere", "input *rest")
class Nonzero(Operation):
    def reads(self, call: Call) -> Reads:
        return nonzero_reads(call, "input")

    def formula(self, cells: Cells) -> str:
        return nonzero_formula(cells, "input")

    def derive(self, at: ElementContext) -> Derivation:
        return nonzero_derivation(at, "input")

    def flops(self, call: Call) -> int:
        return call.args["input"].value.numel()


class Position(Operation):
    """``searchsorted`` and ``bucketize``: how many of a sorted row lie below a number.

    The row is the parameter ``other``, the number ``input``.
    """

    _BELOW = "is how many of {numbers}, are below {cell} = {value}"
    _AT_MOST = "is how many of {numbers}, are at most {cell} = {value}"

    def __init__(self, name: str, signature: str) -> None:
        self.names = (name,)
        self.signature = signature

    def reads(self, call: Call) -> Reads:
        row = call.shape("other")
        lead = len(row) - 1
        reads: dict[str, AccessMap] = {
            "other": AffineMap(row, (*map(SameIndex, range(lead)), AllIndices())),
        }
        if "input" in call.tensors:
            shape = call.shape("input")
            reads["input"] = like_output(shape)
        return {name: reads[name] for name in call.tensors}

    def flops(self, call: Call) -> int:
        """Comparisons of a search by halves."""
        length = call.shape("other")[-1]
        return call.step.value.numel() * max(1, length.bit_length())

    def formula(self, cells: Cells) -> str:
        sign = "≤" if self._right(cells.call) else "<"
        return f"how many of {cells.at('other')} are {sign} {cells.at('input')}"

    def derive(self, at: ElementContext) -> Derivation:
        row, x = at.operand("other"), at.operand("input")
        value = x.raw[0]
        below = row.raw <= value if self._right(at.call) else row.raw < value
        sentence = (self._AT_MOST if self._right(at.call) else self._BELOW).format(
            numbers=at.numbers("other"),
            cell=at.words("input"),
            value=number(value.item()),
        )
        groups = (TermGroup("y", (row,), below), TermGroup("x", (x,), torch.zeros(1)))
        return Derivation(groups, below.sum(), sentence, magnitude=0.0)

    def _right(self, call: Call) -> bool:
        return bool(call.value("right", False)) or call.value("side") == "right"


@operation("isin", "input other *rest")
class IsIn(Operation):
    _AMONG = "is {holds}: {cell} = {value} is one of {numbers}"
    _NOT_AMONG = "is {holds}: {cell} = {value} is none of {numbers}"

    def reads(self, call: Call) -> Reads:
        reads: dict[str, AccessMap] = {}
        for name in call.tensors:
            shape = call.shape(name)
            same = name == "input"
            reads[name] = AffineMap(
                shape, tuple(SameIndex(axis) if same else AllIndices() for axis in range(len(shape)))
            )
        return reads

    def flops(self, call: Call) -> int:
        others = call.args["other"].value.numel() if "other" in call.tensors else 1
        return call.step.value.numel() * max(1, others)

    def formula(self, cells: Cells) -> str:
        relation = "is none of" if cells.call.value("invert", False) else "is one of"
        return f"{cells.at('input')} {relation} {cells.at('other')}"

    def derive(self, at: ElementContext) -> Derivation:
        x, row = at.operand("input"), at.operand("other")
        among = bool((row.raw == x.raw[0]).any())
        result = torch.tensor(among is not bool(at.call.value("invert", False)))
        sentence = (self._AMONG if among else self._NOT_AMONG).format(
            holds=bool(result),
            cell=at.words("input"),
            value=number(x.raw[0].item()),
            numbers=at.numbers("other"),
        )
        groups = (TermGroup("x", (x,), x.raw), TermGroup("y", (row,), row.raw))
        return Derivation(groups, result, sentence, magnitude=0.0)


class Counted(Reduction):
    """How many elements are not 0, or whether any is, or all are."""

    def __init__(self, name: str, function: Callable[[Tensor], Tensor], sentence: str) -> None:
        self.names = (name,)
        self.function, self.sentence = function, sentence

    def formula(self, cells: Cells) -> str:
        word = {"count_nonzero": "count"}.get(self.names[0], self.names[0])
        return f"{cells.sigma('input', word)} {cells.at('input')} ≠ 0"

    def derive(self, at: ElementContext) -> Derivation:
        x = at.operand("input")
        kept = x.raw != 0
        result = self.function(kept)
        sentence = self.sentence.format(result=result.item(), count=int(kept.sum()), numbers=at.numbers("input"))
        return Derivation((TermGroup("x", (x,), kept),), result, sentence, magnitude=0.0)


register(Position("searchsorted", "other input *rest"))
register(Position("bucketize", "input other *rest"))
register(Counted("any", torch.any, "is {result}: {count} of {numbers}, are not 0"))
register(Counted("all", torch.all, "is {result}: {count} of {numbers}, are not 0"))
register(Counted("count_nonzero", torch.sum, "is how many of {numbers}, are not 0: {count}"))
