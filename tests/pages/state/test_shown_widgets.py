"""Widgets that a person alone changes: what a browser repeats sets nothing back, what a person chose is never lost."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.ui.state import shown_widgets
from pages.ui.state.shown_widgets import Widget, chosen, widget

PAGE = "app.py"


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    session: dict[str, Any] = {}
    monkeypatch.setattr(shown_widgets, "st", SimpleNamespace(session_state=session))
    return session


def drawn(session: dict[str, Any], value: Any, page: str = PAGE) -> Widget:
    """The widget of a run that shows this value; Streamlit keeps what a widget of this key shows already."""
    shown = widget(page, "heads", value)
    session.setdefault(shown.key, shown.start)
    return shown


def test_a_widget_keeps_its_key_and_its_first_value_while_the_person_moves_it(session):
    first = drawn(session, 4)
    for value in (5, 6, 4):
        session[first.key] = value
        said: list[int] = []
        chosen(PAGE, "heads", first.key, said.append)
        assert said == [value]
        assert drawn(session, value) == first == Widget("heads", 4)


def test_another_value_than_the_widget_shows_has_a_new_widget_that_starts_with_it(session):
    first = drawn(session, 4)
    second = drawn(session, 8)
    assert second.key != first.key
    assert second.start == 8
    assert drawn(session, 4).key not in (first.key, second.key)


def test_a_widget_that_was_away_for_a_run_comes_back_with_what_was_chosen_and_not_with_what_it_began_with(session):
    first = drawn(session, 4)
    session[first.key] = 8
    chosen(PAGE, "heads", first.key, lambda value: None)
    assert drawn(session, 8) == first
    del session[first.key]  # another page was open
    assert drawn(session, 8).start == 8


def test_what_a_browser_still_says_of_the_widget_before_changes_nothing(session):
    first, second = drawn(session, 4), drawn(session, 8)
    session[first.key] = 4  # as it was: Streamlit calls no callback
    assert drawn(session, 8) == second


def test_what_a_person_chose_on_a_widget_that_was_just_replaced_counts(session):
    first, second = drawn(session, 4), drawn(session, 8)
    session[first.key] = 3
    said: list[int] = []
    chosen(PAGE, "heads", first.key, said.append)
    assert said == [3]
    third = drawn(session, 3)
    assert third.start == 3
    assert third.key not in (first.key, second.key)


def test_a_browser_that_says_nothing_is_chosen_is_shown_again_what_is(session):
    first = drawn(session, "words")
    session[first.key] = None
    said: list[str] = []
    chosen(PAGE, "heads", first.key, said.append)
    assert said == []
    again = drawn(session, "words")
    assert again.key != first.key
    assert again.start == "words"


def test_a_browser_that_says_what_the_server_knows_chooses_nothing(session):
    first = drawn(session, 4)
    said: list[int] = []
    chosen(PAGE, "heads", first.key, said.append)
    second = drawn(session, 8)
    chosen(PAGE, "heads", first.key, said.append)
    chosen(PAGE, "heads", second.key, said.append)
    assert said == []


def test_a_slider_with_other_ends_is_a_new_widget_that_starts_where_the_one_before_stood(session):
    first = widget(PAGE, "heads", 4, among=10)
    session[first.key] = 7
    chosen(PAGE, "heads", first.key, lambda said: None)
    second = widget(PAGE, "heads", 7, among=12)
    assert second.key != first.key
    assert second.start == 7


def test_a_widget_of_another_page_knows_nothing_of_this_one(session):
    drawn(session, 4)
    assert drawn(session, 8, "pages/export.py") == Widget("heads", 8)
    back = drawn(session, 8)
    assert back.key != "heads"
    assert back.start == 8


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3))))
def test_the_widget_that_stands_last_shows_what_holds_last(events):
    session: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shown_widgets, "st", SimpleNamespace(session_state=session))
        holds = [0]
        last = drawn(session, 0)
        for by_a_person, value in events:
            if by_a_person:
                session[last.key] = value
                chosen(PAGE, "heads", last.key, lambda said: holds.append(said))
            else:
                holds.append(value)
            last = drawn(session, holds[-1])
            assert session[last.key] == holds[-1]
