"""Where the model's word is worth nothing is told by rule: days that there are not, years outside, other forms."""

import calendar
import re
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.pretrained.date_check import doubt
from engine.pretrained.dates import FIRST, HELD_OUT_FORMATS, LAST, TRAIN_FORMATS, written
from engine.pretrained.odd_inputs import odd_inputs

UNMEASURED = (
    "This is in none of the 36 forms that the model's answers are measured in: it may be wrong however sure it is."
)


@given(st.dates(FIRST, LAST))
def test_a_date_in_a_measured_form_raises_no_doubt(day):
    assert {doubt(pair.text) for pair in written([day], TRAIN_FORMATS)} == {None}


@given(st.integers(1, 9999), st.integers(1, 12), st.integers(1, 31))
def test_numbers_raise_a_doubt_exactly_where_python_has_no_such_date_or_the_year_is_outside(year, month, day):
    text = f"{year:04}-{month:02}-{day:02}"
    try:
        known = 1900 <= datetime.strptime(text, "%Y-%m-%d").year <= 2099
    except ValueError:
        known = False
    assert (doubt(text) is None) == known


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("29 February 2023", "29 February 2023 does not exist, February 2023 has 28 days: no answer is right, "),
        ("20260229", "29 February 2026 does not exist, February 2026 has 28 days: no answer is right, "),
        ("1900년 2월 29일", "29 February 1900 does not exist, February 1900 has 28 days: no answer is right, "),
        ("31 June 2021", "31 June 2021 does not exist, June 2021 has 30 days: no answer is right, "),
        ("천구백칠십년 유월 삼십일일", "31 June 1970 does not exist, June 1970 has 30 days: no answer is right, "),
        ("Apr. 31st, 1999", "31 April 1999 does not exist, April 1999 has 30 days: no answer is right, "),
        ("2020-03-00", "0 March 2020 does not exist, March 2020 has 31 days: no answer is right, "),
        ("2020-13-01", "There is no month 13: no answer is right, "),
        ("2020-00-01", "There is no month 0: no answer is right, "),
        ("21/11/2026", "There is no month 21, and numbers between slashes are month, day, year: no answer is right, "),
        ("2100년 1월 1일", "The year 2100 is outside 1900 to 2099, the years of the model's training: no answer "),
        ("31 December 1899", "The year 1899 is outside 1900 to 2099, the years of the model's training: "),
        ("Sat, 13 Mar 2020", "13 March 2020 is a Friday, not a Saturday: one of the two is wrong, and the model "),
        ("2020. 3. 13.(월)", "13 March 2020 is a Friday, not a Monday: one of the two is wrong, and the model "),
    ],
)
def test_the_reason_is_said_with_the_numbers_of_the_text(text, reason):
    assert doubt(text).startswith(reason)


@pytest.mark.parametrize(
    "text",
    ["13.03.2020", "Friday 13 March 2020", "November 2026", "11st November 2026", "２０２６-11-21", "hello", "", "?"],
)
def test_a_form_that_is_not_measured_is_said_to_be_none(text):
    assert doubt(text) == UNMEASURED


def test_every_odd_input_and_every_date_in_an_unseen_form_raises_a_doubt():
    assert all(doubt(odd.text) for odd in odd_inputs())
    texts = {pair.text for pair in written([date(2026, 3, 5)], TRAIN_FORMATS)}
    others = [pair.text for pair in written([date(2026, 3, 5)], HELD_OUT_FORMATS) if pair.text not in texts]
    assert len(others) == 7
    assert {doubt(text) for text in others} == {UNMEASURED}


@given(st.integers(1900, 2099), st.integers(1, 12), st.integers(1, 99))
def test_the_number_of_days_that_is_said_is_that_of_the_calendar(year, month, day):
    last = calendar.monthrange(year, month)[1]
    reason = doubt(f"{day} {calendar.month_name[month]} {year}")
    if day <= last:
        assert reason is None
    else:
        assert re.match(rf"{day} \w+ {year} does not exist, \w+ {year} has {last} days:", reason)
