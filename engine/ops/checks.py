"""What must hold of a call, and the words in which it is told."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Check:
    """Something that must hold, and whether it does.

    Attributes:
        label: what should hold, in a few words.
        holds: whether it does.
        detail: what was measured, in a sentence.
    """

    label: str
    holds: bool
    detail: str


def same_numbers(value: Tensor, other: Tensor) -> Tensor:
    """Where two tensors hold the same number; a NaN is the same as a NaN."""
    return (value == other) | ((value != value) & (other != other))
