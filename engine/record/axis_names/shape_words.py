"""The words in which people write the axes of a tensor, as symbols."""

from __future__ import annotations

from engine.axes import AXES, symbol_for


def written_symbol(word: str) -> str:
    """The symbol for a word of a shape that somebody wrote.

    A word of the field is the glossary's symbol (``num_heads`` is H); a single letter and any other word stand.
    """
    if len(word) == 1 or word in AXES:
        return word
    return symbol_for(word) or word
