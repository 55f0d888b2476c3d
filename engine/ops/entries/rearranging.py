"""Operations that only move numbers, every one of them: regrouped axes, permuted axes, copies."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import torch

from engine.ops.access import AffineMap, ConstIndex, SameIndex
from engine.ops.axis_groups import FlatMap
from engine.ops.call import Call
from engine.ops.checks import Check, same_numbers
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.accesses import axis_of, permuted, same_index_of_input
from engine.ops.formula import Cells
from engine.ops.numerics import measurable
from engine.ops.registry import Movement, Operation, Reads, operation, reads_by_name, register
from engine.ops.terms import TermGroup
from engine.wording import counted

_OTHER_COUNT = "{count:,} before, {left:,} after"
_MISPLACED = "{wrong:,} of {count:,} not the number that belongs there"
_SAME_NUMBER = "is {cell}; no arithmetic: {manner}"
_SAME_NUMBER_OF_STEP = "is {cell} of step {index}; no arithmetic: {manner}"
_IN_PLACE = "each of them unchanged, and in its place"


class Moved(Operation):
    """One element of one input, wherever it now lies."""

    takes_complex = True

    def derive(self, at: ElementContext) -> Derivation:
        return moved(at, "input")

    def formula(self, cells: Cells) -> str:
        return cells.at("input")

    def flops(self, call: Call) -> int:
        return 0


def moved(at: ElementContext, name: str) -> Derivation:
    """How an element came about that is one of a parameter's."""
    x = at.operand(name)
    index = getattr(x.parent, "index", None)
    template = _SAME_NUMBER if index is None else _SAME_NUMBER_OF_STEP
    sentence = template.format(cell=at.words(name), index=index, manner=_manner(at, x.parent.value.dtype))
    result = x.raw.to(at.call.step.dtype)
    return Derivation((TermGroup("x", (x,), result),), result[0], sentence, magnitude=0.0)


def _manner(at: ElementContext, before: torch.dtype) -> str:
    step = at.call.step
    if before != step.dtype:
        names = (str(dtype).removeprefix("torch.") for dtype in (before, step.dtype))
        return "the same number, converted from {} to {}".format(*names)
    if step.memory == "view":
        return "the same number, read with other strides"
    if step.memory == "same":
        return "the same tensor, handed on untouched"
    return "copied, the same number at another place in memory"


class Rearranged(Moved):
    """Every element of one input, once."""

    def checks(self, call: Call) -> Iterator[Check]:
        """Nothing is lost, added or changed."""
        read = (reads_by_name(call) or {}).get("input")
        value, before = call.step.value, call.args["input"].value
        if not measurable(value, before):
            return
        if isinstance(read, FlatMap):
            expected = before.reshape(-1)
        elif read is not None and (order := read.order()) is not None:
            expected = before.permute(order).reshape(-1)
        else:
            return
        count, left = expected.numel(), value.numel()
        wrong = count if count != left else int((~same_numbers(value.reshape(-1), expected)).sum())
        template = _OTHER_COUNT if count != left else _MISPLACED if wrong else _IN_PLACE
        label = counted(count, "{count} number before and after", "{count} numbers before and after")
        yield Check(label, not wrong, template.format(count=count, left=left, wrong=wrong))


class Regrouping(Rearranged):
    """view and its like: the same numbers in the same row-major order, in axes of other sizes."""

    names: tuple[str, ...] = ("view", "reshape", "flatten", "unflatten", "ravel")
    signature = "input *rest"
    movement = Movement.REGROUPS

    def reads(self, call: Call) -> Reads:
        shape = call.shape("input")
        # view(dtype) reads other numbers out of the same bytes.
        same = math.prod(shape) == math.prod(call.step.shape) and call.args["input"].value.dtype == call.step.dtype
        return {"input": FlatMap(shape, call.step.shape)} if same else None


@operation("view_as reshape_as", "input other? *rest")
class RegroupingLike(Regrouping):
    """The shape of another tensor."""


