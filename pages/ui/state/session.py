"""The settings and the view of the page, kept in the session and in the address.

The state of a widget does not follow a person from page to page, and a page opened by a link starts without a session.
So the settings are one frozen ``Settings`` under a key that no widget uses, written to the address after a change is
drawn. When the address was changed by a link or by the browser's back button, a run of a whole page takes the settings
from it. A run of a fragment never does: only a widget starts one, and a widget event may carry a stale URL, which must
not be treated as navigation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import streamlit as st

from pages.ui.app import frame
from pages.ui.state import shown_widgets
from pages.ui.state.direct_answers import DirectAnswers
from pages.ui.state.link_values import Note
from pages.ui.state.settings import Settings, first, from_query
from pages.ui.state.shown_widgets import Widget
from pages.ui.state.size_rules import Memory

_SETTINGS, _VIEW, _ADDRESS, _PAGE = "explorer.settings", "explorer.view", "explorer.address", "explorer.page"
_SHOWN, _NOTES, _MOVES = "explorer.shown", "explorer.notes", "explorer.moves"
_CARRIED, _OPENED, _LINKED = "explorer.carried", "explorer.opened_view", "explorer.linked_view"
_DIRECT, _TURNED = "explorer.direct_answers", "explorer.turned"


def begin_page(page: str) -> Settings:
    """Reads the settings and the view from the session or the address, at the start of a page's run.

    ``publish`` writes them back. Not to be called again where a fragment runs alone.

    Args:
        page: the page's script, as ``frame.PAGES`` has it.

    Returns:
        The settings of this run.
    """
    address = st.query_params.to_dict()
    memory = st.session_state
    turned = memory.get(_PAGE) not in (None, page)
    opened = memory.pop(_OPENED, False) and not turned
    if _SETTINGS not in memory or (not opened and _address_was_changed(address, turned)):
        settings, notes = from_query(address)
        memory[_SETTINGS], memory[_NOTES] = settings, notes
        memory[_MOVES] = Memory(left=None if settings.trained else moves().left)
        memory[_VIEW] = memory[_LINKED] = _view_in(address)
    elif turned:
        memory[_VIEW] = memory[_LINKED] = _view_in(address)
    memory[_PAGE], memory[_TURNED] = page, turned
    return settings_now()


def publish() -> None:
    """Writes the settings to the address and the navigation's links, once what people wait for is drawn."""
    write_address()
    query = settings_now().to_query()
    frame.draw_links(query)
    carried = st.session_state.get(_CARRIED, [])
    st.session_state[_CARRIED] = [*(old for old in carried[-1:] if old != query), query]


def has_just_turned() -> bool:
    """Whether this run of the page is the first since a person came from another; said once in such a run."""
    return bool(st.session_state.pop(_TURNED, False))


def page() -> str:
    """The script of the page that is drawn."""
    return st.session_state[_PAGE]


def settings_now() -> Settings:
    """The settings as the controls show them."""
    return st.session_state[_SETTINGS]


def settings_shown() -> Settings:
    """The settings of the trace on screen: those now, or the last that could be run."""
    return st.session_state.get(_SHOWN, first())


def has_shown() -> bool:
    """Whether this person has had a trace on screen yet."""
    return _SHOWN in st.session_state


def remember_shown(settings: Settings) -> None:
    """Remembers that the trace of these settings is on screen."""
    st.session_state[_SHOWN] = settings


def change_settings(settings: Settings, moves: Memory | None = None) -> None:
    """Changes the settings, from a widget's callback: the run that follows shows them.

    Args:
        settings: the new ones.
        moves: what to keep beside them; None where that stays as it is.
    """
    before = settings_now()
    # A note disappears when the value it is about changes, by the person's hand or because it follows from another.
    kept = tuple(note for note in notes() if all(_value(before, name) == _value(settings, name) for name in note.names))
    st.session_state[_SETTINGS], st.session_state[_NOTES] = settings, kept
    if moves is not None:
        st.session_state[_MOVES] = moves


