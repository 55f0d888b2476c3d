"""Numbers in order: topk, sort, argsort, kthvalue, median; and the largest so far."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

from engine.ops.access import AffineMap, AllIndices, AxisAccess, SameIndex, UpToIndex
from engine.ops.call import Call
from engine.ops.checks import same_numbers
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.accesses import axis_of, like_output
from engine.ops.formula import Cells
from engine.ops.notation import number
from engine.ops.registry import Operation, Reads, register
from engine.ops.terms import OperandValues, TermGroup

_VALUE = "is {cell}, the {rank} of {numbers}"
_TIED_VALUE = "is the {rank} of {numbers}, of which {count} are equal"
_POSITION = "is the position of the {rank} of {numbers}: {value}"
_TIED_POSITION = "is the position of the {rank} of {numbers}: {value}, one of {count} that are equal"


def ordinal(rank: int, word: str) -> str:
    """``largest``, ``2nd largest``, ``11th largest``: the name of a place counted from 0."""
    count = rank + 1
    if count == 1:
        return word
    ending = "th" if count % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(count % 10, "th")
    return f"{count}{ending} {word}"


class Ordered(Operation):
    """One number of a row by its place in the order of size.

    Args:
        names: the usual name first.
        signature: its parameters.
        positions_only: whether the first output is the positions, as argsort's.
    """

    dim_default = -1

    def __init__(self, names: str, signature: str, *, positions_only: bool = False) -> None:
        self.names = tuple(names.split())
        self.signature = signature
        self.positions_only = positions_only

    def dim(self, call: Call) -> int:
        """The axis along which numbers are ordered."""
        return axis_of(call.value("dim", self.dim_default), len(call.shape("input")))

    def descending(self, call: Call) -> bool:
        """Whether the largest comes first."""
        return bool(call.value("descending", False))

    def rank(self, call: Call, index: tuple[int, ...]) -> int:
        """Which place in that order an element has."""
        return index[self.dim(call)] if index else 0

    def reads(self, call: Call) -> Reads:
        shape, dim = call.shape("input"), self.dim(call)
        kept = itertools.count()
        axes: list[AxisAccess] = []
        for axis in range(len(shape)):
            gone = axis == dim and len(call.step.shape) < len(shape)
            out = axis if gone else next(kept)
            axes.append(AllIndices() if axis == dim else SameIndex(out))
        return {"input": AffineMap(shape, tuple(axes))}

    def flops(self, call: Call) -> int:
        """Comparisons: n · ⌈log₂ n⌉ of a row of n."""
        value, shape = call.args["input"].value, call.shape("input")
        length = shape[self.dim(call)] if shape else 1
        return value.numel() * max(1, math.ceil(math.log2(max(1, length))))

    def formula(self, cells: Cells) -> str:
        first = "largest" if self.descending(cells.call) else "smallest"
        entry = f"entry {self._place_written(cells)} of {cells.at('input')} in order, {first} first"
        return f"the position of {entry}" if self._is_position(cells.call) else entry

    def derive(self, at: ElementContext) -> Derivation:
        x = at.operand("input")
        ordered, positions = x.raw.sort(descending=self.descending(at.call), stable=True)
        position = self._position_in_row(at, ordered)
        value = ordered[position]
        equal = same_numbers(x.raw, value).nonzero().flatten().tolist()
        words = {
            "rank": ordinal(position, "largest" if self.descending(at.call) else "smallest"),
            "numbers": at.numbers("input"),
            "value": number(value.item()),
            "count": len(equal),
        }
        group = TermGroup("x", (x,), x.numbers)
        if self._is_position(at.call):
            chosen = int(at.call.step.value[at.index])
            # Where several are equal, torch does not say which it takes.
            result = torch.tensor(chosen) if chosen in equal else positions[position]
            sentence = (_POSITION if len(equal) == 1 else _TIED_POSITION).format(**words)
            return Derivation((group,), result, sentence, magnitude=0.0)
        cell = _cell(at, x, equal[0])
        sentence = _VALUE.format(cell=cell, **words) if len(equal) == 1 else _TIED_VALUE.format(**words)
        return Derivation((group,), value, sentence, magnitude=0.0)

    def _position_in_row(self, at: ElementContext, ordered: Tensor) -> int:
        return self.rank(at.call, at.index)

    def _is_position(self, call: Call) -> bool:
        return self.positions_only or call.step.output == 1

    def _place_written(self, cells: Cells) -> str:
        return cells.out(self.dim(cells.call)) if cells.call.step.shape else "0"


def _cell(at: ElementContext, x: OperandValues, position: int) -> str:
    """What a sentence calls one number of the row that was read."""
    return at.describe(x.parent, list(x.factor(position).index))


class TopK(Ordered):
    def descending(self, call: Call) -> bool:
        return bool(call.value("largest", True))

    def _position_in_row(self, at: ElementContext, ordered: Tensor) -> int:
        position = super()._position_in_row(at, ordered)
        if at.call.value("sorted", True):
            return position
        # Not sorted, they come in whatever order torch found them.
        taken = at.call.step.value[at.index].cpu()
        value = at.operand("input").raw[int(taken)] if self._is_position(at.call) else taken
        equal = same_numbers(ordered, value).nonzero().flatten()
        return int(equal[0]) if len(equal) else position


class KthValue(Ordered):
    """The k-th smallest of a row."""

    def rank(self, call: Call, index: tuple[int, ...]) -> int:
        k: int = call.value("k")
        return k - 1

    def _place_written(self, cells: Cells) -> str:
        return str(self.rank(cells.call, ()))


class Median(KthValue):
    """The middle one of a row, the lower of two; NaN where the row has one."""

    def dim(self, call: Call) -> int:
        return super().dim(call) if call.value("dim") is not None else -1

    def rank(self, call: Call, index: tuple[int, ...]) -> int:
        shape = call.shape("input")
        return (shape[self.dim(call)] - 1) // 2 if shape else 0

    def reads(self, call: Call) -> Reads:
        if call.value("dim") is None and len(call.shape("input")) > 1:
            return None
        return super().reads(call)

    def _position_in_row(self, at: ElementContext, ordered: Tensor) -> int:
        lost = ordered.is_floating_point() and bool(ordered.isnan().any())
        return len(ordered) - 1 if lost else super()._position_in_row(at, ordered)


class RowSort(Ordered):
    """``msort``: along the first axis."""

    dim_default = 0


class SoFar(Operation):
    """The largest or smallest of all numbers up to this one, and its position."""

    signature = "input dim"

    def __init__(self, name: str, word: str) -> None:
        self.names = (name,)
        self.word = word

    def reads(self, call: Call) -> Reads:
        shape = call.shape("input")
        along = axis_of(call.value("dim"), len(shape))
        return {"input": like_output(shape, {along: UpToIndex(along)})}

    def flops(self, call: Call) -> int:
        return call.step.value.numel()

    def formula(self, cells: Cells) -> str:
        sign = "max" if self.word == "largest" else "min"
        extreme = f"{cells.sigma('input', sign)} {cells.at('input')}"
        return extreme if cells.call.step.output == 0 else f"the position of {extreme}"

    def derive(self, at: ElementContext) -> Derivation:
        x = at.operand("input")
        ordered = x.raw.sort(descending=self.word == "largest", stable=True).values
        lost = ordered.is_floating_point() and bool(ordered.isnan().any())
        value = ordered.new_tensor(math.nan) if lost else ordered[0]
        equal = same_numbers(x.raw, value).nonzero().flatten().tolist()
        words = {
            "rank": self.word,
            "numbers": at.numbers("input"),
            "value": number(value.item()),
            "count": len(equal),
        }
        group = TermGroup("x", (x,), x.numbers)
        if at.call.step.output == 1:
            chosen = int(at.call.step.value[at.index])
            result = torch.tensor(chosen if chosen in equal else equal[-1])
            sentence = (_POSITION if len(equal) == 1 else _TIED_POSITION).format(**words)
            return Derivation((group,), result, sentence, magnitude=0.0)
        cell = _cell(at, x, equal[-1])
        sentence = _VALUE.format(cell=cell, **words) if len(equal) == 1 else _TIED_VALUE.format(**words)
        return Derivation((group,), value, sentence, magnitude=0.0)


register(TopK("topk", "input k dim? largest? sorted?"))
register(Ordered("sort", "input dim? descending? stable?"))
register(Ordered("argsort", "input dim? descending? stable?", positions_only=True))
register(RowSort("msort", "input"))
register(KthValue("kthvalue", "input k dim? keepdim?"))
register(Median("median", "input dim? keepdim?"))
register(SoFar("cummax", "largest"))
register(SoFar("cummin", "smallest"))
