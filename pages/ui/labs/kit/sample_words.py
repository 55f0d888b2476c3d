"""Words to label the tokens of an experiment with."""

from __future__ import annotations

_WORDS = "I go home and read a book by the old sea while it rains and nobody waits for me there"


def words(count: int) -> tuple[str, ...]:
    """Labels for ``count`` tokens: the words of a sentence, then "word 18" and so on."""
    some = _WORDS.split()[:count]
    return (*some, *(f"word {index}" for index in range(len(some), count)))
