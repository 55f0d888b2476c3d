"""What is known of the names of one step's axes beside the names: where they are from, and what speaks against them."""

from __future__ import annotations

from dataclasses import dataclass

_TWO = "Axis {axis} is called {first} ({first_source}) and {second} ({second_source})."


@dataclass(frozen=True)
class AxisDisagreement:
    """Two names that the program gives to one axis.

    Attributes:
        axis: which axis, from 0.
        names: the name that is shown, and the other.
        sources: where each is from.
    """

    axis: int
    names: tuple[str, str]
    sources: tuple[str, str]

    @property
    def sentence(self) -> str:
        """Both names with their sources, in words for people."""
        return _TWO.format(
            axis=self.axis, first=self.names[0], first_source=self.sources[0], second=self.names[1],
            second_source=self.sources[1],
        )  # fmt: skip


@dataclass(frozen=True)
class AxisNotes:
    """Where the names of a step's axes are from.

    Attributes:
        origins: by axis, in words for people; None for an axis without a name.
        disagreements: the axes to which the program gives two names.
        contradiction: what in the step's shape comment can't be true, or may not be, as a sentence; None for nothing.
    """

    origins: tuple[str | None, ...] = ()
    disagreements: tuple[AxisDisagreement, ...] = ()
    contradiction: str | None = None
