"""The colours: one for every axis symbol and one for every role, in a light and a dark tone.

Plain data and pure functions that return ``#rrggbb``, for whatever draws: shape chips, tensors, code comments, graphs.
An axis keeps its colour everywhere, so people can follow a length or a head from screen to screen by colour alone.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Tone:
    """One colour in two tones: ``light`` is read on a light page, ``dark`` on a dark page."""

    light: str
    dark: str

    def on(self, dark: bool) -> str:
        """The tone for a dark page, or for a light one."""
        return self.dark if dark else self.light


# By symbol, on a light page and on a dark one. L stands for S or T, so it sits between their hues; N is nearly S, all
# its tokens but one; H_kv is nearly H. Notebooks show the same colours: they lie with the
# engine, as data, because importing the engine loads torch.
_COLOURS = json.loads((Path(__file__).parents[3] / "engine" / "axis_colours.json").read_text("utf-8"))
AXIS: Mapping[str, Tone] = {symbol: Tone(*tones) for symbol, tones in _COLOURS["named"].items()}

ROLE: Mapping[str, Tone] = {
    "query": Tone("#2f6fde", "#7aa7ff"),
    "key": Tone("#c2410c", "#fb923c"),
    "value": Tone("#15803d", "#4ade80"),
    "scores": Tone("#7c3aed", "#b794f6"),
    "weights": Tone("#be185d", "#f472b6"),
    "output": Tone("#a16207", "#facc15"),
    "mask": Tone("#64748b", "#a3b1c6"),
    "embedding": Tone("#0e7490", "#22d3ee"),
    "parameter": Tone("#57534e", "#c4beb8"),
}

NEUTRAL = Tone(*_COLOURS["neutral"])  # the axis "1", an axis without a name, a role without a hue

# Okabe and Ito's colours, which colour-blind eyes tell apart; darker or lighter to stand on either background.
CURVES = (
    Tone("#0072b2", "#56b4e9"),
    Tone("#c2410c", "#fb923c"),
    Tone("#00795a", "#35c79b"),
    Tone("#a3477f", "#e59bc8"),
    Tone("#8a6d00", "#e8c33c"),
)

# For symbols of somebody else's code: enough hues that neighbours usually differ.
_OTHERS = tuple(Tone(*tones) for tones in _COLOURS["others"])


def tones() -> tuple[Tone, ...]:
    """The tones of all axes and roles, each once."""
    return tuple(dict.fromkeys((*AXIS.values(), *_OTHERS, *ROLE.values(), NEUTRAL)))


def axis_tone(symbol: str | None) -> Tone:
    """The tone of one symbol; an unknown one gets a colour that depends on its letters only, so it never changes."""
    if symbol is None or symbol == "1":
        return NEUTRAL
    if symbol in AXIS:
        return AXIS[symbol]
    return _OTHERS[zlib.crc32(symbol.encode()) % len(_OTHERS)]


def axis_tones(symbol: str | None) -> tuple[Tone, ...]:
    """The tones of a symbol's factors: two for ``H*d_k``, one for most."""
    if symbol is None or "*" not in symbol:
        return (axis_tone(symbol),)
    return tuple(axis_tone(factor.strip()) for factor in symbol.split("*"))


def axis_colour(symbol: str | None, dark: bool = False) -> str:
    """One colour for a symbol, e.g. ``axis_colour("H") == "#a35e0b"``; a product gets the mean of its factors."""
    return _mean([tone.on(dark) for tone in axis_tones(symbol)])


def axis_colours(symbol: str | None, dark: bool = False) -> tuple[str, ...]:
    """A colour per factor, for an underline in two colours: ``axis_colours("H*d_k") == ("#a35e0b", "#0a8066")``."""
    return tuple(tone.on(dark) for tone in axis_tones(symbol))


def _mean(colours: list[str]) -> str:
    channels = [[int(colour[at : at + 2], 16) for colour in colours] for at in (1, 3, 5)]
    return "#" + "".join(f"{round(sum(channel) / len(channel)):02x}" for channel in channels)
