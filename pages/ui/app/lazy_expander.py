"""An expander whose inside is drawn only while it is open: Streamlit's own draws it while it is closed too."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from pages.ui.state import session

OPENED = "explorer.opened"


def lazy_expander(label: str, name: str, draw: Callable[[], None]) -> None:
    """Draws an expander, open or closed as it was left on whichever page has it.

    Args:
        label: what it says, in Markdown.
        name: what it is known by on every page.
        draw: draws its inside.
    """
    key, start = session.widget(name, name in st.session_state.get(OPENED, ()))
    with st.expander(label, start, key=key, on_change=session.chosen(name, key, partial(_turn, name))) as inside:
        if inside.open:
            draw()


def open_expander(name: str) -> None:
    """Opens an expander that is drawn after this, as a person would.

    Args:
        name: what it is known by on every page.
    """
    _turn(name, opened=True)


def close_expander(name: str) -> None:
    """Closes an expander, as a person would.

    Args:
        name: what it is known by on every page.
    """
    _turn(name, opened=False)


def _turn(name: str, opened: bool) -> None:
    others = set(st.session_state.get(OPENED, ())) - {name}
    st.session_state[OPENED] = others | {name} if opened else others
