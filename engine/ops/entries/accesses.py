"""Access maps that several operations share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.ops.access import AccessMap, AffineMap, AxisAccess, SameIndex, Shape
from engine.ops.call import Call
from engine.ops.conditions import Condition


def like_output(shape: Shape, but: Mapping[int, AxisAccess] | None = None, when: Condition | None = None) -> AffineMap:
    """The map of an input as deep as the output: along each axis the output's index.

    Args:
        shape: of the input.
        but: what is read along the axes, by number, that do not follow the output.
        when: for which elements of the output it is read; None for all.
    """
    others = but or {}
    return AffineMap(shape, tuple(others.get(axis, SameIndex(axis)) for axis in range(len(shape))), when)


def same_index(call: Call, names: Sequence[str] | None = None) -> dict[str, AccessMap] | None:
    """The same index of these inputs, of all where none are named, with broadcasting.

    Returns:
        The access maps by parameter; None where the shapes do not broadcast to the output's.
    """
    out = call.step.shape
    reads: dict[str, AccessMap] = {}
    for name in call.tensors if names is None else names:
        shape = call.shape(name)
        skipped = len(out) - len(shape)
        if skipped < 0 or any(size not in (1, wide) for size, wide in zip(shape, out[skipped:], strict=True)):
            return None
        reads[name] = AffineMap(shape, tuple(SameIndex(skipped + axis) for axis in range(len(shape))))
    return reads


def same_index_of_input(call: Call) -> dict[str, AccessMap] | None:
    """The same index of the input alone; another tensor only lends its shape, dtype or device."""
    return same_index(call, ("input",))


def permuted(call: Call, order: Sequence[int]) -> dict[str, AccessMap]:
    """Output axis j is the input's axis order[j]."""
    shape = call.shape("input")
    return {"input": AffineMap(shape, tuple(SameIndex(order.index(axis)) for axis in range(len(shape))))}


def axis_of(dim: int, rank: int) -> int:
    """A dim counted from either end, as an axis counted from the front."""
    return dim % rank if rank else 0
