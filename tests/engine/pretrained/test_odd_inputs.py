"""Odd inputs: what they could mean, and that no lesson is written as they are."""

import random
import re
from collections import Counter
from datetime import date, timedelta

import pytest
from dateutil import parser
from hypothesis import given
from hypothesis import strategies as st

from engine.pretrained.dates import (
    FIRST,
    HELD_OUT_FORMATS,
    LAST,
    TRAIN_FORMATS,
    Named,
    held_out_dates,
    training_dates,
    written,
)
from engine.pretrained.meanings import dates_near, meanings, meanings_of_digits
from engine.pretrained.odd_dates import impossible_numbers, odd_date, year_outside
from engine.pretrained.odd_inputs import is_kept_apart, kinds, odd_inputs
from engine.pretrained.training_data import EVERYDAY_STEPS, lessons
from engine.text.char_tokenizer import CHARACTERS

DAYS = [date(1900, 1, 1) + timedelta(n) for n in range(73_049)]


def iso(dates):
    return sorted(day.isoformat() for day in dates)


# What a text could mean.


@given(st.integers(1800, 2200), st.integers(0, 20), st.integers(0, 40))
def test_what_cannot_be_right_is_left_open_and_the_rest_is_kept(year, month, day):
    years, months = 1900 <= year <= 2099, 1 <= month <= 12
    like = [d for d in DAYS if (d.year == year or not years) and (d.month == month or not months)]
    assert list(dates_near(Named(year, month, day))) == ([d for d in like if d.day == day] or like)


@pytest.mark.parametrize(
    ("text", "between", "dates"),
    [
        ("13.03.2020", ".", ["2020-03-13"]),
        ("03.04.2020", ".", ["2020-03-04", "2020-04-03"]),
        ("3 4 2020", " ", ["2020-03-04", "2020-04-03"]),
        ("3/4/2020", "/", ["2020-03-04"]),  # the American order, by the rules of the forms
        ("2020.3.4", ".", ["2020-03-04"]),
        ("20.03.04", ".", ["2020-03-04"]),  # the Korean order, by the rules of the forms
        ("3.4.20", ".", ["2020-03-04", "2020-04-03"]),
        ("10-11-12", "-", ["2010-11-12", "2012-10-11", "2012-11-10"]),
        ("05-05-2005", "-", ["2005-05-05"]),
        ("21/11/2026", "/", sorted([*(f"2026-{month:02}-11" for month in range(1, 13)), "2026-11-21"])),
        ("30-02-2021", "-", [*(f"2021-02-{day:02}" for day in range(1, 29))]),
    ],
)
def test_numbers_mean_every_date_that_an_order_gives_unless_a_rule_settles_it(text, between, dates):
    found = iso(meanings(*text.split(between), between))
    if text == "30-02-2021":  # or the 2nd of any month, were 30 the month
        dates = sorted({*dates, *(f"2021-{month:02}-02" for month in range(1, 13))})
    assert found == dates


@pytest.mark.parametrize(
    ("text", "dates"),
    [
        ("20200313", ["2020-03-13"]),
        ("13032020", ["2020-03-13"]),
        ("03132020", ["2020-03-13"]),
        ("03042020", ["2020-03-04", "2020-04-03"]),
        ("20260229", [f"2026-02-{day:02}" for day in range(1, 29)]),
        ("20101112", ["2010-11-12"]),
    ],
)
def test_eight_digits_have_the_year_first_where_that_is_a_date(text, dates):
    assert iso(meanings_of_digits(text)) == dates


@pytest.mark.parametrize("text", ["2100-02-29", "1899-12-31", "0000-00-00"])
def test_near_a_date_out_of_range_are_only_dates_in_range(text):
    year, month, day = map(int, text.split("-"))
    assert all(FIRST <= day <= LAST for day in dates_near(Named(year, month, day)))


@given(st.sampled_from(training_dates()), st.integers(0, 10**6))
def test_the_date_an_odd_text_was_made_from_is_among_those_it_could_mean(day, seed):
    odd = odd_date(Named(day.year, day.month, day.day, day.weekday()), random.Random(seed))
    assert odd.text == " ".join(odd.text.split()) != ""
    assert set(odd.text) <= set(CHARACTERS)
    # By the rules of the forms, numbers between slashes, and two digits before a dot, may mean another one.
    if "/" not in odd.text and not odd.text[:3].rstrip(".").isdigit() and not odd.text.isdigit():
        assert day in odd.dates


