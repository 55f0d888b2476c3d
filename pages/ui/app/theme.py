"""Whether the page is shown light or dark."""

from __future__ import annotations

import streamlit as st


def is_dark() -> bool:
    """As the browser shows it now, whether chosen in the menu or by the system."""
    return st.context.theme.type == "dark"
