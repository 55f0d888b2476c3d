"""What stays in the session when settings and view change, and what goes."""

import dataclasses
from types import SimpleNamespace

import pytest

from pages.ui.state import session
from pages.ui.state.settings import first


class Address(dict):
    """The address bar."""

    def to_dict(self):
        return dict(self)

    def from_dict(self, query):
        self.clear()
        self.update(query)


@pytest.fixture
def address(monkeypatch):
    address = Address()
    browser = SimpleNamespace(session_state={}, query_params=address, context=SimpleNamespace(url="http://localhost"))
    monkeypatch.setattr(session, "st", browser)
    return address


def test_what_was_wrong_with_a_link_is_not_said_once_the_settings_were_changed(address):
    address["norm_first"] = "perhaps"
    settings = session.begin_page("app.py")
    assert any("norm_first=perhaps" in note.text for note in session.notes())
    changed = settings.config.change(norm_first=not settings.config.norm_first)
    session.change_settings(dataclasses.replace(settings, config=changed))
    assert session.notes() == ()


def test_another_view_of_a_page_has_nothing_of_the_one_before(address):
    address.update(step="logits", pin="0.1", causal_mask="0")
    session.begin_page("pages/walkthrough.py")
    session.open_view(step="scores")
    session.write_address()
    assert address == {"step": "scores", "causal_mask": "0"}
    session.change_view(pin="1.2", step=None)
    session.write_address()
    assert address == {"pin": "1.2", "causal_mask": "0"}
    assert (session.view("pin"), session.view("step", "none")) == ("1.2", "none")


def test_a_bare_link_to_another_page_takes_the_settings_along(address):
    address.update(causal_mask="0", step="logits")
    session.begin_page("app.py")
    session.write_address()
    address.clear()
    assert session.begin_page("pages/walkthrough.py").config == first().config.change(causal_mask=False)
    assert session.view("step") == ""


def test_a_page_is_turned_to_once_and_not_by_who_comes_first_or_stays(address):
    session.begin_page("app.py")
    assert not session.has_just_turned()
    session.begin_page("pages/attention.py")
    assert session.has_just_turned()
    assert not session.has_just_turned()
    session.begin_page("pages/attention.py")
    assert not session.has_just_turned()
