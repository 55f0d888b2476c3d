"""Numbers repeated, rolled, turned round, padded, or read through a window that moves."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from engine.ops.access import AccessMap, AffineMap, AxisAccess, SameIndex
from engine.ops.call import Call
from engine.ops.conditions import Guard, Region
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.accesses import axis_of
from engine.ops.entries.rearranging import moved
from engine.ops.entries.selecting import Selected
from engine.ops.formula import Cells
from engine.ops.index_access import ChosenIndex, IndexTable
from engine.ops.notation import number
from engine.ops.registry import Reads, operation, register
from engine.ops.window_access import ComputedIndex, IndexTerm


def _dims(call: Call, name: str) -> tuple[int, ...]:
    given = call.value(name, call.values(name))
    dims = (given,) if isinstance(given, int) else tuple(given)
    return tuple(axis_of(dim, len(call.shape("input"))) for dim in dims)


@operation("repeat tile", "input *rest")
class Repeat(Selected):
    """``repeat`` and ``tile``: the whole tensor again and again along each axis."""

    def reads(self, call: Call) -> Reads:
        shape, out = call.shape("input"), call.step.shape
        skipped = len(out) - len(shape)
        axes = tuple(
            SameIndex(skipped + axis)
            if size in (1, out[skipped + axis])
            else ComputedIndex((IndexTerm(skipped + axis, mod=size),))
            for axis, size in enumerate(shape)
        )
        return {"input": AffineMap(shape, axes)}


@operation("repeat_interleave", "input other? dim? *rest")
class RepeatInterleave(Selected):
    """Every index along an axis, so many times in a row; without an axis every number, in row-major order."""

    def reads(self, call: Call) -> Reads:
        shape, dim = call.shape("input"), call.value("dim")
        times = call.value("other", call.value("repeats"))
        if isinstance(times, torch.Tensor):
            return self._by_table(call, times)
        if not isinstance(times, int):
            return None
        if dim is None:
            strides = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
            terms = [IndexTerm(0, div=times * stride, mod=size) for stride, size in zip(strides, shape, strict=True)]
            return {"input": AffineMap(shape, tuple(ComputedIndex((term,)) for term in terms))}
        dim = axis_of(dim, len(shape))
        access = ComputedIndex((IndexTerm(dim, div=times),))
        return {"input": AffineMap(shape, one_axis(len(shape), {dim: access}))}

    def _by_table(self, call: Call, times: torch.Tensor) -> Reads:
        shape, dim = call.shape("input"), call.value("dim")
        if times.is_meta or (dim is None and len(shape) != 1) or times.dim() > 1:
            return None
        dim = axis_of(dim or 0, len(shape))
        chosen = torch.arange(shape[dim]).repeat_interleave(times.cpu().expand(shape[dim]))
        access = ChosenIndex(IndexTable(None, f"the row that {call.args['other'].name} repeats", chosen), (dim,))
        own: AccessMap = AffineMap(call.shape("other"), (access,) * times.dim())
        return {"input": AffineMap(shape, one_axis(len(shape), {dim: access})), "other": own}


def one_axis(rank: int, accesses: dict[int, AxisAccess]) -> tuple[AxisAccess, ...]:
    """These accesses for their axes, the same index for the others."""
    return tuple(accesses.get(axis, SameIndex(axis)) for axis in range(rank))


@operation("roll", "input shifts dims?")
class Roll(Selected):
    """Indices moved along, those that fall off one end coming in at the other."""

    def reads(self, call: Call) -> Reads:
        shape, shifts = call.shape("input"), call.value("shifts")
        shifts = (shifts,) if isinstance(shifts, int) else tuple(shifts)
        dims = _dims(call, "dims") if call.value("dims", ()) not in ((), []) else ()
        if not dims and len(shape) == 1:
            dims = (0,)
        if len(dims) != len(shifts):
            return None
        moves: dict[int, int] = {}
        for dim, shift in zip(dims, shifts, strict=True):
            moves[dim] = moves.get(dim, 0) + shift
        accesses: dict[int, AxisAccess] = {
            dim: ComputedIndex((IndexTerm(dim),), -shift, "repeat") for dim, shift in moves.items()
        }
        return {"input": AffineMap(shape, one_axis(len(shape), accesses))}


class Flip(Selected):
    """Axes read from their other end."""

    names: tuple[str, ...] = ("flip",)
    signature = "input *dims"

    def dims(self, call: Call) -> tuple[int, ...]:
        """The axes."""
        return _dims(call, "dims")

    def reads(self, call: Call) -> Reads:
        shape = call.shape("input")
        accesses = {dim: _turned(dim, shape[dim]) for dim in self.dims(call)}
        return {"input": AffineMap(shape, one_axis(len(shape), accesses))}


class FlipAlong(Flip):
    """``flipud`` and ``fliplr``."""

    signature = "input"

    def __init__(self, name: str, dim: int) -> None:
        self.names = (name,)
        self.dim = dim

    def dims(self, call: Call) -> tuple[int, ...]:
        return (self.dim,)


def _turned(out: int, size: int) -> AxisAccess:
    return ComputedIndex((IndexTerm(out, times=-1),), size - 1)


@operation("rot90", "input k? dims?")
class QuarterTurns(Selected):
    """``rot90``: the plane of two axes, turned."""

    def reads(self, call: Call) -> Reads:
        shape = call.shape("input")
        first, second = _dims(call, "dims") or (0, 1)
        turned: tuple[tuple[AxisAccess, AxisAccess], ...] = (
            (SameIndex(first), SameIndex(second)),
            (SameIndex(second), _turned(first, shape[second])),
            (_turned(first, shape[first]), _turned(second, shape[second])),
            (_turned(second, shape[first]), SameIndex(first)),
        )
        first_axis, other = turned[call.value("k", 1) % 4]
        return {"input": AffineMap(shape, one_axis(len(shape), {first: first_axis, second: other}))}


class Outside(Selected):
    """Elements of the input, and a number of the call's own where there are none."""

    # What is said of a place where the input has none, with {filling}.
    outside = ""

    def filling(self, call: Call) -> float:
        """The number that stands where the input has none."""
        return 0.0

    def formula(self, cells: Cells) -> str:
        filling = self._shown(cells.call)
        if cells.index is not None:
            return filling if cells.reads["input"].ranges(cells.index) is None else cells.at("input")
        guard = cells.guard("input")
        return f"{cells.at('input')} where {guard}, else {filling}" if guard else cells.at("input")

    def derive(self, at: ElementContext) -> Derivation:
        if at.is_read("input"):
            return moved(at, "input")
        filling = torch.tensor(self.filling(at.call)).to(at.call.step.dtype)
        return Derivation((), filling, self.outside.format(filling=self._shown(at.call)), magnitude=0.0)

    def _shown(self, call: Call) -> str:
        return number(torch.tensor(self.filling(call)).to(call.step.dtype).item())


