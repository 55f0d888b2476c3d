"""Buttons that copy this page's link and hand out a picture, as the browser alone can."""

from __future__ import annotations

from pathlib import Path

from pages.ui.components.mount import component

_HERE = Path(__file__).parent

_component = component(_HERE / "share_panel.css", _HERE / "share_panel.js")


def share_panel(svg: str, file: str, *, key: str) -> None:
    """Draws the buttons.

    Args:
        svg: the picture, as the text of an SVG file.
        file: the name of the files, without an ending.
        key: the component's key on the page.
    """
    _component(key=key, data={"svg": svg, "file": file})
