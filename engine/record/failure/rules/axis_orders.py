"""permute, transpose, expand, repeat, outer and topk: axes and sizes that do not fit the tensor's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from engine.record.failure.failing_call import FailingCall, on_meta
from engine.record.failure.failure import Diagnosis, FailedOperand, OperandAxis

_PERMUTE_COUNT = "permute names every axis once: {x} has {rank}, {shape}, and {dims} names {count}."
_PERMUTE_RANGE = "permute names every axis once: {x} has {rank}, {shape}, so they are 0 to {last}, and {dims} is given."
_EXCHANGE = "{x} has {rank} axes, {shape}, so an axis is one of {first} to {last}: {op} is given {dims}."
_EXPAND = "expand changes only axes of size 1: {x} has {axis}, and {size} is asked for."
_TOO_FEW = "{op} needs a number for each of the {rank} axes of {x}, {shape}: it is given {count}."
_OUTER = "outer takes tensors of one axis: {x} has {rank}, {shape}."
_TOPK = "topk takes at most as many as there are: {x} has {axis} along axis {dim}, and k is {k}."
# The names of the two axes of transpose and of its like.
_EXCHANGED = frozenset(("dim0", "dim1", "axis0", "axis1"))


def permute(call: FailingCall) -> Diagnosis | None:
    """An order of axes that is not one of the tensor's: another count, an axis twice, or one that is not there."""
    x, dims = call.operands[0], _numbers(call, "dims")
    rank = len(x.shape)
    if not dims:
        return None
    template = _PERMUTE_COUNT if len(dims) != rank else _PERMUTE_RANGE
    reason = template.format(x=x.name, rank=rank, shape=x.shape_text, last=rank - 1, dims=tuple(dims), count=len(dims))
    return Diagnosis(reason, x.method(f"permute({_written(_order(dims, rank))})"))


def transpose(call: FailingCall) -> Diagnosis | None:
    """One of two axes that is not there."""
    x = call.operands[0]
    given = (*call.args[1:], *(value for name, value in call.kwargs.items() if name in _EXCHANGED))
    dims = [dim for dim in given if isinstance(dim, int)]
    rank = len(x.shape)
    if len(dims) != 2 or all(-rank <= dim < rank for dim in dims):
        return None
    reason = _EXCHANGE.format(
        x=x.name, rank=rank, shape=x.shape_text, first=-rank, last=rank - 1, op=call.op, dims=f"{dims[0]} and {dims[1]}"
    )
    if rank < 2:
        return Diagnosis(reason)
    nearest = [dim if -rank <= dim < rank else min(max(dim, -rank), rank - 1) for dim in dims]
    if nearest[0] % rank == nearest[1] % rank:
        # The one that is not there becomes the neighbour of the other.
        wrong = next(at for at, dim in enumerate(dims) if not -rank <= dim < rank)
        nearest[wrong] = (nearest[1 - wrong] % rank or 2) - 1
    return Diagnosis(reason, x.method(f"transpose({_written(nearest)})"))


def expand(call: FailingCall) -> Diagnosis | None:
    """An axis that is not 1 expanded to another size, or fewer sizes than axes."""
    x, sizes = call.operands[0], _numbers(call, "size")
    rank = len(x.shape)
    if not sizes:
        return None
    if len(sizes) < rank:
        reason = _TOO_FEW.format(op="expand", rank=rank, x=x.name, shape=x.shape_text, count=len(sizes))
        fitting = [*x.shape[: rank - len(sizes)], *sizes]
        return Diagnosis(reason, _expanded(x, fitting))
    new = len(sizes) - rank
    for axis, size in enumerate(x.shape):
        if size != 1 and sizes[new + axis] not in (-1, size):
            reason = _EXPAND.format(x=x.name, axis=x.edge_text(axis), size=sizes[new + axis])
            return Diagnosis(reason, _expanded(x, sizes), (OperandAxis(0, axis),))
    return None


def repeat(call: FailingCall) -> Diagnosis | None:
    """Fewer numbers of repetitions than axes."""
    x, times = call.operands[0], _numbers(call, "repeats")
    rank = len(x.shape)
    if not times or len(times) >= rank:
        return None
    reason = _TOO_FEW.format(op="repeat", rank=rank, x=x.name, shape=x.shape_text, count=len(times))
    return Diagnosis(reason, x.method(f"repeat({_written([*[1] * (rank - len(times)), *times])})"))


def outer(call: FailingCall) -> Diagnosis | None:
    """A tensor of more axes than one, and the product that leaves those before the last alone."""
    for number, x in enumerate(call.operands[:2]):
        if len(x.shape) != 1:
            reason = _OUTER.format(x=x.name, rank=len(x.shape), shape=x.shape_text)
            edges = tuple(OperandAxis(number, axis) for axis in range(len(x.shape)))
            return Diagnosis(reason, _outer_product(*call.operands[:2]), edges)
    return None


def topk(call: FailingCall) -> Diagnosis | None:
    """More than there are along the axis."""
    x = call.operands[0]
    k = call.kwargs.get("k", call.args[1] if len(call.args) > 1 else None)
    dim = call.kwargs.get("dim", call.args[2] if len(call.args) > 2 else -1)
    rank = len(x.shape)
    if not isinstance(k, int) or not isinstance(dim, int) or not -rank <= dim < rank or 0 <= k <= x.shape[dim]:
        return None
    axis = dim % rank
    reason = _TOPK.format(x=x.name, axis=x.axis_text(axis), dim=axis, k=k)
    nearest = x.shape[axis] if k > 0 else 1
    written = f"topk({nearest})" if dim in (-1, rank - 1) else f"topk({nearest}, dim={dim})"
    return Diagnosis(reason, x.method(written), (OperandAxis(0, axis),))


def _numbers(call: FailingCall, name: str) -> list[int]:
    """The whole numbers that a call was given, one by one or as a tuple."""
    rest: Sequence[Any] = call.args[1:] or (call.kwargs.get(name, ()),)
    if len(rest) == 1 and isinstance(rest[0], tuple | list):
        rest = rest[0]
    return list(rest) if all(isinstance(number, int) for number in rest) else []


def _order(dims: Sequence[int], rank: int) -> list[int]:
    """An order of all axes that keeps what can be kept of the one that was given."""
    order: list[int | None] = []
    for dim in dims:
        axis = dim % rank if -rank <= dim < rank else None
        order.append(None if axis in order else axis)
    missing = [axis for axis in range(rank) if axis not in order]
    if len(order) > rank:
        # What stands for no axis goes first, from the end.
        for at in reversed(range(len(order))):
            if order[at] is None and len(order) > rank:
                del order[at]
    filled = [axis if axis is not None else missing.pop(0) for axis in order]
    return [*filled, *missing]


def _expanded(x: FailedOperand, sizes: Sequence[int]) -> str:
    """``x.expand(…)`` with the size that it has on every axis that is not 1."""
    new = len(sizes) - len(x.shape)
    own = (None,) * new + x.shape
    fitting = [size if has in (None, 1) else has for size, has in zip(sizes, own, strict=True)]
    return x.method(f"expand({_written(fitting)})")


def _outer_product(left: FailedOperand, right: FailedOperand) -> str:
    if left.shape and right.shape:
        try:
            torch.broadcast_tensors(on_meta(left.value).unsqueeze(-1), on_meta(right.value).unsqueeze(-2))
        except RuntimeError:
            pass
        else:
            return f"{left.method('unsqueeze(-1)')} * {right.method('unsqueeze(-2)')}"
    return f"torch.outer({left.method('flatten()')}, {right.method('flatten()')})"


def _written(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
