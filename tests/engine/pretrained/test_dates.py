"""WrittenDate dates: each text says its date and no other, and a date held out is held out in every form."""

import calendar
import random
import re
from datetime import date, timedelta

import pytest
from dateutil import parser
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.pretrained.dates import (
    ENGLISH,
    FIRST,
    HELD_OUT_FORMATS,
    KOREAN,
    LAST,
    NUMBERS,
    TRAIN_FORMATS,
    TWO_DIGIT_YEARS,
    held_out_dates,
    is_held_out,
    training_dates,
    written,
)
from engine.text.char_tokenizer import CHARACTERS

FORMS = TRAIN_FORMATS + HELD_OUT_FORMATS
DAYS = st.dates(FIRST, LAST)
KOREAN_DIGITS = {"일": 1, "이": 2, "삼": 3, "사": 4, "오": 5, "육": 6, "칠": 7, "팔": 8, "구": 9}
KOREAN_PLACES = {"천": 1000, "백": 100, "십": 10}


def number(text):
    """A number in digits, or in Sino-Korean words as they are counted out: 이천이십육 is 2·1000 + 2·10 + 6."""
    if text.isdigit():
        return int(text)
    total, digit = 0, 0
    for character in {"유": "육", "시": "십"}.get(text, text):
        if character in KOREAN_PLACES:
            total += max(digit, 1) * KOREAN_PLACES[character]
            digit = 0
        else:
            digit = KOREAN_DIGITS[character]
    return total + digit


def full_year(text):
    """The stated rule: two digits are a year of 1950 to 2049."""
    year = number(text)
    return year if year > 99 else year + (1900 if year >= 50 else 2000)


def read(text):
    """What a reader who knows the stated rules, and nothing of the forms, takes a text to say."""
    if found := re.match(r"(\w+)년 ?(\w+)월 ?(\w+)일", text):
        year, month, day = found.groups()
        return date(full_year(year), number(month), number(day))
    if re.search("[A-Za-z]", text):
        text = re.sub(r"'(\d\d)$", lambda short: str(full_year(short[1])), text)
        # dateutil takes a weekday for another day to find, and "the" and "of" for nothing it knows.
        text = re.sub(r"^(Mon|Tue|Wed|Thu|Fri|Sat|Sun),? |\bthe |\bof ", "", text)
        return parser.parse(text).date()
    text = re.sub(r"\(.\)$", "", text)
    if re.fullmatch(r"\d{8}", text):
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    numbers = re.findall(r"\d+", text)
    if "/" in text and len(numbers[0]) < 4:
        month, day, year = numbers
    else:
        year, month, day = numbers
    return date(full_year(year), int(month), int(day))


@given(DAYS)
def test_every_text_says_its_date_to_a_reader_who_knows_only_the_rules(day):
    for form in FORMS:
        if form.can_write(day):
            assert read(form.write(day).text) == day


def test_the_examples_of_the_rules_are_written_so():
    texts = {pair.text for pair in written([date(2026, 11, 21)], TRAIN_FORMATS)}
    assert {"21 November 2026", "Nov. 21st, 2026", "2026년 11월 21일", "26. 11. 21.", "11/21/2026"} <= texts
    assert "이천이십육년 십일월 이십일일" in texts
    assert {"3/5/75", "75. 3. 5."} <= {pair.text for pair in written([date(1975, 3, 5)], TRAIN_FORMATS)}
    assert "이천년 유월 십일" in {pair.text for pair in written([date(2000, 6, 10)], TRAIN_FORMATS)}
    assert "천구백십일년 시월 삼십일" in {pair.text for pair in written([date(1911, 10, 30)], TRAIN_FORMATS)}


@given(DAYS)
def test_years_of_two_digits_are_written_only_where_they_are_not_ambiguous(day):
    short = [form for form in FORMS if not form.can_write(day)]
    assert bool(short) == (day.year not in TWO_DIGIT_YEARS)
    assert len({year % 100 for year in TWO_DIGIT_YEARS}) == len(TWO_DIGIT_YEARS) == 100


def month_of(said):
    """A month in digits, in Korean words or by an English name that may be cut short."""
    if said.isascii() and said.isalpha():
        return next(n for n, name in enumerate(calendar.month_name) if name and name.lower().startswith(said.lower()))
    return number(said)


@given(DAYS, st.sampled_from(FORMS))
def test_every_character_knows_which_part_of_the_date_it_says(day, form):
    assume(form.can_write(day))
    pair = form.write(day)
    assert len(pair.parts) == len(pair.text)
    said = {part: "".join(c for c, of in zip(pair.text, pair.parts, strict=True) if of == part) for part in pair.parts}
    assert full_year(said["year"]) == day.year
    assert month_of(said["month"]) == day.month
    assert number(re.sub("st|nd|rd|th", "", said["day"])) == day.day
    assert said.get("weekday") in (None, calendar.day_abbr[day.weekday()], "월화수목금토일"[day.weekday()])
    assert pair.iso == day.strftime("%Y-%m-%d")


def test_ordinals_are_those_of_english():
    (form,) = (form for form in ENGLISH if str(form) == "21st November 2026")
    begun = [form.write(date(2026, 10, day)).text.split()[0] for day in range(1, 32)]
    assert begun[:4] + begun[10:13] == ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th"]
    assert begun[20:24] + begun[29:] == ["21st", "22nd", "23rd", "24th", "30th", "31st"]
    assert all(text.endswith("th") for text in begun[4:20] + begun[23:30])


def test_every_day_of_two_hundred_years_is_either_trained_on_or_held_out():
    days = sorted(training_dates() + held_out_dates())
    assert days == [date(1900, 1, 1) + timedelta(n) for n in range(73_049)]
    assert days[-1] == date(2099, 12, 31)
    assert set(training_dates()).isdisjoint(held_out_dates())


def test_the_split_is_the_same_everywhere_and_touches_every_year_and_every_day_of_a_month():
    assert len(held_out_dates()) == 3645
    assert is_held_out(held_out_dates()[0])
    assert held_out_dates()[:3] == (date(1900, 1, 26), date(1900, 3, 2), date(1900, 3, 22))
    assert {day.year for day in held_out_dates()} == set(range(1900, 2100))
    assert {(day.month, day.day) for day in held_out_dates()} >= {(m, d) for m in range(1, 13) for d in range(1, 29)}


def test_no_text_of_a_held_out_date_is_the_text_of_a_trained_one():
    draw = random.Random(1)
    days = draw.sample(training_dates(), 3000)
    assert {pair.text for pair in written(days, FORMS)}.isdisjoint(
        pair.text for pair in written(draw.sample(held_out_dates(), 1000), FORMS)
    )


def test_forms_that_are_never_seen_are_none_of_those_trained_on():
    assert (
        len({form.template for form in FORMS}) == len(FORMS) == len(ENGLISH + KOREAN + NUMBERS) + len(HELD_OUT_FORMATS)
    )


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_every_form_is_written_in_characters_that_the_model_knows(form):
    months = (date(2000 + month, month, day) for month in range(1, 13) for day in range(1, 29))
    texts = [form.write(day).text for day in months]
    assert set("".join(texts)) <= set(CHARACTERS)
    assert max(map(len, texts)) <= 28
    assert all(" ".join(text.split()) == text for text in texts)
