"""Odd ways of writing a date that the model is shown: parts in any order, run together, with a weekday, misspelt.

A text is drawn part by part, so that there are thousands of forms; what it could mean follows from ``meanings``.
The numbers need not be those of a date: the same forms say 31 June, or a year that is out of range.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date

from engine.pretrained.dates import FIRST, LAST, TWO_DIGIT_YEARS, Form, Named, last_day
from engine.pretrained.meanings import dates_near, meanings, meanings_of_digits

_MISSPELT_SHARE = 0.15  # of the odd dates with the month in letters
_WEEKDAY_SHARE = 0.35

_ENGLISH_MONTHS = ("{Month}", "{Month}", "{Mon}", "{Mon}.", "{month}", "{mon}", "{MON}")
_DAYS = ("{d}", "{d}", "{dd}", "{dth}")
_ENGLISH_BETWEEN = (" ", " ", ", ", ". ", "-", "/", ".", "")
_WEEKDAYS = ("{Saturday}", "{Saturday}", "{Sat}")
_KOREAN_PARTS = (("{yyyy}", "{yyyy}", "{words_y}"), ("{m}", "{mm}", "{words_m}"), ("{d}", "{dd}", "{words_d}"))
_NUMBERS_BETWEEN = (".", ".", ". ", " ", "/", ", ")


@dataclass(frozen=True)
class OddDate:
    """A text and every date that it could mean."""

    text: str
    dates: tuple[date, ...]


def odd_date(numbers: Named, draw: random.Random) -> OddDate:
    """These numbers in an odd form that is drawn."""
    weights = (4 if numbers.month <= 12 else 0, 3, 3, 1)
    (kind,) = draw.choices((_english, _korean, _numbers, _digits), weights)
    return kind(numbers, draw)


def impossible_numbers(day: date, draw: random.Random) -> Named:
    """The year of a date, with a month and a day that there is not in it: 29 February, 31 June, 37 May, 4. 17."""
    (kind,) = draw.choices(("leap day", "month's end", "day", "month"), (3, 2, 1, 1))
    weekday = day.weekday()
    if kind == "leap day":
        first = last_day(day.year, 2) + 1
        return Named(day.year, 2, draw.choice((first, first, 30)), weekday)
    if kind == "month's end":
        month = draw.choice((2, 4, 6, 9, 11))
        return Named(day.year, month, draw.randint(last_day(day.year, month) + 1, 31), weekday)
    # The lower ones oftener: people write 21/11/2026 rather than 84/11/2026.
    highest = draw.choice((39, 99))
    if kind == "day":
        return Named(day.year, day.month, draw.randint(last_day(day.year, day.month) + 1, highest), weekday)
    return Named(day.year, draw.randint(13, highest), day.day, weekday)


def year_outside(draw: random.Random) -> int:
    """A year of four digits before the first or after the last that there is a date of; the near ones oftener."""
    spans = (LAST.year + 1, LAST.year + 100), (FIRST.year - 100, FIRST.year - 1), (LAST.year + 1, 9999), (1000, 1899)
    return draw.randint(*draw.choice(spans))


def _english(numbers: Named, draw: random.Random) -> OddDate:
    """Such as "Friday, 13th March 2020", "2020-Mar-13", "13Mar2020" or "Mar. 13 '20"."""
    year = "'{yy}" if numbers.year in TWO_DIGIT_YEARS and draw.random() < 0.15 else "{yyyy}"
    parts = {"d": draw.choice(_DAYS), "m": draw.choice(_ENGLISH_MONTHS), "y": year}
    order = draw.choice(("dmy", "dmy", "mdy", "mdy", "ymd", "ydm"))
    between = draw.choice(_ENGLISH_BETWEEN)
    if between == "" and order == "ydm":
        between = " "  # 2020 and 13 run together would be a longer number
    template = between.join(parts[part] for part in order)
    if order != "ymd" and order != "ydm" and between == " " and draw.random() < 0.4:
        comma, of = f", {year}", f" of {parts['m']}"
        template = (
            template.replace(f" {year}", comma) if draw.random() < 0.5 else template.replace(f" {parts['m']}", of)
        )
    if order == "mdy" and "{dth}" in template and draw.random() < 0.3:
        template = "the " + template if draw.random() < 0.5 else template.replace("{dth}", "the {dth}")
    elif order == "dmy" and "{dth}" in template and draw.random() < 0.3:
        template = "the " + template
    if draw.random() < _WEEKDAY_SHARE:
        weekday = draw.choice(_WEEKDAYS)
        before, after = f"{weekday}{draw.choice((', ', ' ', '. '))}{template}", f"{template} ({weekday})"
        template = draw.choice((before, before, after))
    text = Form(template).text(numbers).replace("..", ".")
    if draw.random() < _MISSPELT_SHARE:
        text = _misspelt(text, numbers, draw)
    return OddDate(text, dates_near(numbers))


def _korean(numbers: Named, draw: random.Random) -> OddDate:
    """Such as "2020년 삼월 13일", "13일, 3월, 2020년" or "(금) 2020년3월 13일"."""
    year, month, day = (draw.choice(spellings) for spellings in _KOREAN_PARTS)
    gap = draw.choice(("", "", "", " "))
    parts = {"y": f"{year}{gap}년", "m": f"{month}{draw.choice(('', gap))}월", "d": f"{day}{gap}일"}
    order = draw.choice(("ymd", "ymd", "ymd", "mdy", "dmy", "ydm"))
    template = draw.choice((" ", " ", "", ", ", ". ", "-")).join(parts[part] for part in order)
    if draw.random() < _WEEKDAY_SHARE:
        before, after = (
            draw.choice(("{토} ", "({토}) ", "{토}요일, ")),
            draw.choice((" {토}", ", {토}요일", " {토}요일", "({토}요일)")),
        )
        template = draw.choice((before + template, template + after, template + after))
    return OddDate(Form(template).text(numbers), dates_near(numbers))


def _numbers(numbers: Named, draw: random.Random) -> OddDate:
    """Such as "13.03.2020", "3/13/2020", "13 3 20" or "2020-3-13"."""
    is_short = numbers.year in TWO_DIGIT_YEARS and draw.random() < 0.3
    year = f"{numbers.year % 100:02}" if is_short else str(numbers.year)
    width = draw.choice((1, 2, 2))
    month, day = f"{numbers.month:0{width}}", f"{numbers.day:0{width}}"
    order = draw.choice(((day, month, year), (day, month, year), (month, day, year), (year, month, day)))
    # Numbers with the year last are never written with dashes: that is kept to measure by.
    between = (
        draw.choice((*_NUMBERS_BETWEEN, "-")) if order[0] == year and not is_short else draw.choice(_NUMBERS_BETWEEN)
    )
    ending = "." if between == ". " and draw.random() < 0.3 else ""
    return OddDate(between.join(order) + ending, meanings(*order, between))


def _digits(numbers: Named, draw: random.Random) -> OddDate:
    """Digits that run together: 20200313, 13032020, 03132020, 200313, 130320."""
    month, day = f"{numbers.month:02}", f"{numbers.day:02}"
    if numbers.year in TWO_DIGIT_YEARS and draw.random() < 0.5:
        year = f"{numbers.year % 100:02}"
        first, second, third = draw.choice(((year, month, day), (day, month, year), (month, day, year)))
        return OddDate(first + second + third, meanings(first, second, third, ""))
    year = str(numbers.year)
    is_outside = not FIRST.year <= numbers.year <= LAST.year  # and then only the year first can be recognised as one
    orders = ((year, month, day), (day, month, year), (month, day, year))
    text = "".join(orders[0] if is_outside else draw.choice(orders))
    return OddDate(text, meanings_of_digits(text))


def _misspelt(text: str, numbers: Named, draw: random.Random) -> str:
    """The text with a letter of its month dropped, or two letters of it exchanged."""
    name = next((n for n in (Form(f).text(numbers) for f in ("{Month}", "{month}")) if n in text), "")
    if len(name) < 5:  # so short a name may become another
        return text
    position = draw.randrange(1, len(name) - 1)
    dropped = name[:position] + name[position + 1 :]
    exchanged = name[:position] + name[position + 1] + name[position] + name[position + 2 :]
    return text.replace(name, draw.choice((dropped, exchanged)), 1)