def moves() -> Memory:
    """What is kept beside the settings while a person moves them."""
    return st.session_state.get(_MOVES, Memory())


def widget(name: str, value: Any, among: Any = None) -> Widget:
    """What to draw a widget of this page with, so that it shows a value; ``chosen`` makes its callback.

    Args:
        name: what the widget is called on this page.
        value: what it is to show.
        among: the ends of a slider, where they may change.

    Returns:
        Its key, and the value it starts with.
    """
    return shown_widgets.widget(page(), name, value, among)


def chosen(name: str, key: str, do: Callable[[Any], None]) -> Callable[[], None]:
    """The callback of a widget.

    Args:
        name: what the widget is called on this page.
        key: the key that ``widget`` gave it.
        do: called with the value that a person chose.
    """
    return partial(shown_widgets.chosen, page(), name, key, do)


def notes() -> tuple[Note, ...]:
    """What was wrong with the settings of the link that was opened, as far as they are unchanged since."""
    return st.session_state.get(_NOTES, ())


def view(name: str, default: str = "") -> str:
    """One value of this page's view, such as the step it is at.

    Args:
        name: what the address calls it.
        default: what to return where the view does not have it.
    """
    return st.session_state[_VIEW].get(name, default)


def view_now() -> Mapping[str, str]:
    """All of this page's view, as the address has it. It never changes: a change makes another."""
    return st.session_state[_VIEW]


def add_note(note: Note) -> None:
    """Adds a note on the settings of the link that only running them could give. One on the same names is kept."""
    if note.names not in {other.names for other in notes()}:
        st.session_state[_NOTES] = (*notes(), note)


def is_of_link(name: str) -> bool:
    """Whether one value of this page's view is still the one in the link that opened the page."""
    return view(name) != "" and st.session_state[_LINKED].get(name) == view(name)


def change_view(**changes: str | None) -> None:
    """Changes this page's view; ``publish`` or ``write_address`` tell the browser.

    Args:
        **changes: new values by their names in the address; None removes one.
    """
    kept = st.session_state[_VIEW] | {name: value for name, value in changes.items() if value is not None}
    st.session_state[_VIEW] = {name: value for name, value in kept.items() if changes.get(name, value) is not None}


def open_view(**values: str) -> None:
    """Replaces the whole view of this page. To be called from a widget's callback."""
    st.session_state[_VIEW], st.session_state[_OPENED] = values, True


def direct_answers() -> DirectAnswers:
    """What this session's browser may fetch by itself."""
    if _DIRECT not in st.session_state:
        st.session_state[_DIRECT] = DirectAnswers()
    return st.session_state[_DIRECT]


def keep_view() -> None:
    """Has the next run of the whole page keep settings and view: a widget started it, whose URL may be stale.

    To be called from a widget's callback.
    """
    st.session_state[_OPENED] = True


def write_address() -> None:
    """Writes the settings and the view to the browser's address; for a fragment that changed the view."""
    address = _address()
    # The event that started this run may carry a stale URL: a newer one may still be on its way to the browser.
    if address != st.session_state.get(_ADDRESS) or address != st.query_params.to_dict():
        st.session_state[_ADDRESS] = address
        st.query_params.from_dict(address)


def _address_was_changed(address: Mapping[str, str], turned: bool) -> bool:
    if address == st.session_state.get(_ADDRESS, address):
        return False
    if turned and not address:
        return False  # a bare link to another page: the settings come along
    settings = {name: value for name, value in address.items() if name in Settings.QUERY_NAMES}
    if turned and settings in st.session_state.get(_CARRIED, ()):
        return False  # a link pressed while a change was still on its way: it carries what was before the change
    # Without a browser there is no address bar, and what it would say is never read back.
    return st.context.url is not None


def _view_in(query: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in query.items() if name not in Settings.QUERY_NAMES}


def _value(settings: Settings, name: str) -> Any:
    """What the settings have under a name of the address."""
    return settings.named(name)


def _address() -> dict[str, str]:
    return {**settings_now().to_query(), **st.session_state[_VIEW]}
