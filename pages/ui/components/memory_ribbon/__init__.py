"""The storage of a tensor as a ribbon of numbers, and below it the order in which a view of it reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from pages.ui.app.palette import axis_tone
from pages.ui.components.mount import component

_component = component(__file__, "ribbon")


@dataclass(frozen=True)
class Ribbon:
    """A view of a tensor whose numbers lie in memory in an order of their own.

    Args:
        name: the name of the view.
        shape: the sizes of its axes.
        stride: how many numbers apart in memory neighbours along each axis are.
        axes: the symbols of its axes.
        order: for each axis of the view, which axis of the tensor it is. The first axis of the tensor gives a cell its
            hue, the others go from dark to light.
        reading: the position in memory of each number of the view, in the order in which it is read.
        above: the label of the row of memory.
        below: the label of the row of the view.
        label: the sentence for those who do not see it.
    """

    name: str
    shape: Sequence[int]
    stride: Sequence[int]
    axes: Sequence[str]
    order: Sequence[int]
    reading: Sequence[int]
    above: str
    below: str
    label: str


def ribbon(shown: Ribbon, *, key: str) -> None:
    """Draws a ribbon with a player that reads number after number.

    Args:
        shown: what is drawn.
        key: the component's key on the page.
    """
    tones = [[axis_tone(symbol).light, axis_tone(symbol).dark] for symbol in shown.axes]
    _component(key=key, data={**asdict(shown), "tones": tones})
