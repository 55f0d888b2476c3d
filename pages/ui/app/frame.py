"""The frame every page draws for itself: title, and the bar at the top with the pages.

Streamlit runs a page of ``pages/`` alone when a link opens it first, so nothing can be left to ``app.py``. Nothing
here imports torch: the frame is on screen while torch is still loading.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.errors import StreamlitPageNotFoundError

from pages.ui.app import loading_placeholder, tour_stops
from pages.ui.app.glossary import glossary_html
from pages.ui.app.theme import is_dark

NAME = "Tensor shape explorer"
# A corner of a tensor. For an emoji Streamlit first reads a pattern of all there are, a third of a second.
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath fill='%233b6fd4' d='M1 1h6v6H1zM9 9h6v6H9z'/%3E"
    "%3Cpath fill='%23d9784a' d='M9 1h6v6H9zM1 9h6v6H1z'/%3E%3C/svg%3E"
)


@dataclass(frozen=True)
class Page:
    """A page of the app: its script, its name in the top bar, and a sentence on what it shows."""

    file: str
    label: str
    summary: str


# The pages in the top bar, in this order. To add one: write a thin script in pages/, as pages/attention.py is, and a
# line here. A page that shows a trace calls page_runner.run_page with what draws it; any other begins its session as
# pages/ui/labs/kit/labs_page.py does.
PAGES = (
    Page("app.py", "Shapes", "Every tensor of a block as a box, and the chosen one opened"),
    Page("pages/attention.py", "Attention", "The answer, and what every head looks at while it is written"),
    Page("pages/your_code.py", "Your code", "Run your own code, and see the shape of every line"),
    Page("pages/costs.py", "Costs", "Memory and arithmetic at any size: weights, cache, activations, training"),
    Page("pages/labs.py", "Labs", "The questions people ask, each as an experiment to predict and run"),
    Page("pages/questions.py", "Questions", "What learners ask, answered with numbers that a short script computes"),
    Page("pages/every_step.py", "Every step", "All recorded tensors in one table, to search and filter"),
    Page("pages/compare.py", "Compare", "Two traces side by side, and the first step at which they part"),
    Page("pages/export.py", "Export", "The trace as CSV"),
)
# The front page and the attention page, for links from when these were pages of their own.
WALKTHROUGH = "pages/walkthrough.py"
DECODING = "pages/decoding.py"

_NAVIGATION, _EARLY = "explorer.navigation", "explorer.early_links"  # containers in the top bar
_WORDS = "explorer.words"  # the popover of the glossary, until that is drawn
_LINKED, _TITLED = "explorer.linked", "explorer.titled"


def begin(file: str) -> None:
    """Draws title and navigation. The first call of every page.

    Args:
        file: the page's script, as ``PAGES`` has it.
    """
    if st.session_state.get(_TITLED) != file:  # the browser keeps it, and to be told again takes it 20 ms
        label = next((page.label for page in PAGES[1:] if page.file == file), None)
        st.set_page_config(page_title=f"{label} · {NAME}" if label else NAME, page_icon=_ICON, layout="wide")
        st.session_state[_TITLED] = file
    with st.container(key="top", horizontal=True, wrap=False, vertical_alignment="center"):
        st.markdown(f"**{NAME}**", width="content")
        navigation = st.container(key="navigation")
        st.session_state[_WORDS] = st.popover("Words", type="tertiary", width="content")
    early = navigation.empty()
    st.session_state[_NAVIGATION] = navigation
    if not has_links():  # torch may take seconds to load, and people want to go elsewhere
        _draw_links(early, st.query_params.to_dict())
        st.session_state[_EARLY] = early
    loading_placeholder.begin()


def has_links() -> bool:
    """Whether the navigation has the links of ``draw_links``, not only those drawn while torch loads."""
    return _LINKED in st.session_state


def remove_early_links() -> None:
    """Removes the links that were drawn while torch loads: a fragment cannot replace what its page drew.

    Other links stay until the new ones come, so a click on an old link that also blurs a text field is not lost.
    """
    early = st.session_state.pop(_EARLY, None)
    if early is not None:
        early.empty()


def draw_links(query: Mapping[str, str]) -> None:
    """Draws the navigation's links with these settings in their addresses. To be called in every run.

    Args:
        query: the settings, as the address of a page has them.

    A fragment may call this only after its page has called ``remove_early_links``.
    """
    remove_early_links()
    _draw_links(st.session_state[_NAVIGATION], query)
    st.session_state[_LINKED] = True
    # The browser reads it through though it is folded away, so it comes after what people wait for.
    words = st.session_state.pop(_WORDS, None)
    if words is not None:
        words.html(glossary_html(is_dark()))


def link(file: str, label: str, query: Mapping[str, str]) -> None:
    """Draws a link to another page.

    Args:
        file: the page's script, as ``PAGES`` has it.
        label: what the link says, in Markdown.
        query: the settings and the view to open it with.
    """
    try:
        st.page_link(file, label=label, query_params=dict(query))
    except StreamlitPageNotFoundError:
        st.caption(label)  # this page was started as a script of its own, and knows no other


def _draw_links(navigation: DeltaGenerator, query: Mapping[str, str]) -> None:
    with navigation.container(horizontal=True, wrap=False, gap=None):
        for page in PAGES:
            link(page.file, page.label, query)
        link("app.py", "Tour", {**query, **tour_stops.FIRST})
