"""Six hundred odd inputs of eight kinds, in forms that the trained model never sees, and what each could mean.

They tell whether the model knows when it does not know. The days are held-out ones. The same phenomena are among its
lessons (``engine.pretrained.odd_dates``), in other forms: no lesson is written in a form of this module.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache

from engine.pretrained.dates import ENGLISH, HELD_OUT_FORMATS, SEED, TRAIN_FORMATS, Named, forms, held_out_dates, reads
from engine.pretrained.meanings import dates_near, meanings
from engine.pretrained.odd_dates import impossible_numbers, year_outside

OF_A_KIND = 75

_PLAIN = forms("""
{d}. {Month} {yyyy}
{Month} the {dth}, {yyyy}
{yyyy} {Month} {d}
{words_y}년 {m}월 {d}일
{dth} {Month}, {yyyy}
""")
_DAY_FIRST = forms("""
{dd}-{mm}-{yyyy}
{d}-{m}-{yyyy}
{dd}-{mm}-{yy}
""")
_WEEKDAY = forms("""
{d} {Month} {yyyy}, {Saturday}
{Saturday} the {dth} of {Month}, {yyyy}
{토}요일 {yyyy}년 {m}월 {d}일
{yyyy}-{mm}-{dd} ({Sat})
""")
_TOGETHER = forms("""
{dd}{Month}{yyyy}
{yyyy}{Mon}{dd}
{yyyy} {mm}{dd}
{yyyy}{mm}{dd}({토})
""")
_KOREAN = forms("""
{yyyy} 년 {m} 월 {d} 일
{m}월 {d}일 {yyyy}년
{d}일 {m}월 {yyyy}년
{yyyy}년 {Month} {d}일
{yyyy}년 {words_m}월 {words_d}일
""")
_IN_PART = forms("""
{Month} '{yy}
{m}월 {yyyy}년
{yyyy} {Mon}
{Month} the {dth}
{d}일 {m}월
""")
_KEPT_APART = HELD_OUT_FORMATS + _PLAIN + _DAY_FIRST + _WEEKDAY + _TOGETHER + _KOREAN + _IN_PART


@dataclass(frozen=True)
class OddInput:
    """A text and the dates that it could mean; ``impossible`` where it names a date that there is not.

    ``kind`` is one of the eight kinds that are measured apart.
    """

    kind: str
    text: str
    dates: frozenset[date]
    impossible: bool = False

    def chance(self, iso: str) -> float:
        """How probable it is that this answer is what was meant: each of the dates is as probable as the others."""
        return 1 / len(self.dates) if iso in {day.isoformat() for day in self.dates} else 0.0


@cache
def odd_inputs() -> tuple[OddInput, ...]:
    """The odd inputs, always the same ones, ``OF_A_KIND`` of each kind and no text twice."""
    inputs: dict[str, OddInput] = {}
    for kind, draw_one in _KINDS.items():
        draw = random.Random(f"{SEED}/{kind}")
        of_kind: dict[str, OddInput] = {}
        while len(of_kind) < OF_A_KIND:
            odd = draw_one(kind, draw)
            if odd is not None and odd.text not in inputs:
                of_kind.setdefault(odd.text, odd)
        inputs |= of_kind
    return tuple(inputs.values())


@cache
def kinds() -> tuple[str, ...]:
    """The kinds of odd inputs, in words."""
    return tuple(_KINDS)


def is_kept_apart(text: str) -> bool:
    """Whether a text is in a form of this module, or another one that is kept from the lessons."""
    return reads(text, _KEPT_APART) and not reads(text, TRAIN_FORMATS)


def _impossible(kind: str, draw: random.Random) -> OddInput | None:
    form, numbers = draw.choice(_PLAIN), impossible_numbers(draw.choice(held_out_dates()), draw)
    if not form.can_write(numbers):
        return None
    return OddInput(kind, form.text(numbers), frozenset(dates_near(numbers)), impossible=True)


def _outside(kind: str, draw: random.Random) -> OddInput:
    day = draw.choice(held_out_dates())
    numbers = Named(year_outside(draw), day.month, day.day)
    return OddInput(kind, draw.choice(_PLAIN).text(numbers), frozenset(dates_near(numbers)), impossible=True)


def _day_first(kind: str, draw: random.Random) -> OddInput | None:
    form, day = draw.choice(_DAY_FIRST), draw.choice(held_out_dates())
    if not form.can_write(day):
        return None
    text = form.text(day)
    first, second, third = text.split("-")
    return OddInput(kind, text, frozenset(meanings(first, second, third, "-")))


def _weekday(kind: str, draw: random.Random) -> OddInput:
    day = draw.choice(held_out_dates())
    # Half of the weekdays fit. Those that do not are passed over: the numbers count.
    weekday = draw.choice((day.weekday(), (day.weekday() + draw.randint(1, 6)) % 7))
    return OddInput(kind, draw.choice(_WEEKDAY).text(Named(day.year, day.month, day.day, weekday)), frozenset({day}))


def _together(kind: str, draw: random.Random) -> OddInput | None:
    form, day = draw.choice(_TOGETHER), draw.choice(held_out_dates())
    if draw.random() < 1 / 3:
        numbers = impossible_numbers(day, draw)
        if not form.can_write(numbers):
            return None
        return OddInput(kind, form.text(numbers), frozenset(dates_near(numbers)), impossible=True)
    return OddInput(kind, form.text(day), frozenset({day}))


def _korean(kind: str, draw: random.Random) -> OddInput:
    day = draw.choice(held_out_dates())
    return OddInput(kind, draw.choice(_KOREAN).text(day), frozenset({day}))


def _misspelt(kind: str, draw: random.Random) -> OddInput | None:
    form, day = draw.choice(ENGLISH), draw.choice(held_out_dates())
    if "{Month}" not in form.template or not form.can_write(day):
        return None
    text = form.text(day)
    letters = [position for position, part in enumerate(form.write(day).parts) if part == "month"]
    position = draw.choice(letters[1:])
    spoilt = draw.choice(("doubled", "replaced", "ordinal"))
    if spoilt == "doubled":
        text = text[:position] + text[position] + text[position:]
    elif spoilt == "replaced":
        if len(letters) < 5:  # so short a name may become another: May, Mar
            return None
        text = text[:position] + draw.choice("abcdefghijlmnoprstuvy".replace(text[position], "")) + text[position + 1 :]
    elif "{dth}" in form.template:
        ordinal = f"{day.day}{form.write(day).text.partition(str(day.day))[2][:2]}"
        wrong = draw.choice([ending for ending in ("st", "nd", "rd", "th") if ending != ordinal[-2:]])
        text = text.replace(ordinal, f"{day.day}{wrong}", 1)
    return None if text == form.text(day) else OddInput(kind, text, frozenset({day}))


def _in_part(kind: str, draw: random.Random) -> OddInput | None:
    form, day = draw.choice(_IN_PART), draw.choice(held_out_dates())
    if not form.can_write(day):
        return None
    text = form.text(day)
    numbers_read = form.read(text)
    return None if numbers_read is None else OddInput(kind, text, frozenset(dates_near(numbers_read)))


_KINDS: dict[str, Callable[[str, random.Random], OddInput | None]] = {
    "days and months that there are not": _impossible,
    "years outside 1900 to 2099": _outside,
    "the day first, between dashes": _day_first,
    "weekdays, of which half do not fit": _weekday,
    "parts run together": _together,
    "Korean in other orders and spacings": _korean,
    "misspelt months and endings": _misspelt,
    "dates in part": _in_part,
}
