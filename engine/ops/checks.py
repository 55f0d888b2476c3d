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


def counted(count: int, singular: str, plural: str, **values: object) -> str:
    """The text about so many things, e.g. ``counted(3, "{count} row", "{count} rows")``.

    Args:
        count: how many things there are.
        singular: the whole text for exactly one thing.
        plural: the whole text for any other number of things.
        **values: what stands at the other named places of the text.

    Returns:
        The text, with ``count`` and ``values`` at their places; a large count has commas.
    """
    return (singular if count == 1 else plural).format(count=f"{count:,}", **values)
