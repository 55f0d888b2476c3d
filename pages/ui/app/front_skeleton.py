"""What the front page shows while torch loads: room for the strip and the step, so that nothing moves later."""

from __future__ import annotations

import streamlit as st

from pages.ui.app import loading_placeholder

_ROOM = '<div style="height: calc(100vh - 9rem)"></div>'


def draw() -> None:
    """Draws the placeholder."""
    loading_placeholder.loading_line()
    st.html(_ROOM)
