"""The ways into a fused call that comes from a file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from engine.record.inside import FusedCall, opener_of

# What an opener raises that gets other arguments than its operation takes.
_NOT_ITS_ARGUMENTS = (TypeError, ValueError, IndexError, KeyError, AttributeError, RuntimeError, AssertionError)


@dataclass(frozen=True)
class SavedCall:
    """A call whose arguments are in the file: it is opened as a recorded one, when somebody asks."""

    fused: FusedCall

    def __call__(self) -> Any:
        return self._inside

    @property
    def is_open(self) -> bool:
        """Whether its inside is there already."""
        return "_inside" in vars(self)

    def call(self) -> FusedCall | None:
        """The call, as its opener gets it."""
        return self.fused

    def once(self) -> Any:
        """Its inside."""
        return self._inside

    @cached_property
    def _inside(self) -> Any:
        opener = opener_of(self.fused.op)
        try:
            return None if opener is None else opener(self.fused)
        except _NOT_ITS_ARGUMENTS:
            return None


@dataclass(frozen=True)
class SavedInside:
    """A call whose inside is in the file."""

    inside: Any

    def __call__(self) -> Any:
        return self.inside

    @property
    def is_open(self) -> bool:
        """True: its inside came with the file."""
        return True

    def call(self) -> FusedCall | None:
        """None: the call itself is not kept."""
        return None

    def once(self) -> Any:
        """Its inside."""
        return self.inside
