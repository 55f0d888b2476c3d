"""What the trained model is shown: batches that follow from a step's number alone, so any of them can be drawn again.

In the first part of training most are written dates in everyday forms. In some, one part of the date is made unreadable
or impossible or the text is cut short, and some say no date at all: there the answer is a date like any other, and the
best a model can do is spread its guess over all that it could be. That is how it learns to be unsure.

In the second part a third are such dates, and the others are odd: forms that are drawn part by part, days that there
are not, years out of range. The answer is one of the dates that the text could mean, each as often as the others. The
third part has more of the last days of months, and of the days that would follow them if there were any.
"""

from __future__ import annotations

import random
from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from engine.pretrained.dates import FIRST, LAST, SEED, TRAIN_FORMATS, Named, WrittenDate, held_out_dates, training_dates
from engine.pretrained.meanings import dates_near, meanings
from engine.pretrained.odd_dates import impossible_numbers, odd_date, year_outside
from engine.pretrained.odd_inputs import is_kept_apart
from engine.text import char_tokenizer
from engine.text.char_tokenizer import DIGITS, HANGUL, LETTERS, MARKS
from engine.text.tokenizer import BEGIN, END, padded

UNREADABLE_SHARE = 0.1  # dates with one part made unreadable
IMPOSSIBLE_SHARE = 0.08  # dates with the number of a month or day that there is not, such as 31 November
CUT_SHARE = 0.1  # dates that begin late or end early, with one part or two
NO_DATE_SHARE = 0.05  # texts that say no date

EVERYDAY_STEPS = 8000  # of the first part of training
# Of the second part.
ODD_SHARES = {
    "unreadable": 0.06,
    "cut": 0.07,
    "no_date": 0.04,
    "odd": 0.2,  # dates in a form that is drawn part by part
    "impossible": 0.2,  # days and months that there are not
    "outside": 0.06,  # years before 1900 or after 2099
    "leap_day": 0.06,  # 29 February of a leap year, which are few: to be told from those that there are not
}
CLOSING_STEP = 10_750  # from which the third part goes
CLOSING_SHARES = {
    "unreadable": 0.06,
    "cut": 0.07,
    "no_date": 0.04,
    "odd": 0.14,
    "impossible": 0.17,
    "outside": 0.04,
    "last_day": 0.18,  # the last days of months, to be told from the first that there are not
}
_ODD_FORM_SHARE = 0.4  # of impossible dates and of years outside; the others are in a form of everyday
_FEW = 3  # dates

# Where one character makes a day that there is one that there is not: 삼십일 and 삼십일일, 20240229 and 20260229.
_CLOSE = tuple(
    form for form in TRAIN_FORMATS if form.template in ("{words_y}년 {words_m}월 {words_d}일", "{yyyy}{mm}{dd}")
)

CENTURY_SHARE = 0.05  # of impossible dates: 1900 is the one year divisible by 4 that has no 29 February

UNREADABLE = "?"  # in no written date and not in the vocabulary: the model reads ⟨unknown⟩
_SCRIPTS = (DIGITS, MARKS.strip(), LETTERS, HANGUL, UNREADABLE)


# Draws a text and every date that it could mean.
Kind = Callable[[random.Random], tuple[str, Sequence[date]]]


@dataclass(frozen=True)
class Lesson:
    """A text, and the date that is the right answer to it, as 2026-11-21."""

    text: str
    iso: str


def lessons(step: int, count: int) -> tuple[Lesson, ...]:
    """The lessons of one training step: forms, dates and what is made unreadable, all drawn anew."""
    draw = random.Random(f"{SEED}/{step}")
    if step < EVERYDAY_STEPS:
        return tuple(_lesson(draw) for _ in range(count))
    kinds = _ODD_KINDS if step < CLOSING_STEP else _CLOSING_KINDS
    return tuple(_odd_lesson(kinds, draw) for _ in range(count))


