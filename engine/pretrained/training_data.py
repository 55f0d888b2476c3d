"""What the trained model is shown: batches that follow from a step's number alone, so any of them can be drawn again.

Most are written dates. In some, one part of the date is made unreadable or impossible or the text is cut short, and
some say no date at all: there the answer is a date like any other, and the best a model can do is spread its guess over
all that it could be. That is how it learns to be unsure.
"""

from __future__ import annotations

import random
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from engine.pretrained.dates import SEED, SEEN, Written, training_dates
from engine.text import char_tokenizer
from engine.text.char_tokenizer import DIGITS, HANGUL, LETTERS, MARKS
from engine.text.tokenizer import BEGIN, END

UNREADABLE_SHARE = 0.1  # dates with one part made unreadable
IMPOSSIBLE_SHARE = 0.08  # dates with the number of a month or day that there is not, such as 31 November
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
    sources = char_tokenizer.padded([char_tokenizer.source_ids(pair.text) for pair in pairs])
    answers = [char_tokenizer.ids(pair.iso) for pair in pairs]
    inputs = [(BEGIN, *answer) for answer in answers]
    expected = [(*answer, END) for answer in answers]
    source, given, wanted = (torch.tensor(rows, device=device) for rows in (sources, inputs, expected))
    return source, given, wanted


def _lesson(draw: random.Random) -> Lesson:
    form, day = draw.choice(SEEN), draw.choice(training_dates())
    while not form.can_write(day):
        day = draw.choice(training_dates())
    written = form.write(day)
    (spoil,) = draw.choices(tuple(_SHARES), cum_weights=tuple(accumulate(_SHARES.values())))
    return Lesson(spoil(written, draw), written.iso)


def _as_written(written: Written, draw: random.Random) -> str:
    return written.text


def _unreadable(written: Written, draw: random.Random) -> str:
    part = draw.choice(("year", "month", "day"))
    pairs = zip(written.text, written.parts, strict=True)
    return "".join(UNREADABLE if said == part else character for character, said in pairs)


def impossible(written: Written, draw: random.Random) -> str:
    """The text with a number beyond the last month or day; unreadable where neither is written in digits."""
    pairs = list(zip(written.text, written.parts, strict=True))
    numbers = {said for character, said in pairs if character.isdigit()} & {"month", "day"}
    if not numbers:
        return _unreadable(written, draw)
    part = draw.choice(sorted(numbers))
    last = 12 if part == "month" else monthrange(written.date.year, written.date.month)[1]
    # The lower ones more often: people write 31 November or 21/11/2026 rather than 84 November.
    number = str(draw.randint(last + 1, draw.choice((39, 99))))
    places = [place for place, (character, said) in enumerate(pairs) if said == part and character.isdigit()]
    return written.text[: places[0]] + number + written.text[places[-1] + 1 :]


def _cut(written: Written, draw: random.Random) -> str:
    """What stands before or after one of the places where a part begins or ends."""
    # Within a part it would be another date: 21 November, cut after its 2, is 1 November.
    place = draw.choice([end for end, (part, after) in enumerate(pairwise(written.parts), start=1) if part != after])
    return draw.choice((written.text[:place], written.text[place:])).strip()


def _no_date(written: Written, draw: random.Random) -> str:
    """One to five words of random characters, each word in a script of its own."""
    words = [draw.choices(draw.choice(_SCRIPTS), k=draw.randint(1, 7)) for _ in range(draw.randint(1, 5))]
    return " ".join(map("".join, words))


# How a date is spoilt, and how often; most are not.
_SPOILT = {_unreadable: UNREADABLE_SHARE, impossible: IMPOSSIBLE_SHARE, _cut: CUT_SHARE, _no_date: NO_DATE_SHARE}
_SHARES = {**_SPOILT, _as_written: 1 - sum(_SPOILT.values())}
