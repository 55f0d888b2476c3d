"""The dates that a text could mean where it names none or more than one.

The parts that cannot be right are left open. 31 June 2021 is any day of June 2021; 29 February 2023 any day of that
February; 1 January 2100 is 1 January of any year from 1900 to 2099. Numbers in an order that the rules of
``dates`` do not settle mean every date that one of the usual orders gives: 3.4.2020 is 3 April or 4 March.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import lru_cache

from engine.pretrained.dates import FIRST, LAST, Named, full_year, last_day

_YEARS = range(FIRST.year, LAST.year + 1)
_MONTHS = range(1, 13)

# The usual orders of three numbers, the place of the year, of the month and of the day in each.
_YEAR_FIRST, _DAY_FIRST, _MONTH_FIRST = (0, 1, 2), (2, 1, 0), (2, 0, 1)


def dates_near(numbers: Named) -> tuple[date, ...]:
    """The date of these numbers; where there is none, every date that agrees with as many of them as can be right."""
    return _near(
        numbers.year if numbers.year in _YEARS else 0, numbers.month if numbers.month in _MONTHS else 0, numbers.day
    )


@lru_cache(maxsize=4096)
def _near(year: int, month: int, day: int) -> tuple[date, ...]:
    """The dates near these numbers, of which year or month is 0 where it is open."""
    years = (year,) if year else _YEARS
    months = (month,) if month else _MONTHS
    exact = (Named(y, m, day).date for y in years for m in months)
    return tuple(filter(None, exact)) or tuple(
        date(y, m, d) for y in years for m in months for d in range(1, last_day(y, m) + 1)
    )


def meanings(first: str, second: str, third: str, between: str) -> tuple[date, ...]:
    """Every date that three written numbers could mean.

    Args:
        first, second, third: the numbers in digits, as they stand in the text.
        between: what stands between them: "." or ". ", "/", " ", "-", or nothing.
    """
    written = (first, second, third)
    usual = [_named(written, order) for order in _orders(written, between)]
    if dates := _existing(usual):
        return dates
    other_orders = [] if len(first) == 4 else [_named(written, order) for order in (_DAY_FIRST, _MONTH_FIRST)]
    # Such as 21/11/2026, in the American order month 21: 21 November, or the 11th of any month.
    return _without_repeats((*_existing(other_orders), *_near_any(usual)))


def meanings_of_digits(text: str) -> tuple[date, ...]:
    """Every date that eight digits could mean: the year stands first where that is a date, else it may stand last."""
    year_first = (text[:4], text[4:6], text[6:])
    year_last = (text[:2], text[2:4], text[4:])
    for written, orders in ((year_first, (_YEAR_FIRST,)), (year_last, (_DAY_FIRST, _MONTH_FIRST))):
        if dates := _existing(_named(written, order) for order in orders):
            return dates
    is_year_first = int(text[:4]) in _YEARS or int(text[4:]) not in _YEARS
    if is_year_first:
        return dates_near(_named(year_first, _YEAR_FIRST))
    return _near_any([_named(year_last, order) for order in (_DAY_FIRST, _MONTH_FIRST)])


def _orders(written: tuple[str, str, str], between: str) -> tuple[tuple[int, int, int], ...]:
    """The orders that the numbers may stand in, by the rules of ``engine.pretrained.dates`` where there is one."""
    first, _, third = written
    if len(first) == 4:
        return (_YEAR_FIRST,)
    if between == "/":
        return (_MONTH_FIRST,)
    if len(third) == 4 or len(first) == 1:
        return (_DAY_FIRST, _MONTH_FIRST)
    if between.startswith("."):
        return (_YEAR_FIRST,)
    return (_YEAR_FIRST, _DAY_FIRST, _MONTH_FIRST)


def _named(written: tuple[str, str, str], order: tuple[int, int, int]) -> Named:
    year, month, day = (written[position] for position in order)
    if len(year) <= 2:
        year = str(full_year(year))
    return Named(int(year), int(month), int(day))


def _existing(readings: Iterable[Named]) -> tuple[date, ...]:
    dates = (reading.date for reading in readings)
    return _without_repeats(day for day in dates if day and FIRST <= day <= LAST)


def _near_any(readings: Iterable[Named]) -> tuple[date, ...]:
    return _without_repeats(day for reading in readings for day in dates_near(reading))


def _without_repeats(dates: Iterable[date]) -> tuple[date, ...]:
    return tuple(dict.fromkeys(dates))
