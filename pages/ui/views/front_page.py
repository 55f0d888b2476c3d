"""The front page: what this is, the model as a graph, and the ways to the other pages."""

from __future__ import annotations

import html
from contextlib import suppress
from functools import partial

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError

from engine import Step, Trace
from engine.axes import axis
from engine.export.units import format_bytes
from engine.graph.model_graph import to_dot
from engine.runtime.parameters import ParameterCount, parameters_of, rows
from pages.ui.app import frame, front_skeleton
from pages.ui.app.graph_theme import graph_theme
from pages.ui.app.lazy_expander import lazy_expander
from pages.ui.app.markdown_escape import code
from pages.ui.app.theme import is_dark
from pages.ui.state import session
from pages.ui.views import date_answer
from pages.ui.views.instrument import sizes, strip

_RUN = (
    "A complete encoder–decoder Transformer has just run in PyTorch, and every tensor on the way was kept. "
    "Every shape and every value you see was computed by that run."
)
_SAVED = (
    "This is a saved trace: every tensor that a program computed in PyTorch, kept in a file with the program's text. "
    "Every shape and every value you see was computed by that run."
)
_FAILED = "The run ended with an error. What ran before is shown."
_TOKENS = 12
# By whether the first sentence has more tokens than are shown, and whether there are more sentences.
_ENCODER_READS = {
    (False, False): "The encoder reads {tokens}",
    (True, False): "The encoder reads {tokens} and {more} more",
    (False, True): "The encoder reads {tokens}, and {others} more of them",
    (True, True): "The encoder reads {tokens} and {more} more, and {others} more of them",
}
_DECODER_READS = {
    (False, False): "The decoder reads {tokens}",
    (True, False): "The decoder reads {tokens} and {more} more",
    (False, True): "The decoder reads {tokens}, and {others} more of them",
    (True, True): "The decoder reads {tokens} and {more} more, and {others} more of them",
}
_EDGES = "Solid lines carry numbers, dashed lines token ids and masks. On the edges: {symbols}."
_STYLE = """<style>
.parameters { margin: 0; padding: 0 !important; font-size: 0.85rem; }
.parameters div { display: grid; grid-template-columns: 1fr max-content; gap: 0 1rem; align-items: baseline;
  padding: 0.2rem 0 0.2rem calc(var(--depth) * 0.9rem); border-bottom: 1px solid rgb(128 128 128 / 0.2); }
.parameters dt { font: 0.82rem var(--st-code-font, monospace); overflow-wrap: anywhere; }
.parameters dd { margin: 0; }
.parameters dd + dd { grid-column: 1 / -1; opacity: 0.75; }
</style>"""
_ON_EDGES = ("B", "S", "T", "d_model", "V")
_OPENED = "front_page.opened"  # the step whose box was pressed
_BLOCK = "encoder.layers.0.self_attention"


def draw(trace: Trace) -> None:
    """Draws the front page.

    Args:
        trace: a run of the built-in Transformer, or a saved trace.
    """
    _open_pressed()
    instrument, words, picture = front_skeleton.parts()
    with instrument:
        sizes.draw(trace)
        strip.draw(trace, _first_block(trace), _press, marks=False)
    with picture:  # first, because it takes the browser longest
        with st.container(key="graph"):
            alt = "Graph of the Transformer, the shape of the tensor on every edge"
            st.graphviz_chart(to_dot(trace, theme=graph_theme(is_dark())), width="stretch", alt=alt)
        st.caption(_EDGES.format(symbols=_glossary(trace)))
    with words:
        st.markdown(_SAVED if session.settings_shown().opened else _RUN)
        if trace.failure is not None:
            st.error(_FAILED)
            st.code(trace.failure.note, language=None, wrap_lines=True)
        if session.settings_shown().trained:
            date_answer.draw(session.settings_shown())
        _sentences(trace)
        _numbers(trace)
        st.markdown("##### Look inside")
        for page in frame.PAGES[1:]:
            with st.container(gap=None):
                frame.link(page.file, f"**{page.label}** →", session.settings_now().to_query())
                st.caption(page.summary)
        st.caption("The settings in the sidebar stay as you go from page to page, and they are in the address.")


def _first_block(trace: Trace) -> Step:
    """A step of the block that stands there first; of other people's models the first step."""
    return next((step for step in trace.steps if step.path == _BLOCK), trace.steps[0])


def _press(step: str) -> None:
    st.session_state[_OPENED] = step


def _open_pressed() -> None:
    """Goes on to the walkthrough, at the box that was pressed. A callback could not: its page is only then drawn."""
    step = st.session_state.pop(_OPENED, None)
    if step is not None:
        view = {"step": step, "scope": session.view("scope")}
        query = {**session.settings_now().to_query(), **{name: value for name, value in view.items() if value}}
        with suppress(StreamlitPageNotFoundError):  # this page was started as a script of its own
            st.switch_page("pages/walkthrough.py", query_params=query)


def _sentences(trace: Trace) -> None:
    for axis_of_tokens, templates in (("S", _ENCODER_READS), ("T", _DECODER_READS)):
        sentences = trace.labels.get(axis_of_tokens)
        if sentences is None:
            continue
        shown, more = sentences[0][:_TOKENS], len(sentences[0]) - _TOKENS
        template = templates[more > 0, len(sentences) > 1]
        st.markdown(template.format(tokens=" · ".join(map(code, shown)), more=more, others=len(sentences) - 1))


def _glossary(trace: Trace) -> str:
    symbols = dict.fromkeys(symbol for step in trace.steps for symbol in step.axes if symbol in _ON_EDGES)
    return " · ".join(f"**{symbol}** {axis(symbol).name}" for symbol in symbols)


def _numbers(trace: Trace) -> None:
    flops = sum(step.flops or 0 for step in trace.steps)
    with st.container(horizontal=True):
        st.metric("Recorded steps", f"{len(trace.steps):,}")
        st.metric("FLOPs", _short(flops))
        st.metric("Recorded tensors", format_bytes(trace.nbytes))
    if trace.config is not None:
        model = parameters_of(trace.config)
        lazy_expander(
            f"{model.count:,} parameters, module by module", "overview.parameters", partial(_parameters, model)
        )


def _parameters(model: ParameterCount) -> None:
    lines = "".join(_line(depth, name, module) for depth, name, module in ((0, "model", model), *rows(model)))
    st.html(f'{_STYLE}<dl class="parameters">{lines}</dl>')
    st.caption("A Linear from 32 to 128 features has 32 × 128 weights and 128 biases, a LayerNorm 2 for each feature.")


def _line(depth: int, name: str, module: ParameterCount) -> str:
    sizes = html.escape(module.arithmetic)
    return f'<div style="--depth: {depth}"><dt>{html.escape(name)}</dt><dd>{module.count:,}</dd><dd>{sizes}</dd></div>'


def _short(number: float) -> str:
    for unit in ("", " k", " M", " G"):
        if number < 1000:
            return f"{number:.3g}{unit}"
        number /= 1000
    return f"{number:,.3g} T"
