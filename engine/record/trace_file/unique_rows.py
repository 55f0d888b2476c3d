"""A table of a manifest in which every row stands once; what has many of them refers to a row by its number.

A program of ten thousand steps runs the same few lines again and again: their text, the names of their axes and the
layouts of their tensors are kept, and read, once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any


class UniqueRows:
    """Rows in the order in which they were first asked for.

    Attributes:
        rows: what is written of each.
    """

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self._numbers: dict[Hashable, int] = {}

    def number(self, key: Hashable, row: Callable[[], Any] | None = None) -> int:
        """The number of a row.

        Args:
            key: equal for equal rows.
            row: makes what is written of it, where that is not the key itself.
        """
        known = self._numbers.get(key)
        if known is None:
            known = self._numbers[key] = len(self.rows)
            self.rows.append(key if row is None else row())
        return known
