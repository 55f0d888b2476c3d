"""Scores, mask and weights of one attention, head by head, with the tokens along both sides."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from engine import Config, Step, Trace
from engine.ops import reads
from engine.ops.access import AffineMap, AllIndices, SameIndex
from pages.ui.app import frame
from pages.ui.app.counted import counted
from pages.ui.app.markdown_escape import code
from pages.ui.components.tensor_view import OperationCard, Panel, tensor_view
from pages.ui.state import link_notes, session
from pages.ui.state.url_step import Location, location_to_key
from pages.ui.views.operation_card import formula_runs
from pages.ui.views.tensor_panels import panel_of, short, step_panels, tokens_along

_KINDS = {
    "encoder": ("Encoder self-attention", "Every source token asks every source token."),
    "decoder": ("Decoder self-attention", "Every target token asks itself and the target tokens before it."),
    "cross": ("Cross-attention", "Every target token asks every source token."),
}
_NONE = (
    "This run has no attention to show: no softmax over scores of batch × heads × queries × keys was recorded in it."
)
_NO_NUMBERS = (
    "This run has shapes and no numbers, so nobody looks at anybody here. Weights are ({axes}) = {shape}. Choose the "
    "same model at small sizes to see its numbers."
)
_FUSED = "This attention ran as one fused call, which keeps no weights. These are those of its documented formula."
_PRODUCTS = frozenset({"matmul", "einsum"})
_TAKES, _SHARE = "- {query} takes {shares}", "{key} {share} %"
_TOP = "."  # the attention of no module, in the address
_MOST_SHARES = 3  # keys that are named for each query
_MOST_LINES = 12  # of queries; the others are folded away
_MOST_BUTTONS = 8  # more options than this are a list


@dataclass(frozen=True)
class AttentionSteps:
    """The steps of one attention, each (batch, heads, queries, keys).

    Attributes:
        scores: the products of queries and keys.
        masked: the scores with what is hidden; None where nothing is masked.
        weights: what the softmax makes of them.
        trace: the trace that they stand in: of fused attention, what the call does inside.
        calls: the fused calls that they lie inside of, outermost first.
    """

    scores: Step
    masked: Step | None
    weights: Step
    trace: Trace
    calls: tuple[Step, ...] = ()


def draw(trace: Trace) -> None:
    """Draws the attention that the controls on the page choose.

    Args:
        trace: any trace; of a model from elsewhere every softmax over scores that a matmul made is an attention.
    """
    st.markdown("#### Who looks at whom")
    attentions = attentions_of(trace)
    if not attentions:
        st.info(_NONE)
        return
    first = next(iter(attentions.values())).weights
    if first.value.is_meta:
        st.info(_NO_NUMBERS.format(axes=", ".join(axis or "?" for axis in first.axes), shape=tuple(first.shape)))
        return
    path, head, sentence = _choose(trace.config, attentions)
    chosen = attentions[path]
    _stage(trace, chosen, head, sentence)
    _in_words(trace, chosen.weights, head, sentence)
    _all_heads(trace, chosen.weights, sentence)


def attentions_of(trace: Trace) -> dict[str, AttentionSteps]:
    """The attentions of a trace, in the order they ran.

    Args:
        trace: any trace.

    Returns:
        The path of a module → its steps. Of a module that ran several times, the last run. The weights of a fused call
        are those of the documented formula, which stands inside it.
    """
    attentions: dict[str, AttentionSteps] = {}
    for step in trace.steps:
        if step.op == "softmax":
            steps = _steps_to(trace, step, ())
            attentions |= {} if steps is None else {step.path: steps}
        elif step.output == 0 and step.inside is not None:
            fused = (_steps_to(step.inside, inner, (step,)) for inner in step.inside.steps if inner.op == "softmax")
            attentions |= {} if (steps := next(filter(None, fused), None)) is None else {step.path: steps}
    return attentions


def _steps_to(trace: Trace, weights: Step, calls: tuple[Step, ...]) -> AttentionSteps | None:
    """The attention that ends in these weights; None where they come from no product of queries and keys."""
    maps = reads(weights)
    if maps is None or weights.value.dim() != 4 or [*maps[0].running] != [3]:
        return None
    step, masked = weights, None
    while step.op not in _PRODUCTS:
        before = step.inputs[0] if step.inputs else None
        if not isinstance(before, Step) or before.shape != weights.shape:
            return None
        masked = step if step.op == "masked_fill" else masked
        step = before
    return AttentionSteps(step, masked, weights, trace, calls)


def _choose(config: Config | None, attentions: Mapping[str, AttentionSteps]) -> tuple[str, int, int]:
    """The module path, the head and the sentence that the controls say, after drawing them."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if config is None:
            path, asks = _module(tuple(attentions)), ""
        else:
            path, asks = _kind_and_layer(config)
        batch, heads = attentions[path].weights.shape[:2]
        head = _number("head", "Head", heads)
        sentence = _number("sentence", "Sentence", batch)
    if asks:
        st.caption(asks)
    if attentions[path].calls:
        st.caption(_FUSED)
    return path, head, sentence


def _module(paths: Sequence[str]) -> str:
    options = tuple(path or _TOP for path in paths)
    path = _chosen("module", "Module", options, link_notes.pick("module", "Module", options, options[0]))
    return "" if path == _TOP else path


