"""What a stage shows besides its tensors on a walk: the player, what made the pinned number, where a click leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.ops.access import Index

if TYPE_CHECKING:
    from engine.graph.timeline import Segment


@dataclass(frozen=True)
class Cell:
    """One element of a tensor on a walk.

    Args:
        step: the step's index in the trace.
        index: an entry for each axis.
        panel: which of the step's inputs it is of; None for the step's own tensor.
        within: the indices of the fused calls that the step lies inside of, outermost first.
    """

    step: int
    index: Index
    panel: int | None = None
    within: tuple[int, ...] = ()


@dataclass(frozen=True)
class Jump:
    """A button that leads to another step, or to another cell of this step.

    Args:
        label: what stands on it.
        tooltip: what it says when pointed at.
        step: the index of the step it leads to; None for a button that leads nowhere and is off.
        keeps_pin: whether the pinned cell stays pinned there.
        along: the axis of the output along which the cell moves, from the pinned cell or else the first.
        by: how many positions it moves.
    """

    label: str
    tooltip: str
    step: int | None
    keeps_pin: bool = False
    along: int | None = None
    by: int = 0


@dataclass(frozen=True)
class Enclosing:
    """The fused call that a walk is inside of.

    Args:
        label: its name.
        step: the index of its step.
        within: the indices of the fused calls that this step lies inside of.
    """

    label: str
    step: int
    within: tuple[int, ...] = ()


@dataclass(frozen=True)
class Player:
    """Where the walk is.

    Args:
        run: names the trace, so that the browser drops stages that were sent ahead for another.
        step: the index of the step on the stage.
        last: the index of the trace's last step.
        path: the names of the modules that the step lies in, and its own.
        levels: the timeline, from the coarsest level to the finest.
        jumps: the buttons that lead elsewhere.
        dwell: the seconds that autoplay stays at this step.
        within: the fused call that this walk is inside of; None on the walk through the trace itself.
        ticket: with which the browser fetches other stages by itself; empty where it cannot.
        moves: how many moves of a size this stage answers; None where another size is not fetched.
    """

    run: str
    step: int
    last: int
    path: Sequence[str]
    levels: Sequence[Sequence[Segment]] = ()
    jumps: Sequence[Jump] = ()
    dwell: float = 1.6
    within: Enclosing | None = None
    ticket: str = ""
    moves: int | None = None


@dataclass(frozen=True)
class FactorLink:
    """One number that was read, which leads to what made it.

    Args:
        name: the element by its axes.
        value: the number as it is shown.
        cell: where it leads; None for a number written in the call.
        panel: the panel of this stage that shows it; None where none does.
    """

    name: str
    value: str
    cell: Cell | None
    panel: int | None = None


@dataclass(frozen=True)
class TermLine:
    """What some numbers together put into the result.

    Args:
        factors: the numbers; two for a product.
        amount: what they come to, as it is shown; empty where there is only one term.
        share: that divided by the largest amount of all terms, −1 to 1.
    """

    factors: Sequence[FactorLink]
    amount: str
    share: float


@dataclass(frozen=True)
class Breadcrumb:
    """A cell that the walk came through: its label, and its tooltip when pointed at.

    Attributes:
        label: the cell as code writes it.
        tooltip: what stands there when it is pointed at.
    """

    label: str
    tooltip: str


@dataclass(frozen=True)
class PinExplanation:
    """What made the pinned number.

    Args:
        name: the element, as code writes it.
        sentence: what happened, in words.
        formula: the operation with the indices of this element; empty where it is unknown.
        arithmetic: the same with its numbers.
        verdict: whether computing again gives the recorded number.
        agrees: whether it does; True also where it cannot be computed again.
        heading: what stands above the terms.
        terms: the largest terms.
        rest: what the terms that are not listed come to; empty where all are listed.
        trail: the cells that the walk came through.
    """

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

    Args:
        step: the index of a step.
        cell: the cell of the step to pin, of its output, or of the input ``panel``.
        keeps_pin: keep what is pinned now.
        trail: "walk" to go on along the arithmetic, a number to go back to that position of the trail, None otherwise.
        within: the indices of the fused calls that the step lies inside of; None for those of the step on screen.
    """

    step: int
    cell: Index | None = None
    panel: int | None = None
    keeps_pin: bool = False
    trail: str | int | None = None
    within: tuple[int, ...] | None = None


def navigation_request(sent: Any) -> NavigationRequest | None:
    """A request of the browser, checked for its types; the page checks whether there is such a step and cell.

    Args:
        sent: what the browser sent, which may be anything.

    Returns:
        The request; None for one that names no step.
    """
    if not isinstance(sent, dict) or type(sent.get("step")) is not int:
        return None
    cell, panel, trail, within = (sent.get(name) for name in ("cell", "panel", "trail", "within"))
    return NavigationRequest(
        step=sent["step"],
        cell=_numbers(cell),
        panel=panel if type(panel) is int else None,
        keeps_pin=sent.get("keeps_pin") is True,
        trail=trail if trail == "walk" or type(trail) is int else None,
        within=_numbers(within),
    )


def _numbers(given: Any) -> tuple[int, ...] | None:
    return tuple(given) if isinstance(given, list) and all(type(number) is int for number in given) else None
