"""The colour of an axis where the page may be light or dark: between the two that it has in the app."""

from __future__ import annotations

import json
import zlib
from functools import cache
from pathlib import Path
from typing import Any

# How far from the tone for a light page to that for a dark one: at least 3 : 1 against white and against #1e1e1e.
_BETWEEN = 0.35
_FILE = Path(__file__).parents[1] / "axis_colours.json"


def axis_colour(symbol: str | None) -> str:
    """``#rrggbb`` for a symbol; the mean of its factors for a product such as ``H*d_k``."""
    factors = [None] if symbol is None else [factor.strip() for factor in symbol.split("*")]
    colours = [_factor_colour(factor) for factor in factors]
    return "#" + "".join(f"{round(sum(channel) / len(channel)):02x}" for channel in zip(*colours, strict=True))


def _factor_colour(symbol: str | None) -> list[float]:
    """Red, green and blue, 0 to 255."""
    colours = _colours()
    if symbol is None or symbol == "1":
        tones = colours["neutral"]
    elif symbol in colours["named"]:
        tones = colours["named"][symbol]
    else:
        tones = colours["others"][zlib.crc32(symbol.encode()) % len(colours["others"])]
    light, dark = ([int(tone[at : at + 2], 16) for at in (1, 3, 5)] for tone in tones)
    return [low + _BETWEEN * (high - low) for low, high in zip(light, dark, strict=True)]


@cache
def _colours() -> dict[str, Any]:
    colours: dict[str, Any] = json.loads(_FILE.read_text("utf-8"))
    return colours
