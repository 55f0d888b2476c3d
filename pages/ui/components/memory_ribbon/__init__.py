"""The storage of a tensor as a ribbon of numbers, and below it the order in which a view of it reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pages.ui.app.palette import axis_tone
from pages.ui.components.mount import component

_HERE = Path(__file__).parent

_component = component(_HERE / "ribbon.css", _HERE / "ribbon.js")


@dataclass(frozen=True)
class Ribbon:
    """A view of a tensor whose numbers lie in memory in their own order.

    ``order`` says for each axis of the view which axis of the tensor it is; the first axis of the tensor gives a cell
    its hue, the others go from dark to light. ``reading`` has the place in memory of each number of the view, in the
    order in which it is read. ``above`` and ``below`` name the two rows.
    """

    name: str
    shape: Sequence[int]
    stride: Sequence[int]
    axes: Sequence[str]
    order: Sequence[int]
    reading: Sequence[int]
    above: str
    below: str
    says: str


def ribbon(shown: Ribbon, *, key: str) -> None:
    """Draws it, with a player that reads number after number."""
    tones = [[axis_tone(symbol).light, axis_tone(symbol).dark] for symbol in shown.axes]
    _component(key=key, data={**asdict(shown), "tones": tones})
