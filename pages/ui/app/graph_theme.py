"""The colours of a graph on the page."""

from __future__ import annotations

from functools import partial

from engine.graph.model_graph import Theme
from pages.ui.app.palette import axis_colour


def graph_theme(dark: bool) -> Theme:
    """The colours for a dark page, or for a light one."""
    axis = partial(axis_colour, dark=dark)
    if dark:
        return Theme("#e6e9f0", "#a6adbd", "#4a5163", "#1c212c", "#151922", axis=axis)
    return Theme(axis=axis)
