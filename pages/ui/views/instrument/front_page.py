"""The front page, the instrument: the strip of a block, the chosen step opened below it, and the whole model folded."""

from __future__ import annotations

import weakref
from functools import partial

import streamlit as st

from engine import Trace
from engine.axes import axis
from engine.export.units import format_bytes
from engine.graph.model_graph import node_count, to_dot
from engine.runtime.parameters import parameters_of
from pages.ui.app.graph_theme import graph_theme
from pages.ui.app.lazy_expander import lazy_expander
from pages.ui.app.markdown_escape import code
from pages.ui.app.theme import is_dark
from pages.ui.settings_bar import bar
from pages.ui.state import session
from pages.ui.views import date_answer, findings_view, walkthrough
from pages.ui.views.costs import parameter_list

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
_MOST_BOXES = 200  # more take the browser over a second to draw; some thousands it does not draw at all
_FIRST_BOXES = "The first {shown} of {count:,} boxes are drawn. The strip above leads through the others."
_ON_EDGES = ("B", "S", "T", "d_model", "V")


def draw(trace: Trace) -> None:
    """Draws the front page.

    Args:
        trace: a run of the built-in Transformer, or a saved trace.
    """
    walkthrough.draw(trace, bar.mover())
    findings_view.draw_count(trace)
    if session.settings_shown().trained:
        date_answer.draw(session.settings_shown())
    if trace.steps:
        # A widget keeps its arguments until the next run. A trace among them would stay in memory beside the next one.
        lazy_expander("The whole model and this run", "front.model", partial(_whole_model, weakref.ref(trace)))


def _whole_model(drawn: weakref.ref[Trace]) -> None:
    trace = drawn()
    if trace is None:
        return
    words, picture = st.columns([4, 7], gap="large")
    with picture, st.container(key="graph"):  # first, because it takes the browser longest
        alt = "Graph of the model, the shape of the tensor on every edge"
        dot = to_dot(trace, theme=graph_theme(is_dark()), most=_MOST_BOXES)
        st.graphviz_chart(dot, width="stretch", alt=alt)
        if (count := node_count(trace)) > _MOST_BOXES:
            st.caption(_FIRST_BOXES.format(shown=_MOST_BOXES, count=count))
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
    config = trace.config or trace.variant
    if config is not None:
        model = parameters_of(config)
        lazy_expander(
            f"{model.count:,} parameters, module by module", "overview.parameters", partial(parameter_list.draw, model)
        )


def _short(number: float) -> str:
    for unit in ("", " k", " M", " G"):
        if number < 1000:
            return f"{number:.3g}{unit}"
        number /= 1000
    return f"{number:,.3g} T"