@operation("pad", "input pad mode? value?")
class Pad(Outside):
    outside = "is {filling}: it lies in the padding, where there is no element to read"
    _WRAPS = {"reflect": "reflect", "replicate": "edge", "circular": "repeat"}  # noqa: RUF012

    def filling(self, call: Call) -> float:
        value = call.value("value")
        return 0.0 if value is None else value

    def reads(self, call: Call) -> Reads:
        shape, out = call.shape("input"), call.step.shape
        widths = list(call.value("pad"))
        # The widths begin with those of the last axis.
        before = {len(shape) - 1 - number: width for number, width in enumerate(widths[::2])}
        after = {len(shape) - 1 - number: width for number, width in enumerate(widths[1::2])}
        mode = call.value("mode", "constant")
        if mode != "constant" and mode not in self._WRAPS:
            return None
        padded = {axis for axis in before if before[axis] or after[axis]}
        if mode != "constant":
            wrap = self._WRAPS[mode]
            access = {axis: ComputedIndex((IndexTerm(axis),), -before[axis], wrap) for axis in padded}
            return {"input": AffineMap(shape, one_axis(len(shape), dict(access)))}
        axes = one_axis(len(shape), {axis: SameIndex(axis, -before[axis], 1) for axis in padded})
        limits = [
            (max(0, before[axis]), min(out[axis], before[axis] + size)) if axis in padded else None
            for axis, size in enumerate(shape)
        ]
        return {"input": AffineMap(shape, axes, Region(tuple(limits), True) if padded else None)}


