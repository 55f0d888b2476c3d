"""What a person chose, told from what a browser repeats that has not heard of the last runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pages.ui import touched


class Page:
    """Widgets that show what a browser says, and a page that does what they are for."""

    def __init__(self, **shows: Any) -> None:
        self.session: dict[str, Any] = shows
        self.done: list[tuple[str, Any]] = []

    def message(self, heard: bool = True, **says: Any) -> list[tuple[str, Any]]:
        """What is done about a message in which the widgets say this, the others what they said last."""
        self.done.clear()
        for key, value in says.items():
            if self.session[key] != value:
                self.session[key] = value
                touched.note(key, lambda key=key: self.done.append((key, self.session[key])))
        touched.settle(heard)
        touched.settle(heard)  # a fragment asks again in the same run
        return list(self.done)


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    page = Page(step=3, stage=0)
    monkeypatch.setattr(touched, "st", SimpleNamespace(session_state=page.session))
    return page


def test_what_one_chooses_is_done_once(page: Page):
    assert page.message(step=7) == [("step", 7)]
    assert page.message() == []


def test_all_that_was_chosen_is_done_in_turn(page: Page):
    assert page.message(step=7, stage=1) == [("step", 7), ("stage", 1)]


@pytest.mark.parametrize("heard", [True, False])
def test_a_value_from_before_it_was_set_is_not_done_where_another_widget_spoke(page: Page, heard: bool):
    touched.replace("step", 4)
    assert page.message(heard, stage=1, step=3) == [("stage", 1)]


def test_a_value_from_before_it_was_set_is_a_choice_once_the_browser_has_heard(page: Page):
    touched.replace("step", 4)
    assert page.message(heard=False, step=3) == []
    touched.replace("step", 4)
    assert page.message(heard=True, step=3) == [("step", 3)]


def test_a_value_set_by_a_run_that_another_has_followed_is_no_choice_either(page: Page):
    touched.replace("step", 4)
    assert page.message(stage=1, step=3) == [("stage", 1)]
    touched.replace("step", 5)
    assert page.message(stage=2, step=4) == [("stage", 2)]


def test_what_the_browser_has_said_it_shows_it_repeats_no_more(page: Page):
    touched.replace("step", 4)
    assert page.message(stage=1) == [("stage", 1)]
    assert page.message(stage=2, step=3) == [("stage", 2), ("step", 3)]


def test_on_another_page_everything_said_is_said_for_the_first_time(page: Page):
    touched.replace("step", 4)
    touched.forget()
    assert page.message(stage=1, step=3) == [("stage", 1), ("step", 3)]