@operation("permute", "input *dims")
class Permute(Rearranged):
    movement = Movement.PERMUTES

    def reads(self, call: Call) -> Reads:
        rank = len(call.shape("input"))
        return permuted(call, [axis_of(dim, rank) for dim in call.values("dims")])


class Swap(Rearranged):
    """Two axes change places."""

    movement = Movement.PERMUTES

    def swap(self, call: Call) -> tuple[int, int]:
        """The two axes."""
        return 0, -1

    def reads(self, call: Call) -> Reads:
        order = list(range(len(call.shape("input"))))
        if order:
            first, second = self.swap(call)
            order[first], order[second] = order[second], order[first]
        return permuted(call, order)


@operation("transpose swapaxes swapdims", "input dim0 dim1")
class Transpose(Swap):
    def swap(self, call: Call) -> tuple[int, int]:
        rank = len(call.shape("input"))
        return axis_of(call.value("dim0"), rank), axis_of(call.value("dim1"), rank)


@operation("t", "input")
class TransposeOfMatrix(Swap):
    """The two axes of a matrix exchanged."""


@operation("mT", "input")
class TransposeOfLastTwo(Swap):
    def swap(self, call: Call) -> tuple[int, int]:
        return -2, -1


@operation("T", "input")
class Reversal(Rearranged):
    """``x.T``: all axes in reverse order."""

    movement = Movement.PERMUTES

    def reads(self, call: Call) -> Reads:
        return permuted(call, range(len(call.shape("input")))[::-1])


@operation("movedim moveaxis", "input source destination")
class MoveAxes(Rearranged):
    movement = Movement.PERMUTES

    def reads(self, call: Call) -> Reads:
        rank = len(call.shape("input"))
        source, destination = (
            [axis_of(dim, rank) for dim in ((dims,) if isinstance(dims, int) else dims)]
            for dims in (call.value("source"), call.value("destination"))
        )
        rest = iter([axis for axis in range(rank) if axis not in source])
        order = [source[destination.index(axis)] if axis in destination else next(rest) for axis in range(rank)]
        return permuted(call, order)


@operation("unsqueeze", "input dim")
class Unsqueeze(Rearranged):
    movement = Movement.PERMUTES

    def reads(self, call: Call) -> Reads:
        shape = call.shape("input")
        new = axis_of(call.value("dim"), len(shape) + 1)
        return {"input": AffineMap(shape, tuple(SameIndex(axis + (axis >= new)) for axis in range(len(shape))))}


@operation("squeeze", "input *dims")
class Squeeze(Rearranged):
    movement = Movement.PERMUTES

    def reads(self, call: Call) -> Reads:
        shape = call.shape("input")
        given = call.value("dim", call.values("dims"))
        dims = (given,) if isinstance(given, int) else tuple(given)
        dims_to_squeeze = {axis_of(dim, len(shape)) for dim in dims} if dims else set(range(len(shape)))
        kept = itertools.count()
        axes = tuple(
            ConstIndex(0) if axis in dims_to_squeeze and size == 1 else SameIndex(next(kept))
            for axis, size in enumerate(shape)
        )
        return {"input": AffineMap(shape, axes)}


@operation("contiguous clone positive", "input *rest")
class Copy(Rearranged):
    """The same element at the same index, in memory of its own."""

    movement = Movement.COPIES

    def reads(self, call: Call) -> Reads:
        return same_index_of_input(call)


@operation("detach data alias requires_grad_", "input *rest")
class Handing(Moved):
    """The same element at the same index, without its gradient."""

    movement = Movement.COPIES

    def reads(self, call: Call) -> Reads:
        return same_index_of_input(call)


class Conversion(Moved):
    """The same element at the same index, perhaps in another dtype or on another device."""

    names = (
        *("to", "float", "double", "half", "bfloat16", "int", "long", "short", "bool", "type", "type_as"),
        *("char", "byte", "cpu", "cuda"),
    )
    signature = "input other? *rest"
    movement = Movement.COPIES

    def reads(self, call: Call) -> Reads:
        return same_index_of_input(call)


register(Regrouping())
register(Conversion())
