"""Sentences <-> token ids, by rules a learner can check by eye.

A known word is one token; every other word falls to its characters, and punctuation stands alone. A token written
against the one before it, with no space between, is marked ``##`` as in WordPiece: ``I go (home)`` becomes
``I  go  (  ##home  ##)``. Nothing is lost on the way, so any sentence of any language can be read back from its ids.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise
from typing import cast

import regex

PAD, BEGIN, END = 0, 1, 2
SPECIALS = ("⟨pad⟩", "⟨begin⟩", "⟨end⟩")

# An id is a place in this list: reordering it changes what saved links and exported files mean.
_ENGLISH = """
    I go home  you we he she they me the a my big and is at to see eat drink read love like
    school cat dog book water rice today
"""
_KOREAN = """
    나는 집에 간다  너는 우리는 그는 그녀는 그들은 나를 너를 나의 큰 있다 본다 먹는다 마신다 읽는다 사랑한다 좋아한다
    학교에 고양이 고양이가 고양이를 고양이와 개 개가 개를 책을 물을 밥을 오늘
"""
KNOWN = (*_ENGLISH.split(), *_KOREAN.split())

MAX_CHARACTERS = 20_000
MAX_TOKENS = 256
MAX_SENTENCES = 64
MAX_MARKS = 30  # on one character: no language needs more (UAX #15, stream-safe text), and sorting them is quadratic

_KNOWN = frozenset(KNOWN)
_JOINERS = frozenset("\u200c\u200d")
_TAGS = frozenset(map(chr, range(0xE0020, 0xE0080)))
_BIDI_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Format characters that do have a shape: Arabic number signs and their kin.
_VISIBLE_FORMATS = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")


class TextError(ValueError):
    """A text that cannot be used: the rule it breaks, the value that breaks it, and what to do about it.

    All three are safe to show: they name the offending character, and never contain it.
    """

    def __init__(self, rule: str, value: str, remedy: str) -> None:
        super().__init__(rule, value, remedy)
        self.rule = rule
        self.value = value
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.rule}: {self.value}; {self.remedy}"


@dataclass(frozen=True)
class Piece:
    """What one token stands for, and whether it is written against the piece before it."""

    text: str
    glued: bool = False

    @property
    def label(self) -> str:
        """The piece as displayed, ``##`` in front of a glued one."""
        return f"##{self.text}" if self.glued else self.text


# No sentence can collide with a special: each of them would be split into characters.
FIXED = tuple(map(Piece, SPECIALS + KNOWN))


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of one run: the fixed ones, then those its sentences added. An id is a place in `entries`."""

    entries: tuple[Piece, ...] = FIXED

    def __len__(self) -> int:
        return len(self.entries)

    @cached_property
    def pieces(self) -> tuple[str, ...]:
        """Every token as displayed, in the order of the ids."""
        return tuple(piece.label for piece in self.entries)

    def label(self, token: int) -> str:
        """A token as displayed; ``#123`` for an id that has no text, as a generated or predicted one may."""
        return self.pieces[token] if 0 <= token < len(self) else f"#{token}"

    def decode(self, ids: Iterable[int]) -> str:
        """The sentence that the ids spell, specials left out."""
        pieces = (
            self.entries[token] if 0 <= token < len(self) else Piece(self.label(token))
            for token in ids
            if token not in (PAD, BEGIN, END)
        )
        return "".join(piece.text if piece.glued else f" {piece.text}" for piece in pieces).removeprefix(" ")


@dataclass(frozen=True)
class Batch:
    """Sentences as the model reads them: one row of ids a sentence, padded to the longest of its side.

    `target_ids` is the decoder's input, shifted right as in the paper; it is empty where no target was given.
    """

    source_ids: tuple[tuple[int, ...], ...]
    target_ids: tuple[tuple[int, ...], ...]
    vocabulary: Vocabulary

    @property
    def source_tokens(self) -> tuple[tuple[str, ...], ...]:
        """`source_ids` as displayed."""
        return tuple(tuple(map(self.vocabulary.label, row)) for row in self.source_ids)

    @property
    def target_tokens(self) -> tuple[tuple[str, ...], ...]:
        """`target_ids` as displayed."""
        return tuple(tuple(map(self.vocabulary.label, row)) for row in self.target_ids)


def encode(source: str | Sequence[str], target: str | Sequence[str] | None = None) -> Batch:
    """The token ids of one sentence or several, and of what they translate to.

    A source is framed by begin and end. A target has begin and no end: at each place the decoder predicts the next.

    Raises:
        TextError: a text cannot be read, or there are not as many targets as sources.
    """
    source_pieces = _read("source", source, frame=2)
    target_pieces = [] if target is None else _read("target", target, frame=1)
    if target is not None and len(source_pieces) != len(target_pieces):
        raise TextError(
            "source and target must have the same number of sentences",
            f"{len(source_pieces)} in the source, {len(target_pieces)} in the target",
            "add or delete lines until every source has its target",
        )
    ids = {piece: token_id for token_id, piece in enumerate(FIXED)}
    source_ids = [(BEGIN, *(ids.setdefault(piece, len(ids)) for piece in row), END) for row in source_pieces]
    target_ids = [(BEGIN, *(ids.setdefault(piece, len(ids)) for piece in row)) for row in target_pieces]
    return Batch(padded(source_ids), padded(target_ids), Vocabulary(tuple(ids)))


