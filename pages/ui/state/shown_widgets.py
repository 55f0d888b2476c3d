"""Widgets whose value only a person changes.

Every widget event carries the values of all widgets on the page. An event that was sent before the browser had the last
run may echo an outdated widget value, and Streamlit reports the echo as a change: a value that a run had set would be
set back. So no run sets one. Where a widget must show another value, a new widget replaces it, under a key that no
event has mentioned yet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import streamlit as st

_WIDGETS = "explorer.widgets"


class Widget(NamedTuple):
    """What a widget is to be drawn with: its key, and the value it starts with."""

    key: str
    start: Any


@dataclass(frozen=True)
class _Drawn:
    turn: int  # how many widgets had this name before it
    start: Any
    value: Any  # what it shows, as far as the server knows
    before: Any = None  # what the widget showed that it replaced
    among: Any = None


def widget(page: str, name: str, value: Any, among: Any = None) -> Widget:
    """The widget of this name on a page that shows this value: the present one if it does, else a new one.

    Args:
        page: the file of the page. On another page the same name is another widget.
        name: what the widget is called; its key is the name until another widget replaces it.
        value: what it is to show.
        among: what it lets people choose among, where that makes it another widget, as a slider's ends do.

    Returns:
        What to draw it with.
    """
    drawn: dict[tuple[str, str], _Drawn] = st.session_state.setdefault(_WIDGETS, {})
    before = drawn.get((page, name))
    if before is None:
        now = _Drawn(0, value, value, among=among)
    elif (
        # Streamlit forgets the value of a widget that a run has not drawn, as when another page was open.
        _key(name, before.turn) not in st.session_state
        or st.session_state[_key(name, before.turn)] != value
        or before.value != value
        or before.among != among
    ):
        now = _Drawn(before.turn + 1, value, value, before.value, among)
    else:
        now = before
    drawn[page, name] = now
    return Widget(_key(name, now.turn), now.start)


def chosen(page: str, name: str, key: str, do: Callable[[Any], None]) -> None:
    """The callback of a widget: hands on the value that a person chose.

    Args:
        page: the page it was drawn on.
        name: its name on that page.
        key: its key. Where another widget has replaced it since, what the person chose counts none the less.
        do: called with the value; not where nothing is chosen, or the event only echoes a known value.
    """
    value = st.session_state[key]
    drawn: dict[tuple[str, str], _Drawn] = st.session_state.setdefault(_WIDGETS, {})
    now = drawn.get((page, name))
    known = None
    if now is not None and key == _key(name, now.turn):
        known = now.value
        drawn[page, name] = replace(now, value=value)
    elif now is not None and key == _key(name, now.turn - 1):
        known = now.before
    if value is not None and value != known:
        do(value)


def _key(name: str, turn: int) -> str:
    return f"{name}:{turn}" if turn else name
