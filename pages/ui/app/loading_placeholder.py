"""What stands on a page while torch loads, until the page has what it is to show."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

_PLACE = "waiting.place"
_HERE = False  # whether any page of this process has got past it


def begin(draw: Callable[[], None]) -> None:
    """Has drawn what stands here meanwhile. Nothing where torch has been loaded before."""
    place = st.empty()  # in every run, so that what follows keeps its place
    st.session_state.pop(_PLACE, None)
    if not _HERE:
        with place.container():
            draw()
        st.session_state[_PLACE] = place


def loading_line() -> None:
    """The line."""
    st.caption("Loading PyTorch and the model.")


def end() -> None:
    """Takes it away. To be called right before the page draws its own."""
    global _HERE
    _HERE = True
    place = st.session_state.pop(_PLACE, None)
    if place is not None:
        place.empty()
