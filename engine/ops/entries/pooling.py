"""Pooling: the largest or the mean of the numbers in a window, or in each of so many shares of an axis."""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch

from engine.ops.access import AffineMap, AxisAccess, SameIndex
from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.formula import Cells
from engine.ops.notation import number
from engine.ops.printed import constant, fill, long_sum
from engine.ops.registry import Operation, Reads, register
from engine.ops.terms import TermGroup
from engine.ops.window_access import AxisShare, SlidingWindow

_LETTERS = ("u", "v", "w")
_LARGEST = "is the largest of {numbers}"
_PLACE = "is the position of the largest of {numbers}, counted in row-major order along the axes that are pooled"
_MEAN = "is the mean of {numbers}: their sum divided by {count}"
_MEAN_WITH_PADDING = (
    "is the sum of {numbers}, divided by {count}: the padding, which is 0, is counted among the numbers"
)
_MEAN_OVERRIDDEN = "is the sum of {numbers}, divided by {count}, as the call says"


class Pooling(Operation):
    """One number of a window along each of the last axes.

    Args:
        names: what it goes by.
        spatial: how many axes the window moves along.
    """

    def __init__(self, names: str, spatial: int) -> None:
        self.names = tuple(names.split())
        self.spatial = spatial

    def reads(self, call: Call) -> Reads:
        shape, out = call.shape("input"), call.step.shape
        first = len(shape) - self.spatial
        if first < 1 or len(out) != len(shape):
            return None
        leading: tuple[AxisAccess, ...] = tuple(map(SameIndex, range(first)))
        return {"input": AffineMap(shape, (*leading, *self.windows(call, first)))}

    @abstractmethod
    def windows(self, call: Call, first: int) -> Sequence[AxisAccess]:
        """What is read along each of the axes from the first that is pooled on."""

    def flops(self, call: Call) -> int:
        shape, out = call.shape("input"), call.step.shape
        first = len(shape) - self.spatial
        terms = math.prod(shape[:first])
        for axis, access in enumerate(self.windows(call, first), start=first):
            # The windows along an axis do not depend on the other axes.
            indices = ((0,) * axis + (at,) + (0,) * (len(shape) - axis - 1) for at in range(out[axis]))
            terms *= sum(len(access.indices(shape[axis], index)) for index in indices)
        return terms


class Windowed(Pooling):
    """Pooling with a window of a fixed size."""

    def windows(self, call: Call, first: int) -> Sequence[AxisAccess]:
        kernel, strides, padding, dilation = self.sizes(call)
        return [
            SlidingWindow(first + axis, -padding[axis], strides[axis], dilation[axis], kernel[axis], _LETTERS[axis])
            for axis in range(self.spatial)
        ]

    def sizes(self, call: Call) -> tuple[tuple[int, ...], ...]:
        """Kernel, stride, padding and dilation along each axis; the stride is the kernel where none is given."""
        kernel = self._each(call.value("kernel_size"))
        stride = call.value("stride")
        strides = kernel if stride is None or stride == () or stride == [] else self._each(stride)
        return kernel, strides, self._each(call.value("padding", 0)), self._each(call.value("dilation", 1))

    def _each(self, value: Any) -> tuple[int, ...]:
        values = (value,) if isinstance(value, int) else tuple(value)
        return values * self.spatial if len(values) == 1 else values


class Adaptive(Pooling):
    """Pooling into a given number of shares along each axis."""

    def windows(self, call: Call, first: int) -> Sequence[AxisAccess]:
        shape, out = call.shape("input"), call.step.shape
        return [self._share(first + axis, shape, out, _LETTERS[axis]) for axis in range(self.spatial)]

    def _share(self, axis: int, shape: Sequence[int], out: Sequence[int], letter: str) -> AxisAccess:
        if out[axis] and shape[axis] % out[axis] == 0:
            size = shape[axis] // out[axis]
            return SlidingWindow(axis, 0, size, 1, size, letter)
        return AxisShare(axis, out[axis], letter)


