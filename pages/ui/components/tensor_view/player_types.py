"""What a stage has around it on a walk: the player, what made the pinned number, and where a click leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.ops.access import Index

if TYPE_CHECKING:
    from engine.graph.timeline import Segment


@dataclass(frozen=True)
class Cell:
    """One element of a walk: of the tensor that a step made, or of one that it read (``panel`` counts those)."""

    step: int
    index: Index
    panel: int | None = None


@dataclass(frozen=True)
class Jump:
    """A way to another step, nowhere where ``step`` is None; or, ``by`` so many places ``along`` an axis of the
    output, to another cell of this step, from the pinned one or else the first."""

    label: str
    says: str
    step: int | None
    keeps_pin: bool = False
    along: int | None = None
    by: int = 0


@dataclass(frozen=True)
class Player:
    """Where the walk is. ``run`` names the trace: what was sent ahead for another is of no use."""

    run: str
    step: int
    last: int
    path: Sequence[str]
    levels: Sequence[Sequence[Segment]] = ()
    jumps: Sequence[Jump] = ()
    dwell: float = 1.6  # seconds that autoplay stays here


@dataclass(frozen=True)
class FactorLink:
    """One number that was read: what it is, its value, and its cell, None for a number written in the call.

    ``panel`` is where this stage shows it.
    """

    name: str
    value: str
    cell: Cell | None
    panel: int | None = None


@dataclass(frozen=True)
class TermLine:
    """What some numbers together put into the result; ``share`` is that against the largest, −1 to 1."""

    factors: Sequence[FactorLink]
    amount: str
    share: float


@dataclass(frozen=True)
class Breadcrumb:
    """A cell the walk came through."""

    label: str
    says: str


@dataclass(frozen=True)
class PinExplanation:
    """What made the pinned number. ``rest`` says what the terms that are not listed come to."""

    name: str
    sentence: str
    formula: str = ""
    arithmetic: str = ""
    verdict: str = ""
    agrees: bool = True
    heading: str = ""
    terms: Sequence[TermLine] = ()
    rest: str = ""
    trail: Sequence[Breadcrumb] = field(default=())


@dataclass(frozen=True)
class NavigationRequest:
    """Where a person asked to go.

    Attributes:
        cell: the cell of the step to pin, of its output, or of the input ``panel``.
        keeps_pin: keep what is pinned now.
        trail: "walk" to go on along the arithmetic, a number to go back to that place of the trail, None otherwise.
    """

    step: int
    cell: Index | None = None
    panel: int | None = None
    keeps_pin: bool = False
    trail: str | int | None = None


def navigation_request(asked: Any) -> NavigationRequest | None:
    """What a browser asked for, if it makes sense; whether there is such a step and cell is for the page to see."""
    if not isinstance(asked, dict) or type(asked.get("step")) is not int:
        return None
    cell, panel, trail = asked.get("cell"), asked.get("panel"), asked.get("trail")
    return NavigationRequest(
        step=asked["step"],
        cell=tuple(cell) if isinstance(cell, list) and all(type(position) is int for position in cell) else None,
        panel=panel if type(panel) is int else None,
        keeps_pin=asked.get("keeps_pin") is True,
        trail=trail if trail == "walk" or type(trail) is int else None,
    )
