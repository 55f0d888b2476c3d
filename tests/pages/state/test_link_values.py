"""What is used of a value that a link brings, and what is said where that is not what it asked for."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pages.ui.state.link_values import choice, whole_number
from tests.pages.state.test_settings import is_inert

RANGES = st.tuples(st.integers(-50, 50), st.integers(0, 100)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(st.integers(-(10**30), 10**30), RANGES, st.integers(0, 4000))
@example(0, (0, 3), 4000)
@example(-7, (1, 3), 0)
def test_any_number_is_used_or_the_nearest_that_works_however_many_zeros_it_begins_with(asked, ends, zeros):
    low, high = ends
    text = ("-" if asked < 0 else "") + "0" * zeros + str(abs(asked))
    value, problem = whole_number("layer", text, low, high, low)
    assert value == min(range(low, high + 1), key=lambda number: abs(number - asked))
    assert (problem is None) == (value == asked)
    if problem is not None:
        assert problem.note(value).text.endswith(f" goes from {low} to {high}. {value} is used.")


@pytest.mark.parametrize("digit", ["9", "1", "0"])
@pytest.mark.parametrize("sign", ["", "-"])
def test_five_thousand_digits_are_a_number_like_any_other(digit, sign):
    value, problem = whole_number("position", sign + digit * 5000, 0, 10, 3)
    assert value == (10 if digit != "0" and not sign else 0)
    assert (problem is None) == (digit == "0")


@given(st.text(max_size=40))
@example("４")
@example("٤")
@example("4\n")
@example(" 4")
@example("+4")
@example("4.0")
@example("1_0")
@example("0x4")
@example("4\u202e")
@example("²")
def test_text_that_is_no_number_in_the_digits_0_to_9_gives_the_usual_one(text):
    value, problem = whole_number("head", text, 0, 3, 2, "Head")
    if text.removeprefix("-").isascii() and text.removeprefix("-").isdigit():
        return
    assert value == 2
    note = problem.note(value)
    assert note.text.endswith("was asked for; Head is a whole number from 0 to 3, in the digits 0 to 9. 2 is used.")
    assert is_inert(note.text)


@given(st.text(max_size=40), st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=9, unique=True))
@example(" cross", ["encoder", "cross"])
@example("Cross", ["encoder", "cross"])
def test_a_choice_is_one_of_the_options_and_a_note_shows_what_can_be_chosen(text, options):
    value, problem = choice("kind", text, options, options[-1])
    assert value == (text if text in options else options[-1])
    assert (problem is None) == (text in options)
    if problem is not None:
        assert is_inert(problem.note("it").text)
