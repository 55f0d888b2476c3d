"""What is folded away until somebody opens it. Streamlit's own expander has its inside drawn while it is closed too."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from pages.ui.state import session

OPENED = "explorer.opened"


def lazy_expander(label: str, key: str, draw: Callable[[], None]) -> None:
    """An expander that has its inside drawn only while it is open, and is on every page as it was left."""
    name = key
    key, start = session.widget(name, name in st.session_state.get(OPENED, ()))
    with st.expander(label, start, key=key, on_change=session.chosen(name, key, partial(_turn, name))) as inside:
        if inside.open:
            draw()


def _turn(name: str, opened: bool) -> None:
    others = set(st.session_state.get(OPENED, ())) - {name}
    st.session_state[OPENED] = others | {name} if opened else others
