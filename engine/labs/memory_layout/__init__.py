"""What transpose, permute, view, contiguous and reshape do to memory: strides, sharing, the order of reading."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from engine import record
from engine.explain.memory_layout import describe_strides
from engine.labs.script_text import Expression, fill_in

_SCRIPT = Path(__file__).with_name("script.py")

AXES = ("L", "H", "d_k")
WRITTEN = -1  # no place in memory has this number
_MOVED = {"none": "query", "transpose": "transposed", "permute": "permuted"}


@dataclass(frozen=True)
class StrideCondition:
    """What merging an axis with the next asks for: a step along it jumps over exactly what the next one covers.

    ``stride`` of the axis ``outer`` must be ``size`` of ``inner`` × ``inner_stride`` (torch.Tensor.view, the condition
    on stride[i]).
    """

    outer: str
    inner: str
    stride: int
    size: int
    inner_stride: int

    @property
    def holds(self) -> bool:
        """Whether the two axes can become one without a copy."""
        return self.stride == self.size * self.inner_stride


@dataclass(frozen=True)
class Merge:
    """Neighbouring axes made one, tried with view and with reshape.

    Attributes:
        axes: the symbols of the axes to become one.
        sizes: the shape asked for.
        conditions: one for each pair of neighbours among them, axes of size 1 left out: they are never stepped along.
        error: what PyTorch said to view, empty where it made one.
        reshape_shares: whether what reshape returned lies in the same memory.
        nbytes: what reshape wrote anew, 0 where it shares.
    """

    axes: tuple[str, ...]
    sizes: tuple[int, ...]
    conditions: tuple[StrideCondition, ...]
    error: str
    reshape_shares: bool
    nbytes: int


@dataclass(frozen=True)
class Write:
    """A number written at ``index`` of one tensor, and what is read of all three afterwards.

    Attributes:
        index: where it is written, by the axes of that tensor.
        query_index: the same element by the axes of the query.
        query, moved, copied: what each of the three tensors then holds at that element.
    """

    index: tuple[int, ...]
    query_index: tuple[int, ...]
    query: int
    moved: int
    copied: int


@dataclass(frozen=True)
class Layout:
    """A query with its axes moved; each of its numbers is its own position in memory.

    Attributes:
        query: (L, H, d_k) int64, each number its own place.
        moved: the same memory, axes in ``order``.
        copied: ``moved.contiguous()``.
        name: what ``moved`` is called.
        call: the operation as it is written.
        order: for each axis of ``moved``, which axis of the query it is.
        twin: the other way to write it, a permute for a transpose and the reverse; empty where there is none, or where
            its values or strides were not the same.
        unmoved: of all numbers, how many lie at the same place of the storage as before the operation.
        stories: what happened to the memory, in words, at the operation (empty if there was none) and at contiguous.
        merges: the first two axes made one, the last two, and all three.
        through_view: −1 written through ``moved``.
        through_copy: −1 written into ``copied``, on tensors made afresh.
    """

    query: Tensor
    moved: Tensor
    copied: Tensor
    name: str
    call: str
    order: tuple[int, ...]
    twin: str
    unmoved: int
    stories: tuple[str, str]
    merges: tuple[Merge, ...]
    through_view: Write
    through_copy: Write

    @property
    def axes(self) -> tuple[str, ...]:
        """The symbols of the axes of ``moved``."""
        return tuple(AXES[axis] for axis in self.order)

    @property
    def reading(self) -> list[int]:
        """Where in memory each number lies, in the order in which ``moved`` is read: its last axis fastest.

        The place of an element is the sum of index × stride over the axes (torch.Tensor.stride).
        """
        return torch.arange(self.moved.numel()).as_strided(self.moved.shape, self.moved.stride()).flatten().tolist()

    @property
    def jumps(self) -> list[int]:
        """How far each step of the reading goes; 1 is to the next number in memory."""
        return [end - start for start, end in pairwise(self.reading)]


def layout(length: int, heads: int, d_k: int, operation: str, axes: tuple[int, ...]) -> Layout:
    """Moves the axes of a query (L, H, d_k) by "transpose" with two axes, by "permute" with all three, or "none".

    Args:
        length: how many tokens, L.
        heads: how many heads, H.
        d_k: the width of a query in a head.
        operation: "transpose", "permute" or "none".
        axes: two for transpose, all three for permute.
    """
    query = torch.arange(length * heads * d_k).view(length, heads, d_k)
    before = query.flatten().clone()
    moved = _move(query, operation, axes)
    after = torch.empty(0, dtype=moved.dtype).set_(moved.untyped_storage())
    return Layout(
        query=query,
        moved=moved,
        copied=moved.contiguous(),
        name=_MOVED[operation],
        call=_call(operation, axes),
        order=_order(operation, axes),
        twin=_twin(query, moved, operation, axes),
        unmoved=int((before == after).sum()),
        stories=_stories(query, operation, axes),
        merges=tuple(_merge(moved, _order(operation, axes), first, last) for first, last in ((0, 1), (1, 2), (0, 2))),
        through_view=_write(query, operation, axes, into_copy=False),
        through_copy=_write(query, operation, axes, into_copy=True),
    )


def code(length: int, heads: int, d_k: int, operation: str, axes: tuple[int, ...]) -> str:
    """The experiment as a script.

    Args:
        length, heads, d_k, operation, axes: of ``layout``.
    """
    shape = tuple((length, heads, d_k)[axis] for axis in _order(operation, axes))
    moved = Expression(_call(operation, axes))
    return fill_in(_SCRIPT, L=length, H=heads, d_k=d_k, index=_index(shape), moved=moved)


def _move(query: Tensor, operation: str, axes: tuple[int, ...]) -> Tensor:
    if operation == "transpose":
        return query.transpose(*axes)
    return query.permute(*axes) if operation == "permute" else query


def _call(operation: str, axes: tuple[int, ...]) -> str:
    return "query" if operation == "none" else f"query.{operation}({', '.join(map(str, axes))})"


def _order(operation: str, axes: tuple[int, ...]) -> tuple[int, ...]:
    if operation == "permute":
        return axes
    swapped = dict(zip(axes, reversed(axes), strict=True)) if operation == "transpose" else {}
    return tuple(swapped.get(axis, axis) for axis in range(len(AXES)))


def _twin(query: Tensor, moved: Tensor, operation: str, axes: tuple[int, ...]) -> str:
    order = _order(operation, axes)
    displaced = tuple(axis for axis in range(len(AXES)) if order[axis] != axis)
    if operation == "none" or len(displaced) != 2:
        return ""
    twin = ("permute", order) if operation == "transpose" else ("transpose", displaced)
    twin_view = _move(query, *twin)
    return _call(*twin) if torch.equal(twin_view, moved) and twin_view.stride() == moved.stride() else ""


def _stories(query: Tensor, operation: str, axes: tuple[int, ...]) -> tuple[str, str]:
    def both(query: Tensor) -> Tensor:
        moved = _move(query, operation, axes)
        copied = moved.contiguous()
        return copied

    *moving, copying = (describe_strides(step) or "" for step in record(both, query).steps)
    return moving[0] if moving else "", copying


def _merge(moved: Tensor, order: tuple[int, ...], first: int, last: int) -> Merge:
    sizes = (*moved.shape[:first], math.prod(moved.shape[first : last + 1]), *moved.shape[last + 1 :])
    long_axes = [axis for axis in range(first, last + 1) if moved.size(axis) > 1]
    conditions = tuple(
        StrideCondition(AXES[order[i]], AXES[order[j]], moved.stride(i), moved.size(j), moved.stride(j))
        for i, j in pairwise(long_axes)
    )
    try:
        moved.view(sizes)
        error = ""
    except RuntimeError as refused:
        error = str(refused)
    reshaped = moved.reshape(sizes)
    shares = reshaped.data_ptr() == moved.data_ptr()
    return Merge(
        axes=tuple(AXES[order[axis]] for axis in range(first, last + 1)),
        sizes=sizes,
        conditions=conditions,
        error=error,
        reshape_shares=shares,
        nbytes=0 if shares else reshaped.nbytes,
    )


def _write(query: Tensor, operation: str, axes: tuple[int, ...], into_copy: bool) -> Write:
    """On a clone: it is the one experiment in which a tensor is changed, because the change is what is looked at."""
    fresh = query.clone()
    moved = _move(fresh, operation, axes)
    copied = moved.contiguous()
    index = _index(tuple(moved.shape))
    order = _order(operation, axes)
    query_index = tuple(index[order.index(axis)] for axis in range(len(AXES)))
    (copied if into_copy else moved)[index] = WRITTEN
    return Write(
        index=index,
        query_index=query_index,
        query=int(fresh[query_index]),
        moved=int(moved[index]),
        copied=int(copied[index]),
    )


def _index(shape: tuple[int, ...]) -> tuple[int, ...]:
    """An element whose index differs on every axis where it can, so that the order of the axes shows."""
    return tuple(min(index, size - 1) for index, size in zip((0, 1, 2), shape, strict=True))
