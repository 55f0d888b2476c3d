"""The frame every page draws for itself: title, style, and the bar at the top with the pages.

Streamlit runs a page of ``pages/`` alone when a link opens it first, so nothing can be left to ``app.py``. Nothing
here imports torch: the frame is on screen while torch is still loading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    Page("pages/attention.py", "Attention", "Scores, mask and weights of every head, token by token"),
    Page("pages/decoding.py", "Decoding", "The answer character by character: what was probable at each place"),
    Page("pages/costs.py", "Costs", "Memory and arithmetic at any size: weights, cache, activations, training"),
    Page("pages/labs.py", "Labs", "The questions people ask, each as an experiment to predict and run"),
    Page("pages/questions.py", "Questions", "What learners ask, answered with numbers that a short script computes"),
    Page("pages/every_step.py", "Every step", "All recorded tensors in one table, to search and filter"),
    Page("pages/compare.py", "Compare", "Two traces side by side, and the first step at which they part"),
    Page("pages/export.py", "Export", "The trace as CSV"),
)
# The front page, for links from when it was a page of its own.
WALKTHROUGH = "pages/walkthrough.py"

_NAVIGATION, _EARLY = "explorer.navigation", "explorer.early_links"  # containers in the top bar
_LINKED, _TITLED = "explorer.linked", "explorer.titled"
# No rule asks what a class attribute contains: Streamlit changes a class of every element at every run, and each time
# everything below would be styled again.
_STYLE = """
<style>
.stMainBlockContainer { padding-top: 3.6rem; padding-bottom: 3rem; max-width: 1500px; }
/* The top bar lies over Streamlit's own, whose menu stays at the right. */
.st-key-top { position: fixed; z-index: 999991; top: 0; left: 0; right: 0; width: auto; height: 3rem;
  padding: 0 4rem 0 3rem; background: var(--st-background-color, transparent); pointer-events: none; }
.st-key-top > * { pointer-events: auto; }
.st-key-top [data-testid="stMarkdownContainer"] { white-space: nowrap; }
.st-key-navigation { overflow-x: auto; scrollbar-width: none; }
.st-key-navigation [data-testid="stPageLink-NavLink"] { padding: 0.3rem 0.5rem; margin: 0; white-space: nowrap; }
.st-key-settings-bar { min-height: 5rem; }
.st-key-settings-sizes { flex: 1 1 0; min-width: 0; }
/* A token of another direction must not carry the numbers around it along. */
.stMain code { unicode-bidi: isolate; }
[data-testid="stCaptionContainer"] { opacity: 0.85; }
h1 { font-size: 1.9rem !important; }
@media (min-width: 900px) { .stMainBlockContainer { padding-left: 3rem; padding-right: 3rem; } }
.st-key-tour { padding: 0.5rem 0.9rem; }
@media (min-width: 900px) { .st-key-tour { flex-wrap: nowrap; } .st-key-tour button { white-space: nowrap; } }
.st-key-graph { overflow-x: auto; }
.st-key-graph svg { min-width: 620px; }
.st-key-walk-search { min-width: 16rem; }
.answer { display: flex; flex-wrap: wrap; gap: 3px; }
.answer .character { display: inline-flex; flex-direction: column; align-items: center; }
.answer .character { min-width: 2.9rem; padding: 0.25rem; border-radius: 0.35rem; }
.answer b { font: 600 1.25rem var(--st-code-font, monospace); }
.answer small { font-size: 0.68rem; opacity: 0.75; }
/* Questions are long: they wrap, and start where the words below them do. */
.st-key-lab-way button, .st-key-lab-cards button { justify-content: flex-start; padding: 0; min-height: 1.6rem; }
.st-key-lab-way button, .st-key-lab-cards button { text-align: left; }
.st-key-lab-way button *, .st-key-lab-cards button * { white-space: normal; text-align: left; }
@media (max-width: 640px) {
  .stMainBlockContainer { padding: 3.4rem 1rem 3rem; }
  .st-key-top { padding: 0 3rem 0 1rem; }
  .st-key-top > .stElementContainer { display: none; }
  .st-key-settings-bar { flex-wrap: wrap; }
  .st-key-settings-sizes { flex-basis: 100%; }
}
</style>
"""


def begin(file: str, meanwhile: Callable[[], None] = loading_placeholder.loading_line) -> None:
    """Draws title, navigation and style. The first call of every page.

    Args:
        file: the page's script, as ``PAGES`` has it.
        meanwhile: draws what the page shows while torch loads, by default one line.
    """
    if st.session_state.get(_TITLED) != file:  # the browser keeps it, and to be told again takes it 20 ms
        label = next((page.label for page in PAGES[1:] if page.file == file), None)
        st.set_page_config(page_title=f"{label} · {NAME}" if label else NAME, page_icon=_ICON, layout="wide")
        st.session_state[_TITLED] = file
    st.html(_STYLE)
    with st.container(key="top", horizontal=True, wrap=False, vertical_alignment="center"):
        st.markdown(f"**{NAME}**", width="content")
        navigation = st.container(key="navigation")
        with st.popover("Words", type="tertiary", width="content"):
            st.html(glossary_html(is_dark()))
    early = navigation.empty()
    st.session_state[_NAVIGATION] = navigation
    if not has_links():  # torch may take seconds to load, and people want to go elsewhere
        _draw_links(early, st.query_params.to_dict())
        st.session_state[_EARLY] = early
    loading_placeholder.begin(meanwhile)


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
