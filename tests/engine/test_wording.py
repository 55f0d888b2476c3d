"""Sentences about one thing or many, and with several names in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.wording import conjunction, counted, disjunction

FORMS = ("{count} token of {side} is hidden", "{count} tokens of {side} are hidden")


def test_exactly_one_thing_has_the_first_form():
    assert counted(1, *FORMS, side="S") == "1 token of S is hidden"


@given(st.integers(0, 10**9).filter(lambda count: count != 1))
def test_any_other_number_has_the_second_form_and_reads_back(count):
    sentence = counted(count, *FORMS, side="S")
    assert sentence.endswith(" tokens of S are hidden")
    assert int(sentence.split()[0].replace(",", "")) == count


def test_large_counts_have_commas():
    assert counted(1234567, *FORMS, side="T") == "1,234,567 tokens of T are hidden"


def test_values_are_not_read_as_templates():
    assert counted(2, *FORMS, side="{count}") == "2 tokens of {count} are hidden"


@pytest.mark.parametrize(
    ("names", "all_of_them", "one_of_them"),
    [
        ((), "", ""),
        (("a",), "a", "a"),
        (("a", "b"), "a and b", "a or b"),
        (("a", "b", "c"), "a, b and c", "a, b or c"),
        (("a", "b", "c", "d"), "a, b, c and d", "a, b, c or d"),
    ],
)
def test_names_are_listed_with_a_word_before_the_last(names, all_of_them, one_of_them):
    assert conjunction(iter(names)) == all_of_them
    assert disjunction(iter(names)) == one_of_them


def test_a_name_is_not_read_as_a_template():
    assert conjunction(("{first}", "{last}")) == "{first} and {last}"