def tensors(pairs: Sequence[Lesson | WrittenDate], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Source ids (B, S), the decoder's input (B, T) and what it is to answer (B, T): the date, then end."""
    sources = padded([char_tokenizer.source_ids(pair.text) for pair in pairs])
    answers = [char_tokenizer.ids(pair.iso) for pair in pairs]
    inputs = [(BEGIN, *answer) for answer in answers]
    expected = [(*answer, END) for answer in answers]
    source_ids, decoder_ids, expected_ids = (torch.tensor(rows, device=device) for rows in (sources, inputs, expected))
    return source_ids, decoder_ids, expected_ids


def _lesson(draw: random.Random) -> Lesson:
    written = _drawn(draw)
    (spoil,) = draw.choices(tuple(_SHARES), cum_weights=tuple(accumulate(_SHARES.values())))
    return Lesson(spoil(written, draw), written.iso)


def _drawn(draw: random.Random) -> WrittenDate:
    form, day = draw.choice(TRAIN_FORMATS), draw.choice(training_dates())
    while not form.can_write(day):
        day = draw.choice(training_dates())
    return form.write(day)


def _as_written(written: WrittenDate, draw: random.Random) -> str:
    return written.text


def _unreadable(written: WrittenDate, draw: random.Random) -> str:
    part = draw.choice(("year", "month", "day"))
    pairs = zip(written.text, written.parts, strict=True)
    return "".join(UNREADABLE if part_name == part else character for character, part_name in pairs)


def impossible(written: WrittenDate, draw: random.Random) -> str:
    """The text with a number beyond the last month or day; unreadable where neither is written in digits."""
    pairs = list(zip(written.text, written.parts, strict=True))
    numbers = {part_name for character, part_name in pairs if character.isdigit()} & {"month", "day"}
    if not numbers:
        return _unreadable(written, draw)
    part = draw.choice(sorted(numbers))
    last = 12 if part == "month" else monthrange(written.date.year, written.date.month)[1]
    # The lower ones more often: people write 31 November or 21/11/2026 rather than 84 November.
    number = str(draw.randint(last + 1, draw.choice((39, 99))))
    positions = [
        position for position, (character, part_name) in enumerate(pairs) if part_name == part and character.isdigit()
    ]
    return written.text[: positions[0]] + number + written.text[positions[-1] + 1 :]


def _cut(written: WrittenDate, draw: random.Random) -> str:
    """What stands before or after one of the places where a part begins or ends."""
    # Within a part it would be another date: 21 November, cut after its 2, is 1 November.
    cut_at = draw.choice([end for end, (part, after) in enumerate(pairwise(written.parts), start=1) if part != after])
    return draw.choice((written.text[:cut_at], written.text[cut_at:])).strip()


def _no_date(written: WrittenDate, draw: random.Random) -> str:
    """One to five words of random characters, each word in a script of its own."""
    words = [draw.choices(draw.choice(_SCRIPTS), k=draw.randint(1, 7)) for _ in range(draw.randint(1, 5))]
    return " ".join(map("".join, words))


# How a date is spoilt, and how often; most are not.
_SPOILT = {_unreadable: UNREADABLE_SHARE, impossible: IMPOSSIBLE_SHARE, _cut: CUT_SHARE, _no_date: NO_DATE_SHARE}
_SHARES = {**_SPOILT, _as_written: 1 - sum(_SPOILT.values())}


def _odd_lesson(kinds: Mapping[Kind, float], draw: random.Random) -> Lesson:
    (kind,) = draw.choices(tuple(kinds), cum_weights=tuple(accumulate(kinds.values())))
    while True:
        text, dates = kind(draw)
        if day := _answer(text, dates, draw):
            return Lesson(text, day.isoformat())


def _answer(text: str, dates: Sequence[date], draw: random.Random) -> date | None:
    """One of the dates that a text could mean, none of them held out.

    None for what is no lesson: a text in a form that is kept to measure by, or one whose dates are held out in part and
    so few that the others would be taught as more probable than they are.
    """
    held_out = _held_out()
    known = [day for day in dates if day not in held_out]
    is_biased = len(known) < len(dates) <= _FEW
    return None if is_biased or not known or is_kept_apart(text) else draw.choice(known)


@cache
def _held_out() -> frozenset[date]:
    return frozenset(held_out_dates())


def _spoilt(spoil: Callable[[WrittenDate, random.Random], str]) -> Kind:
    """The lessons of the first part of training that are spoilt so."""

    def drawn(draw: random.Random) -> tuple[str, Sequence[date]]:
        written = _drawn(draw)
        return spoil(written, draw), (written.date,)

    return drawn


def _leap_day(draw: random.Random) -> tuple[str, Sequence[date]]:
    day = date(draw.randrange(1904, 2100, 4), 2, 29)
    forms = [form for form in TRAIN_FORMATS if form.can_write(day)]
    return draw.choice(forms).text(day), (day,)


def _last_day(draw: random.Random) -> tuple[str, Sequence[date]]:
    year = draw.randint(FIRST.year, LAST.year)
    kind = draw.random()
    if kind < 0.4:
        day = date(draw.randrange(1904, 2100, 4), 2, 29)
    elif kind < 0.8:
        day = date(year, draw.choice((4, 6, 9, 11)), 30)
    else:
        day = date(year, draw.choice((1, 3, 5, 7, 8, 10, 12)), draw.choice((30, 31)))
    forms = _CLOSE if draw.random() < 0.5 else [form for form in TRAIN_FORMATS if form.can_write(day)]
    return draw.choice(forms).text(day), (day,)


def _first_day_that_is_not(draw: random.Random) -> tuple[str, Sequence[date]]:
    day = draw.choice(training_dates())
    numbers = impossible_numbers(day, draw)
    if draw.random() < CENTURY_SHARE:
        numbers = Named(1900, 2, 29, day.weekday())
    if draw.random() < 0.5:
        return draw.choice(_CLOSE).text(numbers), dates_near(numbers)
    return _in_any_form(numbers, draw)


def _odd(draw: random.Random) -> tuple[str, Sequence[date]]:
    day = draw.choice(training_dates())
    # A weekday that does not fit is passed over.
    weekday = day.weekday() if draw.random() < 0.7 else draw.randrange(7)
    odd = odd_date(Named(day.year, day.month, day.day, weekday), draw)
    return odd.text, odd.dates


def _impossible(draw: random.Random) -> tuple[str, Sequence[date]]:
    return _in_any_form(impossible_numbers(draw.choice(training_dates()), draw), draw)


def _outside(draw: random.Random) -> tuple[str, Sequence[date]]:
    day = draw.choice(training_dates())
    return _in_any_form(Named(year_outside(draw), day.month, day.day, draw.randrange(7)), draw)


def _in_any_form(numbers: Named, draw: random.Random) -> tuple[str, Sequence[date]]:
    """Numbers that are no date that there is, in a form of everyday or an odd one."""
    if draw.random() < _ODD_FORM_SHARE:
        odd = odd_date(numbers, draw)
        return odd.text, odd.dates
    form = draw.choice([form for form in TRAIN_FORMATS if form.can_write(numbers)])
    text = form.text(numbers)
    if "/" in text and form.template.startswith("{m"):
        first, second, third = text.split("/")
        return text, meanings(first, second, third, "/")
    return text, dates_near(numbers)


def _kinds(shares: Mapping[str, float], impossible: Kind, at_the_edge: Mapping[str, Kind]) -> dict[Kind, float]:
    """How often each kind of lesson is drawn; what the shares leave are plain dates.

    Args:
        shares: of the kinds by name.
        impossible: days that there are not.
        at_the_edge: days beside those, by the name of their share.
    """
    kinds = {
        "unreadable": _spoilt(_unreadable),
        "cut": _spoilt(_cut),
        "no_date": _spoilt(_no_date),
        "odd": _odd,
        "impossible": impossible,
        "outside": _outside,
        **at_the_edge,
    }
    return {**{kind: shares[name] for name, kind in kinds.items()}, _spoilt(_as_written): 1 - sum(shares.values())}


# In the second part of training, a third of them plain dates, and in the third.
_ODD_KINDS = _kinds(ODD_SHARES, _impossible, {"leap_day": _leap_day})
_CLOSING_KINDS = _kinds(CLOSING_SHARES, _first_day_that_is_not, {"last_day": _last_day})
