"""The front page, the instrument: the strip of a block, the chosen step opened below it, and the whole model folded."""

from __future__ import annotations

import html
import weakref
from functools import partial

import streamlit as st

from engine import Trace
from engine.axes import axis
from engine.export.units import format_bytes
from engine.graph.model_graph import to_dot
from engine.runtime.parameters import ParameterCount, parameters_of, rows
from pages.ui.app.graph_theme import graph_theme
from pages.ui.app.lazy_expander import lazy_expander
from pages.ui.app.markdown_escape import code
from pages.ui.app.theme import is_dark
from pages.ui.state import session
from pages.ui.views import date_answer, findings_view, walkthrough

_RUN = (
    "A complete encoder–decoder Transformer has just run in PyTorch, and every tensor on the way was kept. "
    "Every shape and every value you see was computed by that run."
)
_SAVED = (
    "This is a saved trace: every tensor that a program computed in PyTorch, kept in a file with the program's text. "
    "Every shape and every value you see was computed by that run."
)
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


def draw(trace: Trace) -> None:
    """Draws the front page.

    Args:
        trace: a run of the built-in Transformer, or a saved trace.
    """
    above = st.container()
    walkthrough.draw(trace)
    if session.settings_shown().trained:
        date_answer.draw(session.settings_shown())
    if trace.steps:
        # A widget keeps its arguments until the next run. A trace among them would stay in memory beside the next one.
        lazy_expander("The whole model and this run", "front.model", partial(_whole_model, weakref.ref(trace)))
    with above:  # last, because looking for them takes its time
        findings_view.draw_count(trace)


def _whole_model(drawn: weakref.ref[Trace]) -> None:
    trace = drawn()
    if trace is None:
        return
    words, picture = st.columns([4, 7], gap="large")
    with picture, st.container(key="graph"):  # first, because it takes the browser longest
        alt = "Graph of the Transformer, the shape of the tensor on every edge"
        st.graphviz_chart(to_dot(trace, theme=graph_theme(is_dark())), width="stretch", alt=alt)
        st.caption(_EDGES.format(symbols=_glossary(trace)))
    with words:
        st.markdown(_SAVED if session.settings_shown().opened else _RUN)
        _sentences(trace)
        _numbers(trace)


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
