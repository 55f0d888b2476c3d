"""Widgets whose value nobody but a person changes.

With every message a browser says what all of its widgets show, and a message that was sent before the last run was
heard of says what they showed until then. Were a widget's value set by a run, such a message, about another widget,
would set it back. So no run sets one: where a widget must show something else, a new widget takes its place, under a
key of which no browser has said anything yet.
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
    turn: int  # how many widgets have stood under this name
    start: Any
    value: Any  # what it shows, as far as the server has heard
    before: Any = None  # what the one showed whose place it took
    among: Any = None


def widget(page: str, name: str, value: Any, among: Any = None) -> Widget:
    """The widget of this name on a page, showing this value: the one that does already, or a new one.

    Args:
        page: the file of the page. On another page the same name is another widget.
        name: what the widget is called; its key is the name as long as no other has taken its place.
        value: what it is to show.
        among: what it lets people choose among, where that makes it another widget, as a slider's ends do.
    """
    drawn: dict[tuple[str, str], _Drawn] = st.session_state.setdefault(_WIDGETS, {})
    before = drawn.get((page, name))
    if before is None:
        now = _Drawn(0, value, value, among=among)
    elif (
        # Streamlit lets go of what a widget shows once a run has not drawn it, as when another page was open.
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
    """To be the callback of a widget: does what it is for with the value that a person chose.

    Args:
        page: the page it was drawn on.
        name: its name there.
        key: its key. Where another widget has taken its place since, what the person chose counts none the less.
        do: what it is for. It is not called where a browser says that nothing at all is chosen, or nothing new.
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
