"""The dates from 1900 to 2099, and the ways of writing them that the trained model has met.

A form is a template; its fields in braces are filled from a date. Every text says one date and no other: numbers
between slashes that end with the year are month, day, year, the American order; between dots they are year, month,
day, the Korean order; and a year of two digits is one of 1950 to 2049 (26 is 2026, 75 is 1975), outside of which no
such form is written.
"""

from __future__ import annotations

import hashlib
import re
from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, cached_property
from string import Formatter
from typing import Protocol

FIRST, LAST = date(1900, 1, 1), date(2099, 12, 31)
TWO_DIGIT_YEARS = range(1950, 2050)

SEED = 2017  # of the choice of held-out dates and of everything the model is trained on
HELD_OUT_OF = 20  # one date of so many is held out

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_KOREAN_WEEKDAYS = "월화수목금토일"
_KOREAN_DIGITS = " 일이삼사오육칠팔구"
_KOREAN_PLACES = ("천", "백", "십", "")


_MONTH_NAMES = {"Month", "month", "Mon", "mon", "MON"}


class Numbers(Protocol):
    """Year, month and day, whether or not there is such a date."""

    @property
    def year(self) -> int: ...
    @property
    def month(self) -> int: ...
    @property
    def day(self) -> int: ...
    def weekday(self) -> int:
        """Monday is 0."""


@dataclass(frozen=True)
class Named:
    """The year, month and day that a text names, and its weekday where it names one (Monday is 0).

    Attributes:
        year: as many digits as it has.
        month, day: from 1; they may be none that there is.
        of_week: the weekday, None where the text names none.
    """

    year: int
    month: int
    day: int
    of_week: int | None = None

    def weekday(self) -> int:
        """Of the week, 0 for Monday; 0 too where none is named."""
        return self.of_week or 0

    @property
    def date(self) -> date | None:
        """The date it is, if there is one."""
        try:
            return date(self.year, self.month, self.day)
        except ValueError:
            return None


@dataclass(frozen=True)
class Field:
    """One part of a date in one spelling.

    Args:
        part: "year", "month", "day" or "weekday".
        write: the spelling of that part.
        pattern: the regular expression of all its spellings.
        read: the number that a spelling stands for.
    """

    part: str
    write: Callable[[Numbers], str]
    pattern: str
    read: Callable[[str], int]


def _number(part: str, width: int, pattern: str) -> Field:
    return Field(part, lambda day: f"{getattr(day, part):0{width}}", pattern, int)


def _name(part: str, names: Sequence[str], number: Callable[[Numbers], int], first: int) -> Field:
    return Field(part, lambda day: names[number(day)], "|".join(names), lambda text: names.index(text) + first)


def _month_name(names: Iterable[str]) -> Field:
    return _name("month", tuple(names), lambda day: day.month - 1, 1)


def _weekday_name(names: Iterable[str]) -> Field:
    return _name("weekday", tuple(names), lambda day: day.weekday(), 0)


def _words(part: str, write: Callable[[int], str], last: int) -> Field:
    numbers = {write(number): number for number in range(1, last + 1)}
    return Field(
        part, lambda day: write(getattr(day, part)), "[천백십일이삼사오육칠팔구유시]+", lambda t: numbers.get(t, 0)
    )


@cache
def _fields() -> Mapping[str, Field]:
    """How the fields of a template are written and read."""
    return {
        "yyyy": _number("year", 1, r"[0-9]{4}"),
        "yy": Field("year", lambda day: f"{day.year % 100:02}", r"[0-9][0-9]", full_year),
        "words_y": _words("year", _korean, 9999),
        "m": _number("month", 1, r"[1-9][0-9]?"),
        "mm": _number("month", 2, r"[0-9][0-9]"),
        "Month": _month_name(MONTHS),
        "month": _month_name(name.lower() for name in MONTHS),
        "Mon": _month_name(name[:3] for name in MONTHS),
        "mon": _month_name(name[:3].lower() for name in MONTHS),
        "MON": _month_name(name[:3].upper() for name in MONTHS),
        # June and October lose their last sound before 월.
        "words_m": _words("month", lambda month: {6: "유", 10: "시"}.get(month, _korean(month)), 99),
        "d": _number("day", 1, r"[1-9][0-9]?"),
        "dd": _number("day", 2, r"[0-9][0-9]"),
        "dth": Field(
            "day",
            lambda day: f"{day.day}{_ordinal(day.day)}",
            r"1[0-9]th|[2-9]?(?:1st|2nd|3rd|[04-9]th)",
            lambda text: int(text[:-2]),
        ),
        "words_d": _words("day", _korean, 99),
        "Sat": _weekday_name(name[:3] for name in WEEKDAYS),
        "Saturday": _weekday_name(WEEKDAYS),
        "토": _weekday_name(_KOREAN_WEEKDAYS),
    }