@operation("unfold", "input *rest")
class Unfold(Selected):
    """``x.unfold``: windows along an axis. ``F.unfold``: the patches of an image, a column each."""

    def reads(self, call: Call) -> Reads:
        shape = call.shape("input")
        if "stride" in call.args or "kernel_size" in call.args:
            return self._patches(call, shape)
        given = [call.value(name) for name in ("dimension", "size", "step") if name in call.args]
        dimension, _, step = (*call.values("rest"), *given)
        dim = axis_of(dimension, len(shape))
        access = ComputedIndex((IndexTerm(dim, times=step), IndexTerm(len(shape))))
        return {"input": AffineMap(shape, one_axis(len(shape), {dim: access}))}

    def _patches(self, call: Call, shape: tuple[int, ...]) -> Reads:
        kernel = call.value("kernel_size", call.value("rest0"))
        (kernel_h, kernel_w), (every_h, every_w), (step_h, step_w), padding = (
            (given, given) if isinstance(given, int) else tuple(given)
            for given in (kernel, call.value("dilation", 1), call.value("stride", 1), call.value("padding", 0))
        )
        if any(padding):
            return None
        rank = len(call.step.shape)
        feature, column = rank - 2, rank - 1
        across = (shape[-1] - every_w * (kernel_w - 1) - 1) // step_w + 1
        axes: Sequence[AxisAccess] = (
            *(SameIndex(axis) for axis in range(rank - 2)),
            ComputedIndex((IndexTerm(feature, div=kernel_h * kernel_w),)),
            ComputedIndex(
                (IndexTerm(column, step_h, across), IndexTerm(feature, every_h, kernel_w, kernel_h)),
            ),
            ComputedIndex((IndexTerm(column, step_w, 1, across), IndexTerm(feature, every_w, 1, kernel_w))),
        )
        return {"input": AffineMap(shape, tuple(axes))}


@operation("diagonal", "input offset? dim1? dim2?")
class Diagonal(Selected):
    def reads(self, call: Call) -> Reads:
        return _diagonal(call, call.value("offset", 0), call.value("dim1", 0), call.value("dim2", 1))


def _diagonal(call: Call, offset: int, dim1: int, dim2: int) -> Reads:
    shape = call.shape("input")
    first, second = axis_of(dim1, len(shape)), axis_of(dim2, len(shape))
    kept = iter(range(len(shape)))
    along = len(call.step.shape) - 1
    starts = {first: max(0, -offset), second: max(0, offset)}
    axes = tuple(
        SameIndex(along, starts[axis], 1) if axis in starts else SameIndex(next(kept)) for axis in range(len(shape))
    )
    return {"input": AffineMap(shape, axes)}


@operation("diag diag_embed", "input offset? dim1? dim2?")
class DiagonalMatrix(Outside):
    """``diag`` and ``diag_embed``: a row of numbers put on the diagonal of a matrix. Of a matrix, diag takes it."""

    outside = "is {filling}: it lies off the diagonal"

    def reads(self, call: Call) -> Reads:
        shape, out = call.shape("input"), call.step.shape
        offset = call.value("offset", call.value("diagonal", 0))
        if len(out) < len(shape):
            return _diagonal(call, offset, 0, 1)
        if (call.value("dim1", -2), call.value("dim2", -1)) != (-2, -1):
            return None
        row, column = len(out) - 2, len(out) - 1
        along = SameIndex(row, 0, 1) if offset >= 0 else SameIndex(column, 0, 1)
        axes = (*map(SameIndex, range(len(shape) - 1)), along)
        return {"input": AffineMap(shape, axes, Guard(column, offset, offset + 1, minus=row))}


register(Flip())
register(FlipAlong("flipud", 0))
register(FlipAlong("fliplr", 1))
