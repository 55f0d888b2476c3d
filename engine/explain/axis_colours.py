"""The colour of an axis where a page may be light or dark: the one that it has on a light page of the app."""

from __future__ import annotations

import json
import zlib
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parents[1] / "axis_colours.json"


def axis_colour(symbol: str | None) -> str:
    """``#rrggbb`` for a symbol; the mean of its factors for a product such as ``H*d_k``."""
    factors = [None] if symbol is None else [factor.strip() for factor in symbol.split("*")]
    colours = [_factor_colour(factor) for factor in factors]
    channels = [[int(colour[at : at + 2], 16) for colour in colours] for at in (1, 3, 5)]
    return "#" + "".join(f"{round(sum(channel) / len(channel)):02x}" for channel in channels)


def _factor_colour(symbol: str | None) -> str:
    colours = _colours()
    if symbol is None or symbol == "1":
        tones = colours["neutral"]
    elif symbol in colours["named"]:
        tones = colours["named"][symbol]
    else:
        tones = colours["others"][zlib.crc32(symbol.encode()) % len(colours["others"])]
    return str(tones[0])


@cache
def _colours() -> dict[str, Any]:
    colours: dict[str, Any] = json.loads(_FILE.read_text("utf-8"))
    return colours