def _kind_and_layer(config: Config) -> tuple[str, str]:
    """The module path of an attention of the built-in Transformer, and who asks whom in it."""
    kinds = tuple(_KINDS)
    kind = _chosen("kind", "Attention", kinds, link_notes.pick("kind", "Attention", kinds, kinds[0]))
    layer = _number("layer", "Layer", config.encoder_layers if kind == "encoder" else config.decoder_layers)
    stack = "encoder" if kind == "encoder" else "decoder"
    module = "cross_attention" if kind == "cross" else "self_attention"
    return f"{stack}.layers.{layer}.{module}", _KINDS[kind][1]


def _number(name: str, label: str, count: int) -> int:
    """One of the first ``count`` numbers, kept in the address; of fewer the last stands for one that is gone."""
    return int(_chosen(name, label, tuple(map(str, range(count))), str(link_notes.number(name, label, 0, count - 1))))


def _chosen(name: str, label: str, options: tuple[str, ...], value: str) -> str:
    key, start = session.widget(f"attention.{name}", value)
    if len(options) == 1:
        return value
    start = start if start in options else value
    callback = session.chosen(f"attention.{name}", key, partial(_keep, name))
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


def _keep(name: str, value: str) -> None:
    session.change_view(**{name: value})


def _stage(trace: Trace, shown: AttentionSteps, head: int, sentence: int) -> None:
    scores, masked, weights = shown.scores, shown.masked, shown.weights
    panels = [_one_head(trace, panel_of(trace, scores), head, sentence, f"step {scores.index}, head {head}")]
    steps = [scores, weights]
    if masked is not None:
        mask = masked.inputs[1]
        note = f"step {mask.index}, True hides" if isinstance(mask, Step) else "True hides"
        panels.append(_one_head(trace, step_panels(trace, masked)[1], head, sentence, note))
        steps.insert(1, masked)
    note = f"step {weights.index}, each row sums to 1"
    panels.append(_one_head(trace, panel_of(trace, weights), head, sentence, note))
    maps = [AffineMap.of(panel.value, SameIndex(0), AllIndices()) for panel in panels[:-1]]
    tensor_view(panels, key="attention.stage", operation=_card(trace.config, shown), reads=maps)
    with st.container(horizontal=True):
        for step in steps:
            key = location_to_key(trace, Location(shown.trace, step, shown.calls))
            query = {**session.settings_now().to_query(), "step": key}
            frame.link("app.py", f"{step.name}, opened", query)


def _card(config: Config | None, shown: AttentionSteps) -> OperationCard:
    """What makes weights of scores: of the built-in Transformer all of it, elsewhere the softmax."""
    facts = []
    if shown.masked is not None:
        hidden = int(shown.masked.inputs[1].value.sum())
        effect = "a hidden key counts as −∞, so its weight is exactly 0" if hidden else "hides nothing here"
        facts.append(("mask", effect))
    if config is None:
        return OperationCard(shown.weights.op, formula_runs(shown.weights), facts=facts)
    formula = [("weights", "i"), ("j", "sub"), (" = exp(", "i"), ("scores", "i"), ("j", "sub"), (" / √d_k) / Σ", "i")]
    formula += [("k", "sub"), (" exp(scores", "i"), ("k", "sub"), (" / √d_k)", "i")]
    facts.insert(0, ("√d_k", f"√{config.d_k} = {short(math.sqrt(config.d_k))}"))
    return OperationCard("scale, softmax" if shown.masked is None else "scale, mask, softmax", formula, facts=facts)


def _one_head(trace: Trace, whole: Panel, head: int, sentence: int, note: str) -> Panel:
    """The rows and columns that one head of one sentence has, or shares with the others."""
    while whole.value.dim() < 4:  # a mask for all sentences, heads or queries has no axes for them
        masked = None if whole.masked is None else whole.masked[None]
        whole = dataclasses.replace(whole, value=whole.value[None], axes=(None, *whole.axes), masked=masked)
    batch, heads = whole.value.shape[:2]
    position = (sentence if batch > 1 else 0, head if heads > 1 else 0)
    return dataclasses.replace(
        whole,
        value=whole.value[position],
        axes=whole.axes[2:],
        labels=tuple(tokens_along(trace, symbol, sentence) for symbol in whole.axes[2:]),
        note=note,
        masked=None if whole.masked is None else whole.masked.expand(whole.value.shape)[position],
        footer="",
    )


def _in_words(trace: Trace, weights: Step, head: int, sentence: int) -> None:
    rows = weights.value[sentence, head].double()
    queries, keys = (
        tokens_along(trace, weights.axes[axis], sentence) or [f"{side} {index}" for index in range(weights.shape[axis])]
        for axis, side in ((2, "query"), (3, "key"))
    )
    st.markdown("##### What each token takes, in this head")
    lines = []
    for query, row in zip(queries, rows, strict=True):
        best = row.topk(min(_MOST_SHARES, row.numel()))
        pairs = zip(best.values.tolist(), best.indices.tolist(), strict=True)
        shares = [_SHARE.format(key=code(keys[key]), share=short(100 * share)) for share, key in pairs if share]
        lines.append(_TAKES.format(query=code(query), shares=", ".join(shares)))
    shown, rest = lines[:_MOST_LINES], lines[_MOST_LINES:]
    st.markdown("\n".join(shown))
    if rest:
        with st.expander(counted(len(rest), "{count} more token", "{count} more tokens")):
            st.markdown("\n".join(rest))


def _all_heads(trace: Trace, weights: Step, sentence: int) -> None:
    st.markdown("##### The weights of every head")
    st.caption("Heads never meet before W_O: each has its own map.")
    batch = weights.axes[0]
    choice = {} if batch is None else {batch: sentence}
    tensor_view([panel_of(trace, weights)], key="attention.heads", choice=choice)
