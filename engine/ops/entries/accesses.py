"""Access maps that several operations share."""

from __future__ import annotations

from collections.abc import Sequence

from engine.ops.access import AccessMap, AffineMap, SameIndex
from engine.ops.call import Call


def same_index(call: Call) -> dict[str, AccessMap] | None:
    """The same index of every input, with broadcasting; None where the shapes do not broadcast to the output's."""
    out = call.step.shape
    reads: dict[str, AccessMap] = {}
    for name in call.tensors:
        shape = call.shape(name)
        skipped = len(out) - len(shape)
        if skipped < 0 or any(size not in (1, wide) for size, wide in zip(shape, out[skipped:], strict=True)):
            return None
        reads[name] = AffineMap(shape, tuple(SameIndex(skipped + axis) for axis in range(len(shape))))
    return reads


def same_index_of_input(call: Call) -> dict[str, AccessMap] | None:
    """The same index of the input alone; another tensor only lends its shape, dtype or device."""
    reads = same_index(call)
    return None if reads is None else {"input": reads["input"]}


def permuted(call: Call, order: Sequence[int]) -> dict[str, AccessMap]:
    """Output axis j is the input's axis order[j]."""
    shape = call.shape("input")
    return {"input": AffineMap(shape, tuple(SameIndex(order.index(axis)) for axis in range(len(shape))))}


def axis_of(dim: int, rank: int) -> int:
    """A dim counted from either end, as an axis counted from the front."""
    return dim % rank if rank else 0
