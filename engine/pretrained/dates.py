"""The dates from 1900 to 2099, and the ways of writing them that the trained model has met.

A form is a template; its fields in braces are filled from a date. Every text says one date and no other: numbers
between slashes that end with the year are month, day, year, the American order; between dots they are year, month,
day, the Korean order; and a year of two digits is one of 1950 to 2049 (26 is 2026, 75 is 1975), outside of which no
such form is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, cached_property
from string import Formatter

FIRST, LAST = date(1900, 1, 1), date(2099, 12, 31)
TWO_DIGIT_YEARS = range(1950, 2050)

SEED = 2017  # of the choice of held-out dates and of everything the model is trained on
HELD_OUT_OF = 20  # one date of so many is held out

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_KOREAN_WEEKDAYS = "월화수목금토일"
_KOREAN_DIGITS = " 일이삼사오육칠팔구"
_KOREAN_PLACES = ("천", "백", "십", "")

# What a field stands for, and how it is written.
_FIELDS: Mapping[str, tuple[str, Callable[[date], str]]] = {
    "yyyy": ("year", lambda day: str(day.year)),
    "yy": ("year", lambda day: f"{day.year % 100:02}"),
    "words_y": ("year", lambda day: _korean(day.year)),
    "m": ("month", lambda day: str(day.month)),
    "mm": ("month", lambda day: f"{day.month:02}"),
    "Month": ("month", lambda day: _MONTHS[day.month - 1]),
    "month": ("month", lambda day: _MONTHS[day.month - 1].lower()),
    "Mon": ("month", lambda day: _MONTHS[day.month - 1][:3]),
    "mon": ("month", lambda day: _MONTHS[day.month - 1][:3].lower()),
    "MON": ("month", lambda day: _MONTHS[day.month - 1][:3].upper()),
    # June and October lose their last sound before 월.
    "words_m": ("month", lambda day: {6: "유", 10: "시"}.get(day.month, _korean(day.month))),
    "d": ("day", lambda day: str(day.day)),
    "dd": ("day", lambda day: f"{day.day:02}"),
    "dth": ("day", lambda day: f"{day.day}{_ordinal(day.day)}"),
    "words_d": ("day", lambda day: _korean(day.day)),
    "Sat": ("weekday", lambda day: _WEEKDAYS[day.weekday()]),
    "토": ("weekday", lambda day: _KOREAN_WEEKDAYS[day.weekday()]),
}


@dataclass(frozen=True)
class Written:
    """A date as somebody wrote it.

    ``parts`` has an entry for every character of ``text``: "year", "month", "day" or "weekday" where it says that much
    of the date, empty for what stands between.
    """

    text: str
    parts: tuple[str, ...]
    date: date

    @property
    def iso(self) -> str:
        """What the model is to answer: 2026-11-21."""
        return self.date.isoformat()


@dataclass(frozen=True)
class Form:
    """One way of writing a date."""

    template: str

    @cached_property
    def _pieces(self) -> tuple[tuple[str, str | None], ...]:
        return tuple((literal, field) for literal, field, _, _ in Formatter().parse(self.template))

    def can_write(self, day: date) -> bool:
        """Whether the text would say this date alone: a year of two digits does so within a hundred years."""
        return day.year in TWO_DIGIT_YEARS or all(field != "yy" for _, field in self._pieces)

    def write(self, day: date) -> Written:
        text, parts = "", []
        for literal, field in self._pieces:
            text += literal
            parts += [""] * len(literal)
            if field is not None:
                part, written = _FIELDS[field]
                text += (said := written(day))
                parts += [part] * len(said)
        return Written(text, tuple(parts), day)

    def __str__(self) -> str:
        return self.write(date(2026, 11, 21)).text


def _forms(templates: str) -> tuple[Form, ...]:
    return tuple(map(Form, templates.strip().splitlines()))


ENGLISH = _forms("""
{d} {Month} {yyyy}
{Month} {d}, {yyyy}
{dth} {Month} {yyyy}
{Month} {dth}, {yyyy}
{dth} of {Month} {yyyy}
the {dth} of {Month}, {yyyy}
{d} {Mon} {yyyy}
{Mon} {d}, {yyyy}
{Mon}. {d}, {yyyy}
{Mon}. {dth}, {yyyy}
{dd}-{Mon}-{yyyy}
{d} {Mon} '{yy}
{d} {MON} {yyyy}
{d} {mon} {yyyy}
{month} {d} {yyyy}
{Sat}, {d} {Mon} {yyyy}
{Sat}, {Mon} {d}, {yyyy}
{m}/{d}/{yyyy}
{mm}/{dd}/{yyyy}
{m}/{d}/{yy}
""")
KOREAN = _forms("""
{yyyy}년 {m}월 {d}일
{yyyy}년 {mm}월 {dd}일
{yyyy}년{m}월{d}일
{yy}년 {m}월 {d}일
{yyyy}년 {m}월 {d}일 {토}요일
{yyyy}년 {m}월 {d}일({토})
{words_y}년 {words_m}월 {words_d}일
{yyyy}. {m}. {d}.
{yyyy}. {m}. {d}.({토})
{yy}. {m}. {d}.
'{yy}. {m}. {d}.
{yyyy}.{mm}.{dd}
{yy}.{mm}.{dd}
""")
NUMBERS = _forms("""
{yyyy}-{mm}-{dd}
{yyyy}/{mm}/{dd}
{yyyy}{mm}{dd}
""")
SEEN = ENGLISH + KOREAN + NUMBERS
# Never trained on, and measured apart: how far what was learned reaches.
UNSEEN = _forms("""
{d}. {Month} {yyyy}
{yyyy} {Month} {d}
{Month} the {dth}, {yyyy}
{Sat} {d} {Month} {yyyy}
{yyyy}.{m}.{d}
{yyyy}년 {m}월 {d}일 ({토})
{words_y}년 {m}월 {d}일
""")


def is_held_out(day: date) -> bool:
    """Whether the model was never shown this date, in any form."""
    digest = hashlib.blake2b(f"{SEED} {day.isoformat()}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % HELD_OUT_OF == 0


@cache
def training_dates() -> tuple[date, ...]:
    """The dates the model is trained on, in order."""
    return tuple(day for day in _all() if not is_held_out(day))


@cache
def held_out_dates() -> tuple[date, ...]:
    """The dates it never sees, in order."""
    return tuple(day for day in _all() if is_held_out(day))


def written(days: Sequence[date], forms: Sequence[Form]) -> Iterator[Written]:
    """Every one of these dates in every one of these forms that can write it."""
    return (form.write(day) for day in days for form in forms if form.can_write(day))


def _all() -> Iterator[date]:
    return (FIRST + timedelta(days) for days in range((LAST - FIRST).days + 1))


def _ordinal(number: int) -> str:
    return "th" if number in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def _korean(number: int) -> str:
    """A number up to 9999 in Sino-Korean words: 2026 is 이천이십육."""
    digits = zip(f"{number:04}", _KOREAN_PLACES, strict=True)
    # A single thousand, hundred or ten is said without its one.
    return "".join((_KOREAN_DIGITS[int(d)] if d != "1" or not place else "") + place for d, place in digits if d != "0")
