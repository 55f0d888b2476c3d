"""Text <-> the character ids that the trained model reads.

As in ``engine.text`` a source is framed by begin and end and a target has begin alone; but a token is one character,
the space too, and the vocabulary is fixed: a character that is not in it becomes ⟨unknown⟩. The digits of every script
and characters that are only wider than ASCII's are read as ASCII: ２ and ٢ are 2.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from engine.text import tokenizer
from engine.text.tokenizer import BEGIN, END, MAX_TOKENS, TextError

UNKNOWN = 3
SPECIALS = (*tokenizer.SPECIALS, "⟨unknown⟩")

# An id is a place in this list: reordering it makes the trained weights mean other characters.
DIGITS = "0123456789"
MARKS = " .,/-'()"
LETTERS = "ABCDEFGJLMNOPRSTUVWYabcdefghijlmnoprstuvy"
HANGUL = "년월일화수목금토요천백십이삼사오육칠팔구유시"
CHARACTERS = DIGITS + MARKS + LETTERS + HANGUL

_IDS = {character: index for index, character in enumerate(CHARACTERS, start=len(SPECIALS))}
_KNOWN_WORDS = frozenset(tokenizer.KNOWN)


@dataclass(frozen=True)
class CharacterVocabulary(tokenizer.Vocabulary):
    """The specials and the characters, in the order of the ids; the same ones for every text."""

    entries: tuple[tokenizer.Piece, ...] = tuple(
        tokenizer.Piece(entry, glued=True) for entry in (*SPECIALS, *CHARACTERS)
    )

    @cached_property
    def pieces(self) -> tuple[str, ...]:
        """Every character as displayed: the space has a sign of its own."""
        return tuple("␣" if entry.text == " " else entry.text for entry in self.entries)


VOCABULARY = CharacterVocabulary()


def encode(source: str | Sequence[str], target: str | Sequence[str] | None = None) -> tokenizer.Batch:
    """The character ids of one text or several, and of their targets.

    Raises:
        TextError: a text cannot be read, or is too long.
    """
    # Refuses what is no text, and reads it back composed, trimmed and with single spaces.
    words = tokenizer.encode(source, target)
    sources = [split(words.vocabulary.decode(row)) for row in words.source_ids]
    targets = [split(words.vocabulary.decode(row)) for row in words.target_ids]
    for side, rows, frame in (("source", sources, 2), ("target", targets, 1)):
        for line, row in enumerate(rows, start=1):
            if len(row) + frame > MAX_TOKENS:
                where = f"{side} line {line}" if len(rows) > 1 else f"the {side}"
                value = f"{where} has {len(row) + frame:,}, specials included"
                raise TextError(f"a text has at most {MAX_TOKENS} characters", value, "give only the date")
    return tokenizer.Batch(
        tokenizer.padded([source_ids(row) for row in sources]),
        tokenizer.padded([target_ids(row) for row in targets]),
        VOCABULARY,
    )


def split(normalised: str) -> list[str]:
    """The characters of a text as `engine.text` reads them, with the spaces between its words."""
    characters: list[str] = []
    for index, piece in enumerate(tokenizer.split(normalised)):
        if index and not piece.glued:
            characters.append(" ")
        characters += piece.text if piece.text in _KNOWN_WORDS else (_ascii(piece.text),)
    return characters


def as_read(source: str) -> str:
    """A text as the model reads it: normalised, with digits of other scripts and full-width characters as ASCII."""
    return "".join(split(tokenizer.normalise(source)))


def _ascii(character: str) -> str:
    """The ASCII digit of a decimal digit of any script, and the character that a full-width one is; others stay."""
    if character.isascii() or len(character) > 1:
        return character
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    is_wide = unicodedata.decomposition(character).startswith("<wide>")  # UAX #11: it differs in its width alone
    return unicodedata.normalize("NFKC", character) if is_wide else character


def source_ids(characters: Iterable[str]) -> tuple[int, ...]:
    """What the encoder reads: begin, the characters, end."""
    return (BEGIN, *ids(characters), END)


def target_ids(characters: Iterable[str]) -> tuple[int, ...]:
    """What the decoder reads: begin and the characters."""
    return (BEGIN, *ids(characters))


def ids(characters: Iterable[str]) -> tuple[int, ...]:
    """The id of every character, ⟨unknown⟩ for one that has none."""
    return tuple(_IDS.get(character, UNKNOWN) for character in characters)
