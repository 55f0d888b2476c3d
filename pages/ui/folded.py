"""What is folded away until somebody opens it. Streamlit's own expander has its inside drawn while it is closed too."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.ui import state, touched

OPENED = "explorer.opened"


def folded(label: str, key: str, draw: Callable[[], None]) -> None:
    """An expander that has its inside drawn only while it is open, and is on every page as it was left."""
    state.show_in_widget(key, key in st.session_state.get(OPENED, ()))
    with st.expander(label, key=key, on_change=touched.note, args=(key, _turn, key)) as inside:
        if inside.open:
            draw()


def _turn(key: str) -> None:
    opened = set(st.session_state.get(OPENED, ()))
    st.session_state[OPENED] = opened | {key} if st.session_state[key] else opened - {key}
