"""What a page shows while torch loads."""

from __future__ import annotations

import streamlit as st

_PLACEHOLDER = "explorer.loading_placeholder"
_LOADED = False  # whether any page of this process has been past its placeholder


def begin() -> None:
    """Shows "Loading PyTorch and the model." until ``end``; nothing where torch is loaded already."""
    placeholder = st.empty()  # in every run, so that what follows keeps its position on the page
    st.session_state.pop(_PLACEHOLDER, None)
    if not _LOADED:
        with placeholder.container(key="loading"):
            st.caption("Loading PyTorch and the model.")
        st.session_state[_PLACEHOLDER] = placeholder


def end() -> None:
    """Removes the placeholder. To be called right before the page draws its own."""
    global _LOADED
    _LOADED = True
    placeholder = st.session_state.pop(_PLACEHOLDER, None)
    if placeholder is not None:
        placeholder.empty()
