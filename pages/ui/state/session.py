"""Where a person is: the settings and the view of the page, kept in the session and in the address.

Widgets do not carry from page to page by their keys, and a page opened by a link starts without a session, so the one
truth is a frozen ``Settings`` under a key no widget uses, written to the address after a change is drawn. A run of a
whole page takes the address over the session when somebody changed it: a link, or the browser's back. A run of a
fragment never does: only a widget starts one, and its message may hold an address from before the last run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import streamlit as st

from pages.ui.app import frame
from pages.ui.state import shown_widgets
from pages.ui.state.link_values import Note
from pages.ui.state.settings import Settings, first, from_query
from pages.ui.state.shown_widgets import Widget
from pages.ui.state.size_rules import Memory

_SETTINGS, _VIEW, _ADDRESS, _PAGE = "explorer.settings", "explorer.view", "explorer.address", "explorer.page"
_SHOWN, _NOTES, _MOVES = "explorer.shown", "explorer.notes", "explorer.moves"
_CARRIED, _OPENED, _LINKED = "explorer.carried", "explorer.opened_view", "explorer.linked_view"


def begin_page(page: str) -> Settings:
    """Settles at the start of a page's run what the settings and the view are; ``publish`` makes the address say so.

    Not to be called again where a fragment runs alone.
    """
    asked = st.query_params.to_dict()
    memory = st.session_state
    turned = memory.get(_PAGE) not in (None, page)
    opened = memory.pop(_OPENED, False) and not turned
    if _SETTINGS not in memory or (not opened and _address_was_changed(asked, turned)):
        settings, notes = from_query(asked)
        memory[_SETTINGS], memory[_NOTES] = settings, notes
        memory[_MOVES] = Memory(left=None if settings.trained else moves().left)
        memory[_VIEW] = memory[_LINKED] = _beside_settings(asked)
    elif turned:
        memory[_VIEW] = memory[_LINKED] = _beside_settings(asked)
    memory[_PAGE] = page
    return settings_now()


def publish() -> None:
    """Makes the address and the navigation's links say what the settings are, once what people wait for is drawn."""
    write_address()
    query = settings_now().to_query()
    frame.draw_links(query)
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


def remember_shown(settings: Settings) -> None:
    """Notes that the trace of these settings is on screen."""
    st.session_state[_SHOWN] = settings


def change_settings(settings: Settings, moves: Memory | None = None) -> None:
    """To be called from a widget's callback: the run that follows shows these settings."""
    before = settings_now()
    # A note goes with what it is about, whether the person changed that or it followed.
    kept = tuple(note for note in notes() if all(_said(before, name) == _said(settings, name) for name in note.names))
    st.session_state[_SETTINGS], st.session_state[_NOTES] = settings, kept
    if moves is not None:
        st.session_state[_MOVES] = moves


def moves() -> Memory:
    """What is kept beside the settings while a person moves them."""
    return st.session_state.get(_MOVES, Memory())


def widget(name: str, value: Any, among: Any = None) -> Widget:
    """The key and the first value for the widget of this name on this page, so that it shows this value.

    ``chosen`` belongs to it as its callback. ``among`` is what a slider's ends are, where they may change.
    """
    return shown_widgets.widget(page(), name, value, among)


def chosen(name: str, key: str, do: Callable[[Any], None]) -> Callable[[], None]:
    """The callback of a widget that ``widget`` gave its key: calls ``do`` with the value that a person chose."""
    return partial(shown_widgets.chosen, page(), name, key, do)


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
    """Changes this page's view; None takes a name out of it. ``publish`` or ``write_address`` tell the browser."""
    kept = st.session_state[_VIEW] | {name: value for name, value in changes.items() if value is not None}
    st.session_state[_VIEW] = {name: value for name, value in kept.items() if changes.get(name, value) is not None}


def open_view(**values: str) -> None:
    """Another view of this page, with nothing left of the one before. To be called from a widget's callback."""
    st.session_state[_VIEW], st.session_state[_OPENED] = values, True


def write_address() -> None:
    """Has the browser's address say what the settings and the view are; for a fragment that changed the view."""
    address = _address()
    # The message that started this run may say an address from before one that is still on its way to the browser.
    if address != st.session_state.get(_ADDRESS) or address != st.query_params.to_dict():
        st.session_state[_ADDRESS] = address
        st.query_params.from_dict(address)


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


def _address() -> dict[str, str]:
    return {**settings_now().to_query(), **st.session_state[_VIEW]}
