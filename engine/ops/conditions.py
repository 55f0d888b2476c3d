"""Which output elements read an input at all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.wording import conjunction


class Condition(ABC):
    """Which output elements read an input at all."""

    @abstractmethod
    def holds(self, index: tuple[int, ...]) -> bool:
        """Whether the output element at ``index`` reads the input."""

    @abstractmethod
    def written(self, letters: Sequence[str]) -> str:
        """The condition in a formula, the output's own indices being ``letters``."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The ``when`` of the JSON form."""


@dataclass(frozen=True)
class Guard(Condition):
    """Elements for which first <= index[out] - index[minus] < end."""

    out: int
    first: int | None = None
    end: int | None = None
    minus: int | None = None

    def holds(self, index: tuple[int, ...]) -> bool:
        position = index[self.out] - (0 if self.minus is None else index[self.minus])
        return (self.first is None or self.first <= position) and (self.end is None or position < self.end)

    def written(self, letters: Sequence[str]) -> str:
        subject = letters[self.out] + ("" if self.minus is None else f" − {letters[self.minus]}")
        above = "" if self.first is None else f"{self.first} ≤ ".replace("-", "−")
        below = "" if self.end is None else f" < {self.end}".replace("-", "−")
        return f"{above}{subject}{below}"

    def to_json(self) -> dict[str, Any]:
        limits = {"out": self.out, "first": self.first, "end": self.end, "minus": self.minus}
        return {key: value for key, value in limits.items() if value is not None}


@dataclass(frozen=True)
class Region(Condition):
    """Elements inside or outside a box.

    Attributes:
        limits: for each output axis the first index and the one after the last; None where all belong to the box.
        inside: whether the elements inside are meant.
    """

    limits: tuple[tuple[int, int] | None, ...]
    inside: bool

    def holds(self, index: tuple[int, ...]) -> bool:
        pairs = zip(self.limits, index, strict=True)
        return all(limit is None or limit[0] <= at < limit[1] for limit, at in pairs) is self.inside

    def written(self, letters: Sequence[str]) -> str:
        parts = [
            f"{letter} = {limit[0]}" if limit[1] - limit[0] == 1 else f"{limit[0]} ≤ {letter} < {limit[1]}"
            for limit, letter in zip(self.limits, letters, strict=True)
            if limit is not None
        ]
        together = conjunction(parts) or "everywhere"
        return together if self.inside else f"not ({together})"

    def to_json(self) -> dict[str, Any]:
        return {"region": [None if limit is None else list(limit) for limit in self.limits], "inside": self.inside}
