"""Numbers made of many: sums, means, variances, the largest of a row, running sums."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from engine.ops.access import AffineMap, AllIndices, AxisAccess, SameIndex, UpToIndex
from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.accesses import axis_of, like_output
from engine.ops.entries.elementwise import MAXIMUM, MINIMUM
from engine.ops.formula import Cells
from engine.ops.notation import number
from engine.ops.printed import Printed, constant, fill, long_sum
from engine.ops.registry import Operation, Reads, operation, register
from engine.ops.terms import OperandValues, TermGroup

_SHOWN_OF_ROW = 4  # numbers of a row that are written out
_SUM = "is the sum of {numbers}"
_MEAN = "is the mean of {numbers}: their sum divided by {count}"
_EXTREME = "is the {word} of {numbers}"
_POSITION = "is the position of the {word} of {numbers}: {value}"


def reduced_axes(call: Call) -> tuple[int, ...]:
    """The axes a reduction adds up over: all of them where ``dim`` is not given."""
    rank = len(call.shape("input"))
    dim = call.value("dim")
    if isinstance(dim, bool):  # x.var(False): the switch that comes without a dim
        dim = None
    dims = (dim,) if isinstance(dim, int) else tuple(dim or ())
    return tuple(sorted(axis_of(dim, rank) for dim in dims)) if dims else tuple(range(rank))


class Reduction(Operation):
    """Every element along some axes, which are gone afterwards or kept with size 1."""

    signature = "input dim? keepdim? *rest"
    flops_per_element = 1

    def reads(self, call: Call) -> Reads:
        shape = call.shape("input")
        gone = reduced_axes(call)
        keep = len(call.step.shape) == len(shape)
        kept = itertools.count()
        axes: list[AxisAccess] = []
        for axis in range(len(shape)):
            axes.append(AllIndices() if axis in gone else SameIndex(axis if keep else next(kept)))
        return {"input": AffineMap(shape, tuple(axes))}

    def flops(self, call: Call) -> int:
        return call.args["input"].value.numel() * self.flops_per_element


@operation("sum")
class Total(Reduction):
    def formula(self, cells: Cells) -> str:
        return _sum_formula(cells)

    def derive(self, at: ElementContext) -> Derivation:
        return _summed(at)


@operation("mean")
class Mean(Reduction):
    def formula(self, cells: Cells) -> str:
        return f"({_sum_formula(cells)}) / {_count(cells.call)}"

    def derive(self, at: ElementContext) -> Derivation:
        x = at.operand("input")
        count = len(x.raw)
        sentence = _MEAN.format(numbers=at.numbers("input"), count=count)
        group = TermGroup("x", (x,), x.numbers / count)
        arithmetic = fill("{} / {}", torch.div, _added(x), constant(float(count)))
        return Derivation((group,), x.numbers.sum() / count, sentence, arithmetic)


@operation("var", "input dim? unbiased? keepdim?")
class Variance(Reduction):
    flops_per_element = 3
    _SENTENCE = (
        "is the variance of {numbers}: their squared distances from their mean {mean}, added up and divided "
        "by {divisor}{corrected}"
    )
    _FORMULA = "({sum} ({element} − x̄)²) / {divisor}, where x̄ is the mean"

    def formula(self, cells: Cells) -> str:
        divisor = number(_divisor(cells.call))
        return self._FORMULA.format(sum=cells.sigma("input"), element=cells.at("input"), divisor=divisor)

    def derive(self, at: ElementContext) -> Derivation:
        x = at.operand("input")
        count, correction = len(x.raw), _correction(at.call)
        divisor = _divisor(at.call)
        mean = x.numbers.mean()
        squares = (x.numbers - mean).square()
        centre = constant(mean.item())
        distances = long_sum(
            squares, lambda position: fill("({0.alone} − {1})²", _square, x.printed(position), centre, compound=False)
        )
        sentence = self._SENTENCE.format(
            numbers=at.numbers("input"),
            mean=number(mean.item()),
            divisor=number(divisor),
            corrected=f" ({count} − {number(correction)})" if correction else "",
        )
        arithmetic = fill("{} / {}", torch.div, distances, constant(divisor))
        # The mean's own rounding moves every distance (Welford's error bound).
        magnitude = (x.numbers.square().sum() * squares.sum()).sqrt().item() / divisor if divisor else 0.0
        group = TermGroup("x", (x,), squares / divisor)
        return Derivation((group,), squares.sum() / divisor, sentence, arithmetic, magnitude)


@operation("std")
class StandardDeviation(Variance):
    _SENTENCE = (
        "is the standard deviation of {numbers}: their squared distances from their mean {mean}, added up "
        "and divided by {divisor}{corrected}, then the square root"
    )
    _FORMULA = "√(({sum} ({element} − x̄)²) / {divisor}), where x̄ is the mean"

    def derive(self, at: ElementContext) -> Derivation:
        variance = super().derive(at)
        assert variance.result is not None
        result = variance.result.sqrt()
        magnitude = (variance.magnitude or 0.0) / result.item() if result.item() > 0 else 0.0
        arithmetic = None if variance.arithmetic is None else fill("√{}", torch.sqrt, variance.arithmetic)
        return Derivation(variance.groups, result, variance.sentence, arithmetic, magnitude)


class WithMean(Reduction):
    """``var_mean`` and ``std_mean``: a variance or a standard deviation, and as a second output the mean."""

    signature = Variance.signature
    flops_per_element = 3

    def __init__(self, name: str, first: Reduction) -> None:
        self.names = (name,)
        self.parts = (first, Mean())

    def formula(self, cells: Cells) -> str:
        return self.parts[cells.call.step.output].formula(cells)

    def derive(self, at: ElementContext) -> Derivation:
        return self.parts[at.call.step.output].derive(at)


class Extreme(Reduction):
    """The largest or the smallest of some numbers."""

    def __init__(self, names: str, sign: str, word: str, pick: Callable[[Tensor], Tensor]) -> None:
        self.names = tuple(names.split())
        self.sign, self.word, self.pick = sign, word, pick

    def formula(self, cells: Cells) -> str:
        return f"{cells.sigma('input', self.sign)} {cells.at('input')}"

    def derive(self, at: ElementContext) -> Derivation:
        x = at.operand("input")
        result = self.pick(x.numbers)
        sentence = _EXTREME.format(word=self.word, numbers=at.numbers("input"))
        group = TermGroup("x", (x,), x.numbers)
        return Derivation((group,), result, sentence, _of_row(x, self.sign), abs(result.item()))


class ExtremeWithPosition(Extreme):
    """``max`` and ``min``: of all numbers, along one axis with the position as a second output, or of two tensors.

    Args:
        elementwise: the operation of two tensors.
    """

    signature = "input other? keepdim?"

    def __init__(
        self, names: str, sign: str, word: str, pick: Callable[[Tensor], Tensor], elementwise: Operation
    ) -> None:
        super().__init__(names, sign, word, pick)
        self.elementwise = elementwise

    def reads(self, call: Call) -> Reads:
        return self.elementwise.reads(call) if "other" in call.tensors else super().reads(_along_axis(call))

    def formula(self, cells: Cells) -> str:
        if "other" in cells.call.tensors:
            return self.elementwise.formula(cells)
        whole = super().formula(cells)
        return whole if cells.call.step.output == 0 else f"the position of {whole}"

    def derive(self, at: ElementContext) -> Derivation:
        if "other" in at.call.tensors:
            return self.elementwise.derive(at)
        if at.call.step.output == 0:
            return super().derive(at)
        return _position(at, self.sign, self.word)

    def flops(self, call: Call) -> int:
        return self.elementwise.flops(call) if "other" in call.tensors else super().flops(call)


def _along_axis(call: Call) -> Call:
    """The call with what was given second as its axis: ``x.max(1)`` and ``x.max(dim=1)`` are one thing."""
    if "other" not in call.args:
        return call
    return replace(call, args={**call.args, "dim": call.args["other"]})


class PositionOfExtreme(Reduction):
    """``argmax`` and ``argmin``."""

    def __init__(self, names: str, sign: str, word: str) -> None:
        self.names = tuple(names.split())
        self.sign, self.word = sign, word

    def formula(self, cells: Cells) -> str:
        return f"the position of {cells.sigma('input', self.sign)} {cells.at('input')}"

    def derive(self, at: ElementContext) -> Derivation:
        return _position(at, self.sign, self.word)


@operation("cumsum", "input dim")
class RunningSum(Operation):
    def reads(self, call: Call) -> Reads:
        shape = call.shape("input")
        along = axis_of(call.value("dim"), len(shape))
        return {"input": like_output(shape, {along: UpToIndex(along)})}

    def formula(self, cells: Cells) -> str:
        return _sum_formula(cells)

    def derive(self, at: ElementContext) -> Derivation:
        return _summed(at)

    def flops(self, call: Call) -> int:
        return call.step.value.numel()


def _sum_formula(cells: Cells) -> str:
    return f"{cells.sigma('input')} {cells.at('input')}"


def _summed(at: ElementContext) -> Derivation:
    x = at.operand("input")
    sentence = _SUM.format(numbers=at.numbers("input"))
    return Derivation((TermGroup("x", (x,), x.numbers),), x.numbers.sum(), sentence, _added(x))


def _position(at: ElementContext, sign: str, word: str) -> Derivation:
    x = at.operand("input")
    at_end = x.numbers.argmax() if sign == "max" else x.numbers.argmin()
    # Where several are equal, torch does not say which it takes.
    chosen = at.call.step.value[at.index]
    same = bool(x.numbers[int(chosen)] == x.numbers[at_end]) if 0 <= int(chosen) < len(x.raw) else False
    result = chosen.cpu() if same else at_end
    largest = number(x.raw[int(result)].item())
    sentence = _POSITION.format(word=word, numbers=at.numbers("input"), value=largest)
    group = TermGroup("x", (x,), x.numbers)
    return Derivation((group,), result, sentence, None, 0.0)


def _divisor(call: Call) -> float:
    # torch divides by 0, not by a negative number, where the correction exceeds the count.
    return max(0, _count(call) - _correction(call))


def _count(call: Call) -> int:
    """How many numbers one element is made of."""
    shape = call.shape("input")
    count = 1
    for axis in reduced_axes(call):
        count *= shape[axis]
    return count


def _correction(call: Call) -> float:
    """What is taken from the count before a variance is divided by it: 1 unless said otherwise."""
    unbiased = call.value("unbiased", call.value("dim"))
    given = call.value("correction", unbiased if isinstance(unbiased, bool) else None)
    return 1 if given is None else int(given) if given == int(given) else float(given)


def _added(operand: OperandValues) -> Printed:
    return long_sum(operand.numbers, operand.printed)


def _square(value: Tensor, mean: Tensor) -> Tensor:
    return (value - mean).square()


def _of_row(x: OperandValues, sign: str) -> Printed:
    """``max(3, 1, 2)``; of a long row the four that come nearest to being the answer, NaN before all."""
    positions = list(range(len(x.raw)))
    if len(positions) > _SHOWN_OF_ROW:
        sizes = x.numbers if sign == "max" else -x.numbers
        sizes = sizes.nan_to_num(nan=math.inf) if sizes.is_floating_point() else sizes
        positions = sizes.argsort(descending=True, stable=True)[:_SHOWN_OF_ROW].tolist()
    shown = ", ".join(f"{{{number}.alone}}" for number in range(len(positions)))
    more = ", …" if len(x.raw) > len(positions) else ""
    function = torch.amax if sign == "max" else torch.amin
    return fill(f"{sign}({shown}{more})", lambda *row: function(torch.stack(row), 0), *map(x.printed, positions))


register(WithMean("var_mean", Variance()))
register(WithMean("std_mean", StandardDeviation()))
register(Extreme("amax", "max", "largest", torch.max))
register(Extreme("amin", "min", "smallest", torch.min))
register(ExtremeWithPosition("max", "max", "largest", torch.max, MAXIMUM))
register(ExtremeWithPosition("min", "min", "smallest", torch.min, MINIMUM))
register(PositionOfExtreme("argmax", "max", "largest"))
register(PositionOfExtreme("argmin", "min", "smallest"))
