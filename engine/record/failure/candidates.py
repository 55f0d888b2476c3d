"""Small changes to one operand, and how a program would write them, from the most to the least usual."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations
from typing import NamedTuple

from torch import Tensor

from engine.record.failure.failure import FailedOperand


class Candidate(NamedTuple):
    """One change of an operand.

    Attributes:
        text: the changed operand as a program would write it.
        change: what makes it.
    """

    text: str
    change: Callable[[Tensor], Tensor]


def transposed(operand: FailedOperand) -> Iterator[Candidate]:
    """The operand with two of its axes exchanged, the last two first."""
    rank = len(operand.shape)
    pairs = sorted(combinations(range(rank), 2), key=lambda pair: (-pair[1], -pair[0]))
    for first, second in pairs:
        if operand.shape[first] == operand.shape[second]:
            continue
        # The last two are written from the end, as people write them.
        axes = (-2, -1) if (first, second) == (rank - 2, rank - 1) else (first, second)
        yield Candidate(operand.method(f"transpose({axes[0]}, {axes[1]})"), partial(_transpose, axes=axes))


def exchanged(candidate: Candidate) -> tuple[int, int] | None:
    """The two axes that a candidate of ``transposed`` exchanges; None for any other."""
    change = candidate.change
    if not isinstance(change, partial) or change.func is not _transpose:
        return None
    axes: tuple[int, int] = change.keywords["axes"]
    return axes


def moved_twice(operand: FailedOperand) -> Iterator[Candidate]:
    """The operand with its two middle axes exchanged and then its last two: heads before tokens, and a key turned."""
    if len(operand.shape) == 4:
        yield Candidate(
            operand.method("transpose(1, 2).transpose(-2, -1)"), lambda t: t.transpose(1, 2).transpose(-2, -1)
        )


def unsqueezed(operand: FailedOperand, rank: int) -> Iterator[Candidate]:
    """The operand with axes of size 1 put in, up to this rank."""
    own = len(operand.shape)
    if own >= rank:
        return
    if own + 1 == rank:
        for axis in range(own, -1, -1):
            yield Candidate(operand.method(f"unsqueeze({axis})"), partial(_unsqueeze, axis=axis))
        return
    # A mask of two axes is most often one of sentences and keys, the first axis and the last.
    for kept in sorted(combinations(range(rank), own), key=lambda kept: (kept[-1] != rank - 1, kept[0] != 0)):
        index = tuple(slice(None) if axis in kept else None for axis in range(rank))
        written = ", ".join(":" if axis in kept else "None" for axis in range(rank))
        yield Candidate(f"{operand.receiver}[{written}]", partial(_indexed, index=index))


def repeated(operand: FailedOperand, axis: int, size: int) -> Iterator[Candidate]:
    """The operand with each of its entries along an axis repeated until there are ``size``; grouped key heads."""
    own = operand.shape[axis]
    if own and size % own == 0:
        times = size // own
        yield Candidate(
            operand.method(f"repeat_interleave({times}, dim={axis})"), partial(_repeat, times=times, axis=axis)
        )


def _transpose(tensor: Tensor, axes: tuple[int, int]) -> Tensor:
    return tensor.transpose(*axes)


def _unsqueeze(tensor: Tensor, axis: int) -> Tensor:
    return tensor.unsqueeze(axis)


def _indexed(tensor: Tensor, index: tuple[slice | None, ...]) -> Tensor:
    return tensor[index]


def _repeat(tensor: Tensor, times: int, axis: int) -> Tensor:
    return tensor.repeat_interleave(times, dim=axis)
