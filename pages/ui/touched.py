"""What a person chose, told from what their browser repeats.

With every message a browser says what all widgets show. One that was sent before the browser had heard of the last runs
says of a widget that they set what it showed until then, and Streamlit takes this for a choice. So nothing is done when
a widget speaks; it is noted, and done at the start of the run, when all that spoke are known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

_TOUCHED, _REPEATED = "explorer.touched", "explorer.repeated"
_VALUES = (str, int, float)  # what may be put back: a button's True and a component's state may not


def note(key: str, do: Callable[..., None], *values: Any) -> None:
    """To be called from the callback of the widget with this key: ``do`` what it is for, unless nobody chose it."""
    said = st.session_state.get(key)

    def do_with_what_it_said() -> None:
        # Where a link was pressed at the same moment, the widget is one of a page that is left, and says nothing more.
        if type(said) in _VALUES and st.session_state.get(key) != said:
            st.session_state[key] = said
        do(*values)

    st.session_state.setdefault(_TOUCHED, {})[key] = (said, do_with_what_it_said)


def replace(key: str, value: Any) -> None:
    """Sets what a widget shows. Until its browser says so, it may say any of the values before."""
    memory = st.session_state
    if key in memory:
        memory.setdefault(_REPEATED, {}).setdefault(key, [memory[key]]).append(value)
    memory[key] = value


def settle(heard: bool) -> bool:
    """Does what was chosen since the last time, in turn, and says whether a widget had spoken at all.

    ``heard`` is whether the browser knew of the last run when it sent this message. A value that it may only repeat is
    a choice where it did and no other widget is the reason for the message.
    """
    touched = st.session_state.pop(_TOUCHED, {})
    if not touched:
        return False
    repeated = st.session_state.get(_REPEATED, {})
    alone = heard and len(touched) == 1
    chosen = [do for key, (said, do) in touched.items() if alone or said not in repeated.get(key, ())]
    for key in list(repeated):
        if key not in touched or touched[key][0] == repeated[key][-1]:
            del repeated[key]
    for do in chosen:
        do()
    return True


def forget() -> None:
    """On another page all widgets are new."""
    st.session_state.pop(_REPEATED, None)
