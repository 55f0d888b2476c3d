"""What the trained model is shown: batches that follow from a step's number alone, so any of them can be drawn again.

Most are written dates. In some, one part of the date is made unreadable or the text is cut short, and some say no date
at all: there the answer is a date like any other, and the best a model can do is spread its guess over all that it
could be. That is how it learns to be unsure.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from engine import characters
from engine.characters import DIGITS, HANGUL, LETTERS, MARKS
from engine.dates import SEED, SEEN, Written, training_dates
from engine.text import BEGIN, END

UNREADABLE_SHARE = 0.1  # dates with one part made unreadable
CUT_SHARE = 0.1  # dates that begin late or end early, with one part or two
NO_DATE_SHARE = 0.05  # texts that say no date

UNREADABLE = "?"  # in no written date and not in the vocabulary: the model reads ⟨unknown⟩
_SCRIPTS = (DIGITS, MARKS.strip(), LETTERS, HANGUL, UNREADABLE)


@dataclass(frozen=True)
class Lesson:
    """A text, and the date that is the right answer to it, as 2026-11-21."""

    text: str
    iso: str


def lessons(step: int, count: int) -> tuple[Lesson, ...]:
    """The lessons of one training step: forms, dates and what is made unreadable, all drawn anew."""
    draw = random.Random(f"{SEED}/{step}")
    return tuple(_lesson(draw) for _ in range(count))


def tensors(pairs: Sequence[Lesson | Written], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Source ids (B, S), the decoder's input (B, T) and what it is to answer (B, T): the date, then end."""
    sources = characters.padded([characters.source_ids(pair.text) for pair in pairs])
    answers = [characters.ids(pair.iso) for pair in pairs]
    inputs = [(BEGIN, *answer) for answer in answers]
    expected = [(*answer, END) for answer in answers]
    source, given, wanted = (torch.tensor(rows, device=device) for rows in (sources, inputs, expected))
    return source, given, wanted


def _lesson(draw: random.Random) -> Lesson:
    form, day = draw.choice(SEEN), draw.choice(training_dates())
    while not form.can_write(day):
        day = draw.choice(training_dates())
    written = form.write(day)
    kind = draw.random()
    if kind < NO_DATE_SHARE:
        return Lesson(_no_date(draw), written.iso)
    if kind < NO_DATE_SHARE + UNREADABLE_SHARE:
        return Lesson(_unreadable(written, draw), written.iso)
    if kind < NO_DATE_SHARE + UNREADABLE_SHARE + CUT_SHARE:
        return Lesson(_cut(written, draw), written.iso)
    return Lesson(written.text, written.iso)


def _unreadable(written: Written, draw: random.Random) -> str:
    part = draw.choice(("year", "month", "day"))
    pairs = zip(written.text, written.parts, strict=True)
    return "".join(UNREADABLE if said == part else character for character, said in pairs)


def _cut(written: Written, draw: random.Random) -> str:
    """What stands before or after one of the places where a part begins or ends."""
    # Within a part it would be another date: 21 November, cut after its 2, is 1 November.
    place = draw.choice([end for end, (part, after) in enumerate(pairwise(written.parts), start=1) if part != after])
    return draw.choice((written.text[:place], written.text[place:])).strip()


def _no_date(draw: random.Random) -> str:
    """One to five words of random characters, each word in a script of its own."""
    words = [draw.choices(draw.choice(_SCRIPTS), k=draw.randint(1, 7)) for _ in range(draw.randint(1, 5))]
    return " ".join(map("".join, words))