@dataclass(frozen=True)
class WrittenDate:
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

    @cached_property
    def pattern(self) -> str:
        """The regular expression of the texts in this form, with a group for every part."""
        return "".join(
            re.escape(literal) + (f"({_fields()[name].pattern})" if name else "") for literal, name in self._pieces
        )

    def can_write(self, day: Numbers) -> bool:
        """Whether the text would name these numbers alone.

        A year of two digits does so within a hundred years, and the name of a month for the twelve that there are.
        """
        names = {name for _, name in self._pieces}
        return (day.year in TWO_DIGIT_YEARS or "yy" not in names) and (day.month <= 12 or not names & _MONTH_NAMES)

    def write(self, day: date) -> WrittenDate:
        """A day as this form writes it."""
        return WrittenDate(*self._spelled(day), day)

    def text(self, numbers: Numbers) -> str:
        """These numbers in this form, whether or not there is such a date."""
        return self._spelled(numbers)[0]

    def read(self, text: str) -> Named | None:
        """The numbers that a text in this form names; None for a text that is not in this form."""
        match = re.fullmatch(self.pattern, text)
        if match is None:
            return None
        fields = [_fields()[name] for _, name in self._pieces if name]
        read = {field.part: field.read(spelling) for field, spelling in zip(fields, match.groups(), strict=True)}
        return Named(read.get("year", 0), read.get("month", 0), read.get("day", 0), read.get("weekday"))

    def _spelled(self, day: Numbers) -> tuple[str, tuple[str, ...]]:
        text, parts = "", []
        for literal, name in self._pieces:
            text += literal
            parts += [""] * len(literal)
            if name is not None:
                field = _fields()[name]
                text += (spelling := field.write(day))
                parts += [field.part] * len(spelling)
        return text, tuple(parts)

    def __str__(self) -> str:
        return self.write(date(2026, 11, 21)).text


def forms(templates: str) -> tuple[Form, ...]:
    """The forms of these templates, one a line."""
    return tuple(map(Form, templates.strip().splitlines()))


ENGLISH = forms("""
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
KOREAN = forms("""
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
NUMBERS = forms("""
{yyyy}-{mm}-{dd}
{yyyy}/{mm}/{dd}
{yyyy}{mm}{dd}
""")
TRAIN_FORMATS = ENGLISH + KOREAN + NUMBERS
# Never trained on, and measured apart: how far what was learned reaches.
HELD_OUT_FORMATS = forms("""
{d}. {Month} {yyyy}
{yyyy} {Month} {d}
{Month} the {dth}, {yyyy}
{Sat} {d} {Month} {yyyy}
{yyyy}.{m}.{d}
{yyyy}년 {m}월 {d}일 ({토})
{words_y}년 {m}월 {d}일
""")


def reads(text: str, some: tuple[Form, ...]) -> bool:
    """Whether a text is in one of some forms, be it a date or not."""
    return _any_of(some).fullmatch(text) is not None


@cache
def _any_of(some: tuple[Form, ...]) -> re.Pattern[str]:
    return re.compile("|".join(form.pattern for form in some))


def last_day(year: int, month: int) -> int:
    """The number of the last day of a month."""
    return monthrange(year, month)[1]


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


def written(days: Sequence[date], forms: Sequence[Form]) -> Iterator[WrittenDate]:
    """Every one of these dates in every one of these forms that can write it."""
    return (form.write(day) for day in days for form in forms if form.can_write(day))


def _all() -> Iterator[date]:
    return (FIRST + timedelta(days) for days in range((LAST - FIRST).days + 1))


def full_year(digits: str) -> int:
    """A year of two digits as one of 1950 to 2049."""
    return next(year for year in TWO_DIGIT_YEARS if year % 100 == int(digits))


def _ordinal(number: int) -> str:
    return "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def _korean(number: int) -> str:
    """A number up to 9999 in Sino-Korean words: 2026 is 이천이십육."""
    digits = zip(f"{number:04}", _KOREAN_PLACES, strict=True)
    # A single thousand, hundred or ten is said without its one.
    return "".join((_KOREAN_DIGITS[int(d)] if d != "1" or not unit else "") + unit for d, unit in digits if d != "0")
