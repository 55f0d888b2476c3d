"""The front page's panels: what this is, the model as a graph, and where to go."""

from __future__ import annotations

from functools import partial

import streamlit as st

from engine import Trace
from engine.axes import axis
from engine.graph import to_dot
from engine.parameters import ParameterCount, parameters_of, rows
from engine.units import in_words
from pages.ui import answer, frame, outline, state
from pages.ui.folded import folded
from pages.ui.graph_look import graph_look
from pages.ui.plain import code
from pages.ui.theme import is_dark

_TOKENS = 12
_ON_EDGES = ("B", "S", "T", "d_model", "V")


def draw(trace: Trace) -> None:
    """Draws the front page of a trace."""
    words, picture = outline.parts()
    with picture:  # first, because it takes the browser longest
        with st.container(key="graph"):
            alt = "Graph of the Transformer, the shape of the tensor on every edge"
            st.graphviz_chart(to_dot(trace, look=graph_look(is_dark())), width="stretch", alt=alt)
        st.caption("Solid lines carry numbers, dashed lines token ids and masks. " + _glossary(trace))
    with words:
        st.markdown(
            "A complete encoder–decoder Transformer has just run in PyTorch, and every tensor on the way was kept. "
            "Every shape and every value you see was computed by that run."
        )
        if state.settings_shown().trained:
            answer.draw(state.settings_shown())
        _sentences(trace)
        _numbers(trace)
        st.markdown("##### Look inside")
        for page in frame.PAGES[1:]:
            with st.container(gap=None):
                frame.link(page.file, f"**{page.label}** →", state.settings_now().to_query())
                st.caption(page.says[0].upper() + page.says[1:])
        st.caption("The settings in the sidebar stay as you go from page to page, and they are in the address.")


def _sentences(trace: Trace) -> None:
    for side, what in (("S", "The encoder reads"), ("T", "The decoder reads")):
        rows = trace.labels[side]
        shown, rest = rows[0][:_TOKENS], len(rows[0]) - _TOKENS
        more = f" and {rest} more" if rest > 0 else ""
        others = f", and {len(rows) - 1} more of them" if len(rows) > 1 else ""
        st.markdown(f"{what} " + " · ".join(map(code, shown)) + more + others)


def _glossary(trace: Trace) -> str:
    symbols = dict.fromkeys(symbol for step in trace.steps for symbol in step.axes if symbol in _ON_EDGES)
    return "On the edges: " + " · ".join(f"**{symbol}** {axis(symbol).name}" for symbol in symbols) + "."


def _numbers(trace: Trace) -> None:
    flops = sum(step.flops or 0 for step in trace.steps)
    with st.container(horizontal=True):
        st.metric("Recorded steps", f"{len(trace.steps):,}")
        st.metric("FLOPs", _short(flops))
        st.metric("Recorded tensors", in_words(trace.nbytes))
    if trace.config is not None:
        counted = parameters_of(trace.config)
        folded(f"{counted.count:,} parameters, module by module", "overview.parameters", partial(_parameters, counted))


def _parameters(counted: ParameterCount) -> None:
    lines = [
        f"| {'&emsp;' * depth}{code(name)} | {one.arithmetic} | {one.count:,} |" for depth, name, one in rows(counted)
    ]
    total = f"| **all** | {counted.arithmetic} | **{counted.count:,}** |"
    st.markdown("\n".join(["| module | sizes | parameters |", "|:--|:--|--:|", *lines, total]))
    st.caption("A Linear from 32 to 128 features has 32 × 128 weights and 128 biases, a LayerNorm 2 for each feature.")


def _short(number: float) -> str:
    for unit in ("", " k", " M", " G"):
        if number < 1000:
            return f"{number:.3g}{unit}"
        number /= 1000
    return f"{number:,.3g} T"