@pytest.mark.parametrize(("text", "numbers"), [("Sat, 31 Mar 2020", (2020, 3, 31)), ("20260229", (2026, 2, 29))])
def test_a_form_reads_the_numbers_of_a_text_whether_or_not_there_is_such_a_date(text, numbers):
    (found,) = [named for form in TRAIN_FORMATS if (named := form.read(text))]
    assert (found.year, found.month, found.day) == numbers


@given(st.sampled_from(DAYS), st.sampled_from(TRAIN_FORMATS + HELD_OUT_FORMATS))
def test_a_form_reads_what_it_wrote(day, form):
    if form.can_write(day):
        named = form.read(form.write(day).text)
        assert named.date == day
        assert named.of_week in (None, day.weekday())


# The inputs.


def test_there_are_six_hundred_of_eight_kinds_and_no_two_are_the_same():
    assert Counter(odd.kind for odd in odd_inputs()) == dict.fromkeys(kinds(), 75)
    assert len(kinds()) == 8
    assert len({odd.text for odd in odd_inputs()}) == 600


def test_what_is_called_impossible_is_no_date_and_the_rest_can_mean_one_that_is_held_out():
    for odd in odd_inputs():
        assert odd.dates
        assert sum(odd.chance(day.isoformat()) for day in odd.dates) == pytest.approx(1)
        if not odd.impossible:
            assert odd.dates & set(held_out_dates())
    impossible = [odd for odd in odd_inputs() if odd.impossible and odd.text.isascii()]
    assert len(impossible) > 100
    for odd in impossible:
        try:
            year = parser.parse(odd.text.replace("the ", "")).year
        except ValueError:
            continue
        assert not 1900 <= year <= 2099


@pytest.mark.parametrize("part", ["everyday", "odd"])
def test_no_lesson_is_written_in_the_form_of_an_odd_input_or_has_a_held_out_date(part):
    first = 0 if part == "everyday" else EVERYDAY_STEPS
    shown = [lesson for step in range(first, first + 30) for lesson in lessons(step, 128)]
    texts = {lesson.text for lesson in shown}
    assert texts.isdisjoint(odd.text for odd in odd_inputs())
    assert texts.isdisjoint(pair.text for pair in written(held_out_dates(), TRAIN_FORMATS))
    assert {lesson.iso for lesson in shown} <= {day.isoformat() for day in training_dates()}
    if part == "odd":
        assert not [text for text in texts if is_kept_apart(text)]


def test_every_odd_input_but_a_misspelt_one_is_in_a_form_that_is_kept_apart_and_no_everyday_date_is():
    assert all(is_kept_apart(odd.text) for odd in odd_inputs() if not odd.kind.startswith("misspelt"))
    assert not any(is_kept_apart(pair.text) for pair in written([date(2026, 3, 5)], TRAIN_FORMATS))


def test_the_misspellings_of_the_lessons_are_others_than_those_of_the_inputs():
    usual = {
        word for pair in written([date(2020, m, 1) for m in range(1, 13)], TRAIN_FORMATS) for word in words(pair.text)
    }
    misspelt = {word for odd in odd_inputs() if odd.kind.startswith("misspelt") for word in words(odd.text)} - usual
    assert len(misspelt) > 30
    draw = random.Random(3)
    days = draw.choices(training_dates(), k=3000)
    learned = {word for day in days for word in words(odd_date(Named(day.year, day.month, day.day, 0), draw).text)}
    assert len(learned - usual) > 30
    assert misspelt.isdisjoint(learned)


def words(text):
    return re.findall("[A-Za-z]{4,}", text)


def test_impossible_numbers_are_no_date_and_years_outside_are_outside():
    draw = random.Random(7)
    drawn = [impossible_numbers(day, draw) for day in draw.choices(training_dates(), k=2000)]
    assert {named.date for named in drawn} == {None}
    share = sum((named.month, named.day) == (2, 29) for named in drawn) / len(drawn)
    assert 0.15 < share < 0.35  # 29 February of a common year is the hardest to tell from a date
    years = [year_outside(draw) for _ in range(2000)]
    assert all(1000 <= year < 1900 or 2099 < year <= 9999 for year in years)
    assert any(1890 < year < 1900 for year in years)
    assert any(2099 < year < 2110 for year in years)
