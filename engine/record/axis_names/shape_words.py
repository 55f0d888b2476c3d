"""The words in which people write the axes of a tensor, as symbols."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.axes import AXES, is_length, symbol_for

# What people call the last axis of (batch, length, features).
_FEATURES = frozenset(
    ("C", "D", "E", "d", "dim", "hidden", "hidden_dim", "channels", "features", "width", "emb", "embed")
)
_FACTOR = re.compile(r"[^\W\d]\w*")


def written_symbol(word: str) -> tuple[str, bool]:
    """The symbol for a word of a shape that somebody wrote, and whether it is vague.

    A word of the field is the glossary's symbol (``num_heads`` is H); a single letter and any other word stand. Of a
    ``hidden_dim`` nobody can tell whether it is d_model or d_ff.
    """
    vague = len(word) > 1 and word in _FEATURES

    def symbol(match: re.Match[str]) -> str:
        nonlocal vague
        name = match.group()
        known = None if len(name) == 1 or name in AXES else symbol_for(name)
        vague = vague or (known is not None and is_length(known))
        return known or name

    return _FACTOR.sub(symbol, word), vague


def unpacked_symbol(words: Sequence[str], axis: int) -> tuple[str, bool] | None:
    """The symbol for one of the names that a shape is unpacked into, ``B, T, C = x.shape``, and whether it is vague."""
    word = words[axis]
    if word.startswith("_"):
        return None
    rank = len(words)
    if (rank == 4 and {"H", "W"} <= set(words)) or {"height", "width"} <= set(words):
        picture = {"H": "Hpx", "height": "Hpx", "W": "Wpx", "width": "Wpx", "C": "C", "channels": "C"}
        if word in picture:
            return picture[word], False
    if word == "N" and axis == 0:
        return "B", False
    if rank == 3 and axis == 2 and word in _FEATURES:
        return "d_model", True
    if word in ("T", "S", "N", "t", "n", "l", "s"):
        return "L", True
    symbol = symbol_for(word)
    return (symbol, is_length(symbol)) if symbol is not None else (word, True)