class LargestOf(Pooling):
    """The largest number, and as a second output where it stood."""

    def formula(self, cells: Cells) -> str:
        whole = f"{cells.sigma('input', 'max')} {cells.at('input')}{_shares(cells)}"
        return whole if cells.call.step.output == 0 else f"the position of {whole}"

    def derive(self, at: ElementContext) -> Derivation:
        x = at.operand("input")
        template = _LARGEST if at.call.step.output == 0 else _PLACE
        sentence = template.format(numbers=at.numbers("input"))
        group = TermGroup("x", (x,), x.numbers)
        if at.call.step.output == 0:
            result = x.numbers.max()
            return Derivation((group,), result, sentence, magnitude=abs(result.item()))
        # Where several are equal, or one is NaN, torch says which it takes.
        chosen = int(at.call.step.value[at.index])
        flat_positions = [self._flat_position(at, x.factor(position).index) for position in range(len(x.raw))]
        largest = x.numbers.max() if not bool(x.numbers.isnan().any()) else x.numbers.new_tensor(math.nan)
        taken = x.numbers[flat_positions.index(chosen)] if chosen in flat_positions else None
        agrees = taken is not None and bool((taken == largest) | (taken.isnan() & largest.isnan()))
        position = chosen if agrees else flat_positions[int(x.numbers.argmax())]
        return Derivation((group,), torch.tensor(position), sentence, magnitude=0.0)

    def _flat_position(self, at: ElementContext, index: Sequence[int]) -> int:
        flat = 0
        for size, position in zip(at.call.shape("input")[-self.spatial :], index[-self.spatial :], strict=True):
            flat = flat * size + position
        return flat


class MeanOf(Pooling):
    """The mean of the numbers."""

    def formula(self, cells: Cells) -> str:
        divisors = self._divisors(cells.call, cells.reads["input"])
        divisor = number(divisors.pop()) if len(divisors) == 1 else "n"
        return f"({cells.sigma('input')} {cells.at('input')}) / {divisor}{_shares(cells)}"

    def _divisors(self, call: Call, read: Any) -> set[int]:
        """What the sums of the elements are divided by; only the axes that are pooled make a difference."""
        leading = (0,) * (len(call.step.shape) - self.spatial)
        pooled = itertools.product(*(range(size) for size in call.step.shape[-self.spatial :]))
        return {self.divisor(call, read, (*leading, *index)) for index in pooled}

    def divisor(self, call: Call, read: Any, index: Sequence[int]) -> int:
        """What the sum is divided by."""
        return math.prod(map(len, read.ranges(index)))

    def derive(self, at: ElementContext) -> Derivation:
        x = at.operand("input")
        divisor = self.divisor(at.call, at.reads["input"], at.index)
        template = _MEAN if divisor == len(x.raw) else _MEAN_WITH_PADDING
        if at.call.value("divisor_override") is not None:
            template = _MEAN_OVERRIDDEN
        sentence = template.format(numbers=at.numbers("input"), count=number(divisor))
        group = TermGroup("x", (x,), x.numbers / divisor)
        arithmetic = fill("{} / {}", torch.div, long_sum(x.numbers, x.printed), constant(float(divisor)))
        return Derivation((group,), x.numbers.sum() / divisor, sentence, arithmetic)


class MaxPool(Windowed, LargestOf):
    signature = "input kernel_size stride? padding? dilation? ceil_mode? return_indices?"


class AveragePool(Windowed, MeanOf):
    signature = "input kernel_size stride? padding? ceil_mode? count_include_pad? divisor_override?"

    def divisor(self, call: Call, read: Any, index: Sequence[int]) -> int:
        given = call.value("divisor_override")
        if given is not None:
            return int(given)
        if not call.value("count_include_pad", True):
            return super().divisor(call, read, index)
        kernel, strides, padding, _ = self.sizes(call)
        sizes, at = call.shape("input")[-self.spatial :], index[-self.spatial :]
        # With ceil_mode the last window may reach beyond the padding, and what lies there is not counted.
        starts = [strides[axis] * at[axis] - padding[axis] for axis in range(self.spatial)]
        return math.prod(
            min(start + kernel[axis], sizes[axis] + padding[axis]) - start for axis, start in enumerate(starts)
        )


class AdaptiveMaxPool(Adaptive, LargestOf):
    signature = "input output_size return_indices?"


class AdaptiveAveragePool(Adaptive, MeanOf):
    signature = "input output_size"


def _shares(cells: Cells) -> str:
    """Which share of an axis a letter runs over, in a formula; empty where it runs over a window."""
    read = cells.reads["input"]
    shares = [access for access in read.axes if isinstance(access, AxisShare)] if isinstance(read, AffineMap) else []
    descriptions = (f"{share.running_letter} over share {cells.out(share.out)} of {share.of}" for share in shares)
    return f", {', '.join(descriptions)}" if shares else ""


for _axes in (1, 2, 3):
    register(MaxPool(f"max_pool{_axes}d max_pool{_axes}d_with_indices", _axes))
    register(AveragePool(f"avg_pool{_axes}d", _axes))
    register(AdaptiveMaxPool(f"adaptive_max_pool{_axes}d adaptive_max_pool{_axes}d_with_indices", _axes))
    register(AdaptiveAveragePool(f"adaptive_avg_pool{_axes}d", _axes))
