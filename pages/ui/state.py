"""Where a person is: the settings and the view of the page, kept in the session and in the address.

Widgets do not carry from page to page by their keys, and a page opened by a link starts without a session, so the one
truth is a frozen ``Settings`` under a key no widget uses, written to the address after a change is drawn. A run takes
the address over the session only when somebody changed it: a link, or the browser's back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.ui import frame, touched
from pages.ui.link_values import Note
from pages.ui.settings import Settings, first, from_query

_SETTINGS, _VIEW, _ADDRESS, _PAGE = "explorer.settings", "explorer.view", "explorer.address", "explorer.page"
_SHOWN, _NOTES, _TURNED = "explorer.shown", "explorer.notes", "explorer.turned"
_CARRIED, _LINKED = "explorer.carried", "explorer.linked_view"


def arrive(page: str) -> Settings:
    """Settles at the start of a run what the settings and the view are; ``carry`` makes the address say so."""
    asked = st.query_params.to_dict()
    memory = st.session_state
    turned = memory.get(_PAGE) not in (None, page)
    # A browser that a widget had speak may not have heard yet what the address is to be; nobody changed that.
    answers = settle() and not turned
    if turned:
        touched.forget()
    if _SETTINGS not in memory or (not answers and _address_was_changed(asked, turned)):
        settings, notes = from_query(asked)
        memory[_SETTINGS], memory[_NOTES] = settings, notes
        memory[_VIEW] = memory[_LINKED] = _beside_settings(asked)
    elif turned:
        memory[_VIEW] = memory[_LINKED] = _beside_settings(asked)
    memory[_PAGE], memory[_TURNED] = page, turned
    return settings_now()


def settle() -> bool:
    """Does what people chose in the widgets that noted it; whether there was any. First thing in a run, or fragment."""
    return touched.settle(_SETTINGS in st.session_state and st.query_params.to_dict() == _address())


def carry() -> None:
    """Makes the address and the navigation's links say what the settings are, once what people wait for is drawn."""
    _write_address()
    query = settings_now().to_query()
    frame.carry(query)
    carried = st.session_state.get(_CARRIED, [])
    st.session_state[_CARRIED] = [*(old for old in carried[-1:] if old != query), query]


def page() -> str:
    """The file of the page that is drawn."""
    return st.session_state[_PAGE]


def settings_now() -> Settings:
    return st.session_state[_SETTINGS]


def settings_shown() -> Settings:
    """The settings of the trace on screen: those now, or the last that could be run."""
    return st.session_state.get(_SHOWN, first())


def has_shown() -> bool:
    """Whether this person has had a trace on screen yet."""
    return _SHOWN in st.session_state


def show(settings: Settings) -> None:
    """Notes that the trace of these settings is on screen."""
    st.session_state[_SHOWN] = settings


def change_settings(settings: Settings) -> None:
    """To be noted by a widget: the run that follows shows these settings."""
    before = settings_now()
    # A note goes with what it is about, whether the person changed that or it followed.
    kept = tuple(note for note in notes() if all(_said(before, name) == _said(settings, name) for name in note.names))
    st.session_state[_SETTINGS], st.session_state[_NOTES] = settings, kept


def show_in_widget(key: str, value: Any) -> None:
    """Lets the widget with this key show a value, on whatever page and however it came to be.

    A value it shows already is left alone, so that text still being typed is not taken away; but a widget of another
    page is a new widget, even under the same key.
    """
    if st.session_state[_TURNED]:
        st.session_state[key] = value
    elif st.session_state.get(key) != value:
        touched.replace(key, value)


def notes() -> tuple[Note, ...]:
    """What was wrong with the settings of the link that was opened, as far as nobody has changed them since."""
    return st.session_state.get(_NOTES, ())


def view(name: str, default: str = "") -> str:
    """One thing of this page's view, such as the step it is at, as the address has it."""
    return st.session_state[_VIEW].get(name, default)


def add_note(note: Note) -> None:
    """Adds what showed to be wrong with the settings of the link when they were run, once."""
    if note.names not in {other.names for other in notes()}:
        st.session_state[_NOTES] = (*notes(), note)


def is_of_link(name: str) -> bool:
    """Whether one thing of this page's view is as the link said that opened it."""
    return view(name) != "" and st.session_state[_LINKED].get(name) == view(name)


def change_view(**changes: str | None) -> None:
    """Changes this page's view; None takes a name out of the address. Works inside a fragment."""
    kept = st.session_state[_VIEW] | {name: value for name, value in changes.items() if value is not None}
    st.session_state[_VIEW] = {name: value for name, value in kept.items() if changes.get(name, value) is not None}
    _write_address()


def open_view(**values: str) -> None:
    """Another view of this page, with nothing left of the one before. To be called from a widget's callback."""
    st.session_state[_VIEW] = values
    _write_address()


def _address_was_changed(asked: Mapping[str, str], turned: bool) -> bool:
    if asked == st.session_state.get(_ADDRESS, asked):
        return False
    if turned and not asked:
        return False  # a bare link to another page: the settings come along
    settings = {name: value for name, value in asked.items() if name in Settings.QUERY_NAMES}
    if turned and settings in st.session_state.get(_CARRIED, ()):
        return False  # a link pressed while a change was still on its way: it carries what was before the change
    # Without a browser there is no address bar, and what it would say is never read back.
    return st.context.url is not None


def _beside_settings(query: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in query.items() if name not in Settings.QUERY_NAMES}


def _said(settings: Settings, name: str) -> Any:
    """What the settings have under a name of the address."""
    return getattr(settings.config, name) if hasattr(settings.config, name) else getattr(settings, name)


def _write_address() -> None:
    address = _address()
    st.session_state[_ADDRESS] = address
    if st.query_params.to_dict() != address:
        st.query_params.from_dict(address)


def _address() -> dict[str, str]:
    return {**settings_now().to_query(), **st.session_state[_VIEW]}
