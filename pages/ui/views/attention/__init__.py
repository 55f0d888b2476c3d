"""Scores, mask and weights of one attention, head by head, with the tokens along both sides."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from engine import Config, Step, Trace
from engine.ops.access import AffineMap, AllIndices, SameIndex
from pages.ui.app import frame
from pages.ui.app.counted import counted
from pages.ui.app.markdown_escape import code
from pages.ui.components.tensor_view import OperationCard, Panel, tensor_view
from pages.ui.state import link_notes, session
from pages.ui.state.url_step import Location, location_to_key
from pages.ui.views.attention.attention_steps import AttentionSteps, attentions_of
from pages.ui.views.attention.writing_rows import CAPTION, query_names, writes
from pages.ui.views.operation_card import formula_runs
from pages.ui.views.tensor_panels import panel_of, short, step_panels, tokens_along

_KINDS = {
    "encoder": ("Encoder self-attention", "Every source token asks every source token."),
    "decoder": ("Decoder self-attention", "Every target token asks itself and the target tokens before it."),
    "cross": ("Cross-attention", "Every target token asks every source token."),
}
_NONE = (
    "This run has no attention to show. An attention is a softmax along the last axis, over products of queries and "
    "keys, whose result meets values in another product."
)
_LEADING: Mapping[str, tuple[str, str]] = {"B": ("sentence", "Sentence"), "H": ("head", "Head")}
_NOTE, _NOTE_OF_HEAD = "step {index}", "step {index}, head {head}"
_NOTE_OF_MASK, _NOTE_OF_WEIGHTS = "step {index}, True hides", "step {index}, each row sums to 1"
_NO_NUMBERS = (
    "This run has shapes and no numbers, so nobody looks at anybody here. Weights are ({axes}) = {shape}. Choose the "
    "same model at small sizes to see its numbers."
)
_FUSED = "This attention ran as one fused call, which keeps no weights. These are those of its documented formula."
_TAKES, _SHARE = "- {query} takes {shares}", "{key} {share} %"
_TOP = "."  # the attention of no module, in the address
_MOST_SHARES = 3  # keys that are named for each query
_MOST_LINES = 12  # of queries; the others are folded away
_MOST_BUTTONS = 8  # more options than this are a list


def draw(trace: Trace) -> None:
    """Draws the attention that the controls on the page choose.

    Args:
        trace: any trace; of a model from elsewhere every softmax over products that meets values is an attention.
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
    path, position = _choose(trace.config, attentions)
    chosen = attentions[path]
    sentence = _sentence(chosen, position)
    if chosen.weights.axes[-2] == "T" and writes(trace):
        st.caption(CAPTION)
    _stage(trace, chosen, position)
    _in_words(trace, chosen.weights, position, sentence)
    if position:
        _all_heads(trace, chosen.weights, position)


def _choose(config: Config | None, attentions: Mapping[str, AttentionSteps]) -> tuple[str, tuple[int, ...]]:
    """The attention, and the index on every axis before queries and keys that the controls say, after drawing them."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        # A config that came with a file need not be that of what ran.
        path, asks = "", ""
        if isinstance(config, Config):
            path, asks = _kind_and_layer(config)
        if path not in attentions:
            path, asks = _module(tuple(attentions)), ""
        weights = attentions[path].weights
        named = {
            axis: _number(*_LEADING.get(symbol or "", (f"axis{axis}", f"Axis {axis}")), weights.shape[axis])
            # People choose a head more often than a sentence, so it stands first.
            for axis, symbol in reversed([*enumerate(attentions[path].leading)])
        }
    if asks:
        st.caption(asks)
    if attentions[path].calls:
        st.caption(_FUSED)
    return path, tuple(named[axis] for axis in sorted(named))


def _sentence(shown: AttentionSteps, position: Sequence[int]) -> int:
    """The sentence of the batch."""
    return next((at for symbol, at in zip(shown.leading, position, strict=True) if symbol == "B"), 0)


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


def _stage(trace: Trace, shown: AttentionSteps, position: tuple[int, ...]) -> None:
    scores, masked, weights = shown.scores, shown.masked, shown.weights
    sentence = _sentence(shown, position)
    head = next((at for symbol, at in zip(shown.leading, position, strict=True) if symbol == "H"), None)
    note = _NOTE.format(index=scores.index) if head is None else _NOTE_OF_HEAD.format(index=scores.index, head=head)
    panels = [_one_head(trace, panel_of(trace, scores), position, sentence, note)]
    steps = [scores, weights]
    if masked is not None:
        mask = masked.inputs[1]
        note = _NOTE_OF_MASK.format(index=mask.index) if isinstance(mask, Step) else "True hides"
        panels.append(_one_head(trace, step_panels(trace, masked)[1], position, sentence, note))
        steps.insert(1, masked)
    note = _NOTE_OF_WEIGHTS.format(index=weights.index)
    panels.append(_one_head(trace, panel_of(trace, weights), position, sentence, note))
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
    if shown.masked is not None and not shown.masked.value.is_meta:
        hidden = int(shown.masked.inputs[1].value.sum())
        effect = "a hidden key counts as −∞, so its weight is exactly 0" if hidden else "hides nothing here"
        facts.append(("mask", effect))
    if not isinstance(config, Config):
        return OperationCard(shown.weights.op, formula_runs(shown.weights), facts=facts)
    formula = [("weights", "i"), ("j", "sub"), (" = exp(", "i"), ("scores", "i"), ("j", "sub"), (" / √d_k) / Σ", "i")]
    formula += [("k", "sub"), (" exp(scores", "i"), ("k", "sub"), (" / √d_k)", "i")]
    facts.insert(0, ("√d_k", f"√{config.d_k} = {short(math.sqrt(config.d_k))}"))
    return OperationCard("scale, softmax" if shown.masked is None else "scale, mask, softmax", formula, facts=facts)


def _one_head(trace: Trace, whole: Panel, position: tuple[int, ...], sentence: int, note: str) -> Panel:
    """The rows and columns that one head of one sentence has, or shares with the others."""
    while whole.value.dim() < len(position) + 2:  # a mask for all sentences, heads or queries has no axes for them
        masked = None if whole.masked is None else whole.masked[None]
        whole = dataclasses.replace(whole, value=whole.value[None], axes=(None, *whole.axes), masked=masked)
    at = tuple(coordinate if size > 1 else 0 for coordinate, size in zip(position, whole.value.shape, strict=False))
    axes = whole.axes[len(position) :]
    return dataclasses.replace(
        whole,
        value=whole.value[at],
        axes=axes,
        labels=(query_names(trace, axes[0], sentence), *(tokens_along(trace, symbol, sentence) for symbol in axes[1:])),
        note=note,
        masked=None if whole.masked is None else whole.masked.expand(whole.value.shape)[at],
        footer="",
    )


def _in_words(trace: Trace, weights: Step, position: tuple[int, ...], sentence: int) -> None:
    rows = weights.value[position].double()
    queries, keys = (
        named(trace, weights.axes[axis], sentence) or [f"{side} {index}" for index in range(weights.shape[axis])]
        for axis, side, named in ((-2, "query", query_names), (-1, "key", tokens_along))
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


def _all_heads(trace: Trace, weights: Step, position: tuple[int, ...]) -> None:
    st.markdown("##### The weights of every head")
    st.caption("Heads never meet before W_O: each has its own map.")
    choice = {symbol: at for symbol, at in zip(weights.axes, position, strict=False) if symbol not in (None, "H")}
    tensor_view([panel_of(trace, weights)], key="attention.heads", choice=choice)
