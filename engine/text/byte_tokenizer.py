"""Text <-> the ids that a variant reads: its UTF-8 bytes, after three specials.

No published tokenizer is needed for that, every text of every language can be read, and nothing is unknown. A letter of
ASCII is one token, one of Hangul three.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.text import tokenizer
from engine.text.tokenizer import BEGIN, END, SPECIALS, TextError

VOCABULARY_SIZE = len(SPECIALS) + 256
MAX_BYTES = 1024

Rows = tuple[tuple[int, ...], ...]


def encode_text(texts: str | Sequence[str], side: str = "source", *, end: bool) -> Rows:
    """The ids of one text or several, each framed by begin and, where asked for, end, and padded to the longest.

    Args:
        texts: a text, or several.
        side: what they are called where one of them cannot be read.
        end: whether the end follows a text; a model that goes on writing has none.

    Raises:
        TextError: one cannot be read, or is too long.
    """
    return tokenizer.padded([(BEGIN, *row, *([END] if end else [])) for row in _rows(texts, side)])


def encode_pair(first: str | Sequence[str], second: str | Sequence[str]) -> tuple[Rows, Rows]:
    """The ids of pairs of texts, begin, the first, end, the second, end; and beside every id which of both it is of.

    Args:
        first, second: a text, or several; as many of each.

    Raises:
        TextError: one cannot be read, or is too long, or there are more of one than of the other.
    """
    firsts, seconds = _rows(first, "source"), _rows(second, "target")
    check_as_many(firsts, seconds)
    ids = [(BEGIN, *first_ids, END, *second_ids, END) for first_ids, second_ids in zip(firsts, seconds, strict=True)]
    segments = [
        (0,) * (len(first_ids) + 2) + (1,) * (len(second_ids) + 1)
        for first_ids, second_ids in zip(firsts, seconds, strict=True)
    ]
    return tokenizer.padded(ids), tokenizer.padded(segments)


def check_as_many(firsts: Sequence[object], seconds: Sequence[object]) -> None:
    """Refuses sources and targets that are not as many.

    Raises:
        TextError: with how many there are of both.
    """
    if len(firsts) != len(seconds):
        raise TextError(
            "source and target must have the same number of sentences",
            f"{len(firsts)} in the source, {len(seconds)} in the target",
            "add or delete lines until every source has its target",
        )


def label(token: int) -> str:
    """A token as displayed: a special, a character of ASCII, or the byte as ``0xEB``; ``#300`` for what is neither."""
    if token < len(SPECIALS):
        return SPECIALS[token]
    byte = token - len(SPECIALS)
    if byte == ord(" "):
        return "␣"
    if ord(" ") < byte < 127:
        return chr(byte)
    return f"0x{byte:02X}" if byte < 256 else f"#{token}"


def _rows(texts: str | Sequence[str], side: str) -> list[tuple[int, ...]]:
    """The ids of every text's bytes."""
    words = tokenizer.encode(texts)  # refuses what is no text
    rows = [words.vocabulary.decode(row).encode() for row in words.source_ids]
    for line, row in enumerate(rows, start=1):
        if len(row) > MAX_BYTES:
            where = f"{side} line {line}" if len(rows) > 1 else f"the {side}"
            raise TextError(f"a text has at most {MAX_BYTES:,} bytes", f"{where} has {len(row):,}", "split it in two")
    return [tuple(len(SPECIALS) + byte for byte in row) for row in rows]
