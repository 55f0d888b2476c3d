"""Whether the page is shown light or dark."""

from __future__ import annotations

import streamlit as st

# Paper is white. Colours keep their hue, and what is drawn on a canvas cannot be drawn again before it is printed.
_LIGHT_ON_PAPER = """<style>@media print {
  html, body, .stApp, .stApp .stMain, .stApp [data-testid="stAppViewContainer"] { background: #ffffff !important; }
  .stMain .stMainBlockContainer { background: #11141b;
    filter: invert(1) hue-rotate(180deg) contrast(1.12) brightness(1.06); }
  .stMain .stMainBlockContainer img { filter: invert(1) hue-rotate(180deg); }
}</style>"""


def is_dark() -> bool:
    """As the browser shows it now, whether chosen in the menu or by the system."""
    return st.context.theme.type == "dark"


def print_light() -> None:
    """Has the page printed light where it is shown dark."""
    if is_dark():
        st.html(_LIGHT_ON_PAPER)
