"""Buttons that copy this page's link and hand out a picture, as the browser alone can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from pages.ui.components.mount import component

_component = component(__file__, "share_panel")


@dataclass(frozen=True)
class StripCaption:
    """What stands around the strip in a picture of it.

    Attributes:
        title: the block that is drawn.
        legend: for each axis its words, and their colours on a light and on a dark page.
        note: how to read the boxes, a line.
        font: the CSS font of all words.
        file: the name of the files, without an ending.
    """

    title: str
    legend: Sequence[tuple[str, str, str]]
    note: str
    font: str
    file: str


def share_panel(svg: str, file: str, strip: StripCaption | None, *, key: str) -> None:
    """Draws the buttons.

    Args:
        svg: the picture, as the text of an SVG file.
        file: the name of the files, without an ending.
        strip: what stands around the strip of this page in a picture of that; None on a page without one.
        key: the component's key on the page.
    """
    _component(key=key, data={"svg": svg, "file": file, "strip": strip and asdict(strip)})
