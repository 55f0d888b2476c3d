"""The colours of paper: each of the dark theme has one that can be read on white."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

from pages.ui.app import palette, paper
from pages.ui.app.graph_theme import graph_theme

_CONFIG = Path(__file__).parents[3] / ".streamlit" / "config.toml"


def _contrast(colour: str, other: str) -> float:
    """How far apart two colours are in lightness, as WCAG 2.1 defines it: from 1 to 21."""
    lighter, darker = sorted((_luminance(colour), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_every_colour_that_is_read_on_a_dark_page_is_read_on_paper() -> None:
    for dark, light in paper.light_colours().items():
        if _contrast(dark, "#11141b") > 4.5:
            assert _contrast(light, "#ffffff") > 2.7, (dark, light)
        else:  # an area or a line
            assert _contrast(light, "#ffffff") < 2, (dark, light)


def test_all_colours_of_the_dark_theme_and_of_the_palette_have_a_light_one() -> None:
    colours = paper.light_colours()
    theme = tomllib.loads(_CONFIG.read_text("utf-8"))["theme"]["dark"]
    graph = graph_theme(dark=True)
    read = [*theme.values(), graph.ink, graph.soft, graph.border, graph.node, graph.group]
    assert {colour.lower() for colour in read} <= colours.keys()
    assert {tone.dark for tone in (*palette.tones(), *palette.CURVES)} <= colours.keys()
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for pair in colours.items() for colour in pair)


def test_the_script_of_a_page_ends_with_the_colours_and_closes_no_tag() -> None:
    call = paper.script().splitlines()[-1]
    assert json.loads(call.removeprefix("printLight(window, ").removesuffix(");")) == paper.light_colours()
    assert "</" not in paper.script()
