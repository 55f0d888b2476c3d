"""The front page's panels: what this is, the model as a graph, and where to go."""

from __future__ import annotations

from functools import partial

import streamlit as st

from engine import Trace
from engine.graph import Look, to_dot
from engine.memory import in_words
from pages.ui import frame, state
from pages.ui.palette import axis_colour
from pages.ui.theme import is_dark


def draw(trace: Trace) -> None:
    """Draws the front page of a trace."""
    words, picture = st.columns([5, 7], gap="large")
    with words:
        st.title("See what every number in a Transformer is made of")
        st.markdown(
            "This page has just run a complete encoder–decoder Transformer in PyTorch and kept every tensor on the "
            "way. Every shape and every value you see here was computed by that run."
        )
        _sentences(trace)
        _numbers(trace)
        st.markdown("##### Look inside")
        for page in frame.PAGES[1:]:
            frame.link(page.file, f"**{page.label}**: {page.says}", state.settings_now().to_query())
        st.caption("The settings are in the sidebar. They stay as you go from page to page, and they are in the link.")
    with picture:
        st.markdown("##### The model, with the shape of every tensor that passes")
        st.graphviz_chart(
            to_dot(trace, look=_look()), width="stretch", alt="Graph of the Transformer with tensor shapes"
        )


def _sentences(trace: Trace) -> None:
    for axis, what in (("S", "The encoder reads"), ("T", "The decoder reads")):
        rows = trace.labels[axis]
        st.markdown(f"{what} " + " · ".join(f"`{token}`" for token in rows[0]) + _and_more(len(rows) - 1))


def _and_more(rows: int) -> str:
    return f" and {rows} more" if rows else ""


def _numbers(trace: Trace) -> None:
    flops = sum(step.flops or 0 for step in trace.steps)
    with st.container(horizontal=True):
        st.metric("Recorded steps", f"{len(trace.steps):,}")
        st.metric("FLOPs", _short(flops))
        st.metric("Recorded tensors", in_words(trace.nbytes))


def _short(number: float) -> str:
    for unit in ("", " k", " M", " G"):
        if number < 1000:
            return f"{number:.3g}{unit}"
        number /= 1000
    return f"{number:,.3g} T"


def _look() -> Look:
    dark = is_dark()
    axis = partial(axis_colour, dark=dark)
    if dark:
        return Look("#e6e9f0", "#a6adbd", "#4a5163", "#1c212c", "#151922", axis=axis)
    return Look(axis=axis)
