"""Scores, mask and weights of one attention, head by head, with the tokens along both sides."""

from __future__ import annotations

import dataclasses
import math
from functools import partial

import streamlit as st

from engine import Step, Trace
from engine.ops.access import AffineMap, AllIndices, SameIndex
from pages.ui.app import frame
from pages.ui.app.markdown_escape import code
from pages.ui.components.tensor_view import Operation, Panel, tensor_view
from pages.ui.state import link_notes, session
from pages.ui.state.url_step import key_of
from pages.ui.views.tensor_panels import panel_of, short

_KINDS = {
    "encoder": ("Encoder self-attention", "every source token asks every source token"),
    "decoder": ("Decoder self-attention", "every target token asks itself and the target tokens before it"),
    "cross": ("Cross-attention", "every target token asks every source token"),
}
_NEEDS_THE_MODEL = (
    "This page draws the attention of the built-in Transformer, and this saved trace is of another program. Its scores "
    "and weights are among its steps: see **Every step** and **Walkthrough**."
)
_MOST = 3
_MOST_BUTTONS = 8  # more options than this are a list


def draw(trace: Trace) -> None:
    """Draws the attention that the controls on the page choose."""
    st.markdown("#### Who looks at whom")
    if trace.config is None or not trace.labels:
        st.info(_NEEDS_THE_MODEL)
        return
    path, head, sentence = _choose(trace)
    scores, weights = trace.find(f"{path}.scores"), trace.find(f"{path}.weights")
    read = weights.inputs[0]
    masked = read if isinstance(read, Step) and read.op == "masked_fill" else None
    _stage(trace, scores, masked, weights, head, sentence)
    _in_words(trace, weights, head, sentence)
    _all_heads(trace, weights, sentence)


def _choose(trace: Trace) -> tuple[str, int, int]:
    config = trace.config
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kinds = tuple(_KINDS)
        kind = _chosen("kind", "Attention", kinds, link_notes.pick("kind", "Attention", kinds, kinds[0]))
        layers = config.encoder_layers if kind == "encoder" else config.decoder_layers
        layer = _number("layer", "Layer", layers)
        head = _number("head", "Head", config.heads)
        sentence = _number("sentence", "Sentence", config.batch)
    st.caption(_KINDS[kind][1][0].upper() + _KINDS[kind][1][1:] + ".")
    stack = "encoder" if kind == "encoder" else "decoder"
    module = "cross_attention" if kind == "cross" else "self_attention"
    return f"{stack}.layers.{layer}.{module}", head, sentence


def _number(name: str, label: str, count: int) -> int:
    """One of the first ``count`` numbers, kept in the address; of fewer the last stands for one that is gone."""
    return int(_chosen(name, label, tuple(map(str, range(count))), str(link_notes.number(name, label, 0, count - 1))))


def _chosen(name: str, label: str, options: tuple[str, ...], value: str) -> str:
    key, start = session.widget(f"attention.{name}", value)
    if len(options) == 1:
        return value
    start = start if start in options else value
    callback = session.chosen(f"attention.{name}", key, partial(_picked, name))
    if len(options) <= _MOST_BUTTONS:
        st.segmented_control(
            label,
            options,
            default=start,
            format_func=_title,
            key=key,
            on_change=callback,
            required=True,
            wrap=True,
        )
    else:
        st.selectbox(label, options, options.index(start), format_func=_title, key=key, on_change=callback)
    return value


def _title(option: str) -> str:
    return _KINDS[option][0] if option in _KINDS else option


def _picked(name: str, value: str) -> None:
    session.change_view(**{name: value})


def _stage(trace: Trace, scores: Step, masked: Step | None, weights: Step, head: int, sentence: int) -> None:
    panels = [_one_head(trace, scores, head, sentence, f"step {scores.index}, head {head}")]
    steps = [scores, weights]
    if masked is not None:
        mask = masked.inputs[1]
        panels.append(_one_head(trace, mask, head, sentence, f"step {mask.index}, True hides"))
        steps.insert(1, masked)
    panels.append(_one_head(trace, weights, head, sentence, f"step {weights.index}, each row sums to 1"))
    maps = [AffineMap.of(panel.value, SameIndex(0), AllIndices()) for panel in panels[:-1]]
    tensor_view(panels, key="attention.stage", operation=_operation(trace, masked), reads=maps)
    with st.container(horizontal=True):
        for step in steps:
            query = {**session.settings_now().to_query(), "step": key_of(trace, step)}
            frame.link("pages/walkthrough.py", f"{step.name} in the walkthrough", query)


def _operation(trace: Trace, masked: Step | None) -> Operation:
    root = math.sqrt(trace.config.d_k)
    formula = [("weights", "i"), ("j", "sub"), (" = exp(", "i"), ("scores", "i"), ("j", "sub"), (" / √d_k) / Σ", "i")]
    formula += [("k", "sub"), (" exp(scores", "i"), ("k", "sub"), (" / √d_k)", "i")]
    facts = [("√d_k", f"√{trace.config.d_k} = {short(root)}")]
    if masked is not None:
        hidden = int(masked.inputs[1].value.sum())
        facts.append(
            ("mask", "a hidden key counts as −∞, so its weight is exactly 0" if hidden else "hides nothing here")
        )
    return Operation(title="scale, mask, softmax" if masked else "scale, softmax", formula_html=formula, facts=facts)


def _one_head(trace: Trace, step: Step, head: int, sentence: int, note: str) -> Panel:
    """The rows and columns that one head of one sentence has, or shares with the others."""
    whole = panel_of(trace, step)
    batch, heads = step.shape[:2]
    place = (sentence if batch > 1 else 0, head if heads > 1 else 0)
    return dataclasses.replace(
        whole,
        value=step.value[place],
        axes=step.axes[2:],
        labels=tuple(trace.labels[axis][sentence] if axis in trace.labels else None for axis in step.axes[2:]),
        note=note,
        masked=None if whole.masked is None else whole.masked.expand(step.shape)[place],
        footer="",
    )


def _in_words(trace: Trace, weights: Step, head: int, sentence: int) -> None:
    queries, keys = (trace.labels[axis][sentence] for axis in weights.axes[2:])
    rows = weights.value[sentence, head].double()
    st.markdown("##### What each token takes, in this head")
    lines = []
    for query, row in zip(queries, rows, strict=True):
        best = row.topk(min(_MOST, row.numel()))
        pairs = zip(best.values.tolist(), best.indices.tolist(), strict=True)
        taken = ", ".join(f"{code(keys[i])} {short(100 * share)} %" for share, i in pairs if share)
        lines.append(f"- {code(query)} takes {taken}")
    shown, rest = lines[:12], lines[12:]
    st.markdown("\n".join(shown))
    if rest:
        with st.expander(f"{len(rest)} more tokens"):
            st.markdown("\n".join(rest))


def _all_heads(trace: Trace, weights: Step, sentence: int) -> None:
    st.markdown("##### The weights of every head")
    st.caption("Heads never meet before W_O: each has its own map.")
    tensor_view([panel_of(trace, weights)], key="attention.heads", choice={"B": sentence})
