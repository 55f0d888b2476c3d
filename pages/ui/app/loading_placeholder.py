"""What a page shows while torch loads."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

_PLACEHOLDER = "explorer.loading_placeholder"
_LOADED = False  # whether any page of this process has been past its placeholder


def begin(draw: Callable[[], None]) -> None:
    """Shows the placeholder until ``end``; nothing where torch is loaded already.

    Args:
        draw: draws what is in it.
    """
    placeholder = st.empty()  # in every run, so that what follows keeps its position on the page
    st.session_state.pop(_PLACEHOLDER, None)
    if not _LOADED:
        with placeholder.container():
            draw()
        st.session_state[_PLACEHOLDER] = placeholder


def loading_line() -> None:
    """Shows "Loading PyTorch and the model."."""
    st.caption("Loading PyTorch and the model.")


def end() -> None:
    """Removes the placeholder. To be called right before the page draws its own."""
    global _LOADED
    _LOADED = True
    placeholder = st.session_state.pop(_PLACEHOLDER, None)
    if placeholder is not None:
        placeholder.empty()
