"""What a printed page looks like: its style, and the script that prints a dark page in the light theme's colours."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pages.ui.app import palette
from pages.ui.app.graph_theme import graph_theme

_HERE = Path(__file__).parent
_CONFIG = _HERE.parents[3] / ".streamlit" / "config.toml"
# Streamlit's own colours, dark and light, where .streamlit/config.toml names none, and those it makes of others.
_STREAMLIT = {
    "#151922": "#fbfbfd",  # code
    "#161923": "#ffffff",  # the area of a field
    "#7ed5b0": "#0c5a44",
    "#f2919a": "#9e303b",
    "#f2a56d": "#9b4519",
    "#fbd54f": "#956b0f",
    "#85b8f8": "#244fb4",
    "#bf8ef7": "#6f33b8",
    "#b8b3a8": "#686255",
    "#412023": "#fff1f2",
    "#342414": "#fff6ed",
    "#302917": "#fffae5",
    "#1e2a3d": "#edf5ff",
    "#0e2f24": "#f1fbf6",
    "#332244": "#f8f2ff",
    "#2c2925": "#f5f4f2",
    "#e6eaf1": "#808495",  # the axes of a chart
    "#a3aec7": "#9696ca",  # what a slider has not reached
}


def style() -> str:
    """The style of paper, as CSS."""
    return (_HERE / "paper.css").read_text("utf-8")


def script() -> str:
    """The script that prints a dark page light, as JavaScript; one line of it has the colours."""
    return f"{(_HERE / 'paper.js').read_text('utf-8')}\nprintLight(window, {json.dumps(light_colours())});\n"


@cache
def light_colours() -> dict[str, str]:
    """The colours of the light theme by those of the dark one, all as ``#rrggbb``."""
    return dict(_STREAMLIT) | {dark.lower(): light.lower() for dark, light in _pairs()}


def _pairs() -> Iterator[tuple[str, str]]:
    for tone in (*palette.tones(), *palette.CURVES):
        yield tone.dark, tone.light
    dark, light = graph_theme(dark=True), graph_theme(dark=False)
    for part in ("border", "node", "soft"):
        yield getattr(dark, part), getattr(light, part)
    theme = tomllib.loads(_CONFIG.read_text("utf-8"))["theme"]
    for name, colour in theme["dark"].items():
        yield colour, theme["light"].get(name, "#ffffff")
