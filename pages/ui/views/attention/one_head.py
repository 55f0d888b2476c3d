"""One head in numbers: its scores, mask and weights, the steps that made them, and what each row takes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from functools import partial

import streamlit as st

from engine import Config, Step, Trace
from engine.ops.access import AffineMap, AllIndices, SameIndex
from pages.ui.app import frame
from pages.ui.app.lazy_expander import lazy_expander
from pages.ui.app.markdown_escape import code
from pages.ui.components.tensor_view import OperationCard, Panel, tensor_view
from pages.ui.state import session
from pages.ui.state.url_step import Location, location_to_key
from pages.ui.views.attention.answer_rows import query_names
from pages.ui.views.attention.attention_steps import AttentionSteps
from pages.ui.views.operation_card import formula_runs
from pages.ui.views.percentage import percent
from pages.ui.views.tensor_panels import panel_of, short, step_panels, tokens_along

_NOTE, _NOTE_OF_HEAD = "step {index}", "step {index}, head {head}"
_NOTE_OF_MASK, _NOTE_OF_WEIGHTS = "step {index}, True hides", "step {index}, each row sums to 1"
_FUSED = "This attention ran as one fused call, which keeps no weights. These are those of its documented formula."
_TAKES, _SHARE = "- {query} takes {shares}", "{key} {share}"
_WORDS = "What each row takes, in words"
_MOST_SHARES = 3  # keys that are named for each query


def draw(trace: Trace, shown: AttentionSteps, position: tuple[int, ...], title: str) -> None:
    """Draws one head.

    Args:
        trace: the trace on screen, whose tokens stand along the sides.
        shown: the steps of the attention.
        position: the index on every axis before queries and keys.
        title: what the head is called.
    """
    st.markdown(f"##### {title}: scores, mask and weights")
    if shown.calls:
        st.caption(_FUSED)
    sentence = sentence_at(shown, position)
    _stage(trace, shown, position, sentence)
    lazy_expander(_WORDS, "attention.words", partial(_in_words, trace, shown.weights, position, sentence))


def sentence_at(shown: AttentionSteps, position: Sequence[int]) -> int:
    """The sentence of the batch that a position is of."""
    return next((at for symbol, at in zip(shown.leading, position, strict=True) if symbol == "B"), 0)


def _stage(trace: Trace, shown: AttentionSteps, position: tuple[int, ...], sentence: int) -> None:
    scores, masked, weights = shown.scores, shown.masked, shown.weights
    head = next((at for symbol, at in zip(shown.leading, position, strict=True) if symbol == "H"), None)
    note = _NOTE.format(index=scores.index) if head is None else _NOTE_OF_HEAD.format(index=scores.index, head=head)
    panels = [one_head(trace, panel_of(trace, scores), position, sentence, note)]
    steps = [scores, weights]
    if masked is not None:
        mask = masked.inputs[1]
        note = _NOTE_OF_MASK.format(index=mask.index) if isinstance(mask, Step) else "True hides"
        panels.append(one_head(trace, step_panels(trace, masked)[1], position, sentence, note))
        steps.insert(1, masked)
    note = _NOTE_OF_WEIGHTS.format(index=weights.index)
    panels.append(one_head(trace, panel_of(trace, weights), position, sentence, note))
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


def one_head(trace: Trace, whole: Panel, position: tuple[int, ...], sentence: int, note: str) -> Panel:
    """The rows and columns that one head of one sentence has, or shares with the others.

    Args:
        trace: the trace whose tokens stand along the sides.
        whole: the panel of the whole tensor.
        position: the index on every axis before queries and keys.
        sentence: the sentence of the batch.
        note: what stands beside the title.
    """
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
    lines = []
    for query, row in zip(queries, rows, strict=True):
        best = row.topk(min(_MOST_SHARES, row.numel()))
        pairs = zip(best.values.tolist(), best.indices.tolist(), strict=True)
        shares = [_SHARE.format(key=code(keys[key]), share=percent(share)) for share, key in pairs if share]
        lines.append(_TAKES.format(query=code(query), shares=", ".join(shares)))
    st.markdown("\n".join(lines))
