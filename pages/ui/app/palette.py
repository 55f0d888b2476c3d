"""The colours: one for every axis symbol and one for every role, in a light and a dark tone.

Plain data and pure functions that return ``#rrggbb``, for whatever draws: shape chips, tensors, code comments, graphs.
An axis keeps its colour everywhere, so people can follow a length or a head from screen to screen by colour alone.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Tone:
    """One colour in two tones: ``light`` is read on a light page, ``dark`` on a dark page."""

    light: str
    dark: str

    def on(self, dark: bool) -> str:
        """The tone for a dark page, or for a light one."""
        return self.dark if dark else self.light


AXIS: Mapping[str, Tone] = {
    "B": Tone("#6a7183", "#a6adbd"),
    "H": Tone("#a35e0b", "#e8a04c"),
    "S": Tone("#0b6bb5", "#5eb0f2"),
    "T": Tone("#7a4fc4", "#b79aec"),
    "L": Tone("#44698f", "#8fb4dd"),  # stands for S or T, so it sits between their hues
    "L_k": Tone("#a3397e", "#e58cc4"),
    "d_model": Tone("#62701a", "#b5c25a"),
    "d_k": Tone("#0a8066", "#3fc3a0"),
    "d_v": Tone("#b3363f", "#f08c92"),
    "d_ff": Tone("#7d4f2a", "#d3a478"),
    "V": Tone("#4d5fb8", "#9aa8f0"),
    "F": Tone("#007985", "#4cc6d0"),
    "P": Tone("#8f478a", "#d59ad0"),
    "C": Tone("#9c4a1f", "#e0996f"),
    "Hpx": Tone("#3f7a2c", "#93cf7d"),
    "Wpx": Tone("#1f7a8c", "#6cc7d8"),
    "N": Tone("#2a52a8", "#86a6f5"),  # nearly S: all its tokens but one
    "p": Tone("#8a6d00", "#d9bd4a"),
    "H_kv": Tone("#8c5a12", "#dba862"),  # nearly H: fewer heads of the same kind
    "G": Tone("#945b2e", "#d8a983"),
    "E": Tone("#6b5aa6", "#b3a5e6"),
    "K": Tone("#8a4a72", "#d99cc0"),
    "M": Tone("#2f7a63", "#79c9ae"),
    "n": Tone("#5f6a52", "#aebb9d"),
    "classes": Tone("#5565a0", "#a2b0ec"),
}

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

NEUTRAL = Tone("#666d7e", "#a6adbd")  # the axis "1", an axis without a name, a role without a hue

# For symbols of somebody else's code: enough hues that neighbours usually differ.
_OTHERS = (
    Tone("#9a4a6a", "#e39bb8"),
    Tone("#3f7a2c", "#93cf7d"),
    Tone("#6a5acd", "#b3a8f5"),
    Tone("#a0522d", "#e6a07c"),
    Tone("#1f7a8c", "#6cc7d8"),
    Tone("#8a6d00", "#d9bd4a"),
    Tone("#a43aa4", "#e08fe0"),
    Tone("#4b6a88", "#9dbbd8"),
)


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