def generated(batch: int, length: int, vocab_size: int, seed: int, side: str) -> tuple[tuple[int, ...], ...]:
    """Random ordinary tokens, none of them special, for runs without a text; `vocab_size` must leave room for one.

    Every row has a generator of its own: a larger batch or a longer sentence keeps the ids that were already there.

    Args:
        batch: how many sentences.
        length: tokens of each.
        vocab_size: tokens that there are, the three special ones among them.
        seed: of the random numbers.
        side: "source" or "target", which get different ones.

    Returns:
        A row of ids for each sentence.
    """
    ordinary = range(len(SPECIALS), vocab_size)
    return tuple(tuple(random.Random(f"{seed}/{side}/{row}").choices(ordinary, k=length)) for row in range(batch))


def normalise(text: str) -> str:
    """The text as it is read back from its ids: composed (NFC), trimmed, one space between words."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def split(text: str) -> list[Piece]:
    """The pieces of a normalised text, in reading order."""
    return [Piece(part, part_number > 0) for chunk in text.split(" ") for part_number, part in enumerate(_parts(chunk))]


def _parts(chunk: str) -> Iterator[str]:
    """Text without spaces, cut into known words and characters."""
    for _, run in groupby(_characters(chunk), key=_is_of_a_word):
        characters = tuple(run)
        word = "".join(characters)
        yield from (word,) if word in _KNOWN else characters


def _is_of_a_word(character: str) -> bool:
    return unicodedata.category(character[0])[0] in "LMN"


def _characters(text: str) -> Iterator[str]:
    """Text cut into what a reader calls characters: the grapheme clusters of UAX #29."""
    return (match[0] for match in regex.finditer(r"\X", text))


def _read(side: str, given: object, frame: int) -> list[list[Piece]]:
    """The pieces of each sentence of one side, all checked; `frame` is how many specials each will gain."""
    several = isinstance(given, Sequence) and not isinstance(given, (str, bytes, bytearray))
    sentences: Sequence[object] = cast("Sequence[object]", given) if several else (given,)
    if not sentences:
        raise TextError("at least one sentence is needed", f"the {side} has none", "type one, for example: I go home")
    if len(sentences) > MAX_SENTENCES:
        value = f"the {side} has {len(sentences):,}"
        raise TextError(f"a batch has at most {MAX_SENTENCES} sentences", value, "delete some")

    rows = []
    for line, sentence in enumerate(sentences, start=1):
        where = f"{side} line {line}" if len(sentences) > 1 else f"the {side}"
        pieces = split(normalise(_checked(sentence, where)))
        if len(pieces) + frame > MAX_TOKENS:
            value = f"{where} has {len(pieces) + frame:,}, specials included"
            raise TextError(f"a sentence has at most {MAX_TOKENS} tokens", value, "split the text in two")
        rows.append(pieces)
    return rows


def _checked(sentence: object, where: str) -> str:
    """The sentence, once nothing in it can mislead its reader or slow us down."""
    if not isinstance(sentence, str):
        remedy = "decode it first" if isinstance(sentence, (bytes, bytearray)) else "give a str"
        raise TextError("a sentence must be text", f"{where} is of type {type(sentence).__name__}", remedy)
    if len(sentence) > MAX_CHARACTERS:
        value = f"{where} has {len(sentence):,}"
        raise TextError(f"a sentence has at most {MAX_CHARACTERS:,} characters", value, "split the text in two")
    for position, (before, character) in enumerate(pairwise(f" {sentence}"), start=1):
        if rule := _broken_rule(before, character):
            raise TextError(rule, f"{_name(character)} at character {position:,} of {where}", "delete it")
    position = 1
    for character in _characters(sentence):
        if len(character) > MAX_MARKS + 1:
            value = f"{len(character) - 1:,} on character {position:,} of {where}"
            raise TextError(f"a character carries at most {MAX_MARKS} marks", value, "delete some of them")
        position += len(character)
    if not sentence.strip():
        raise TextError("a sentence must not be empty", f"{where} is empty", "type one, for example: I go home")
    return sentence


def _broken_rule(before: str, character: str) -> str | None:
    """The rule that `character` breaks where it stands, after `before`; None if it may stand there."""
    category = unicodedata.category(character)
    if category == "Cs":
        return "a sentence has no lone surrogates"
    if category == "Cc" and character not in "\t\n\r":
        return "a sentence has no control characters"
    if category != "Cf" or character in _VISIBLE_FORMATS:
        return None
    if character in _BIDI_MARKS:
        return "a sentence has no bidirectional control marks"
    carrier = unicodedata.category(before)[0]
    if character in _JOINERS and carrier in "LMNS":
        return None
    if character in _TAGS and (carrier == "S" or before in _TAGS):
        return None
    return "a sentence has no invisible characters, except joiners inside a word or an emoji"


def _name(character: str) -> str:
    """A code point and its Unicode name; characters that have no name are told by their kind."""
    kind = {"Cc": "control character", "Cs": "lone surrogate"}.get(unicodedata.category(character), "")
    return f"U+{ord(character):04X} {unicodedata.name(character, kind)}"


def padded(rows: Sequence[tuple[int, ...]]) -> tuple[tuple[int, ...], ...]:
    """Rows of ids, each filled up with ``PAD`` to the length of the longest."""
    longest = max(map(len, rows), default=0)
    return tuple(row + (PAD,) * (longest - len(row)) for row in rows)
