"""The first screen of attention: the answer as tiles, and every head's map at the tile that is pressed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial

import streamlit as st
from torch import Tensor

from engine import Config, Trace
from engine.runtime.even_attention import KINDS, EvenAttention, is_quick_to_measure
from engine.wording import counted
from pages.ui.app.markdown_escape import visible
from pages.ui.components.head_maps import Choice, MapRow, MapsChosen, head_maps
from pages.ui.state import session
from pages.ui.traces.trace_cache import CannotRunError, even_attention_of
from pages.ui.views.attention.answer_rows import AttentionRow, rows_of
from pages.ui.views.attention.attention_groups import AttentionGroup
from pages.ui.views.percentage import exact_percent, percent
from pages.ui.views.share.maps_picture import MapsPicture
from pages.ui.views.tensor_panels import tokens_along

_SHOWN, _MATTERS, _FEWEST = 8, 0.001, 2  # characters of a ranking: the most, the least probable, and always so many
_MEASURED = "attention.measured"
_STAYS = 0.99  # of its probability that a token keeps where a layer does not matter
_WORDS = {
    "keys": "{map} looks at",
    "sharpest": "Sharpest: {map}, {share} at {key}.",
    "even": "with its weights made even: {share}",
    "evenShort": "made even:",
    "evenHead": "With the weights of this head made even, the probability becomes {share}",
    "next": "What comes next",
}
_TILES = "What is written: press a character to see where every head looks"
_TILES_READ = "What is read: press a token to see where every head looks"
_TAKEN = "{written} is taken, the most probable."
_OTHER = "{written} is taken, the most probable. The other 1 has {share}."
_OTHERS = "{written} is taken, the most probable. The other {count} share {share}."
_LAYER_MATTERS = "{layer} matters most: with its weights made even, {written} falls from {whole} to {share}."
_NO_LAYER_MATTERS = "No layer matters alone here: with the weights of any one made even, {written} keeps {share}."
_ONE_LAYER = "With its weights made even, {written} goes from {whole} to {share}."
_MEASURE = "Measure which layer matters"
_HOW_MEASURED = (
    "Measured by running the model again with the weights of one layer, or one head, made even: every key that may be "
    "seen gets the same."
)


def draw(
    trace: Trace,
    group: AttentionGroup,
    layers: range,
    rows: Sequence[AttentionRow],
    position: tuple[int, ...],
    sentence: int,
    chosen: MapsChosen,
) -> None:
    """Draws the tiles and the maps.

    Args:
        trace: the trace on screen.
        group: the attentions that stand side by side.
        layers: those whose maps are drawn.
        rows: the rows of the sentence.
        position: the index on every axis before queries and keys; that of the heads is not used.
        sentence: the sentence of the batch.
        chosen: the row and the map that are chosen.
    """
    even = _measured(trace, group)
    written = any(row.written is not None for row in rows)
    names, weights = zip(*_maps(group, layers, position), strict=True)
    head_maps(
        weights,
        [_map_row(group, layers, row, even, sentence, number) for number, row in enumerate(rows)],
        _keys(trace, group, sentence),
        (names, group.heads),
        {**_WORDS, "tiles": _TILES if written else _TILES_READ},
        dataclasses.replace(chosen, layer=chosen.layer - layers.start),
        key="attention.maps",
        on_row=keep_row,
        on_map=partial(_keep_map, layers.start),
    )
    if even is not None:
        st.caption(_HOW_MEASURED)
    elif (config := _measurable(trace, group)) is not None:
        st.button(_MEASURE, key="attention.measure", on_click=partial(_measure, config, group.kind))


def picture(
    trace: Trace, group: AttentionGroup, layers: range, position: tuple[int, ...], sentence: int, row: int
) -> MapsPicture:
    """The maps on screen as what is drawn in a picture of them.

    Args:
        trace: the trace on screen.
        group: the attentions that stand side by side.
        layers: those whose maps are drawn.
        position: the index on every axis before queries and keys; that of the heads is not used.
        sentence: the sentence of the batch.
        row: the row that is chosen.
    """
    weights = group.weights
    rows = rows_of(trace, weights.axes[-2], sentence, weights.shape[-2])
    return MapsPicture(
        title=group.title,
        axes=tuple(zip(weights.axes, weights.shape, strict=True)),
        layers=_maps(group, layers, position),
        heads=group.heads,
        rows=[visible(entry.written or entry.token) or entry.name for entry in rows],
        keys=_keys(trace, group, sentence),
        chosen=row,
        sentence=rows[row].sentence,
    )


def _maps(group: AttentionGroup, layers: range, position: tuple[int, ...]) -> list[tuple[str, Tensor]]:
    """The name of each of these layers, and its maps."""
    paths = tuple(group.layers)
    return [(group.names[layer], group.maps(paths[layer], position)) for layer in layers]


def _keys(trace: Trace, group: AttentionGroup, sentence: int) -> list[str]:
    size = group.weights.shape[-1]
    return [visible(key) for key in tokens_along(trace, group.weights.axes[-1], sentence) or map(str, range(size))]


def keep_row(row: int) -> None:
    """Keeps the chosen row in the address, in the place of a step of decoding."""
    settings = session.settings_now()
    if settings.upto is not None:
        session.change_settings(dataclasses.replace(settings, upto=None))
    session.change_view(position=str(row))


def _keep_map(first: int, layer: int, head: int) -> None:
    session.change_view(layer=str(first + layer), head=str(head), module=None)


def _measurable(trace: Trace, group: AttentionGroup) -> Config | None:
    """The config of a run of the built-in Transformer whose attention can be made even; None of any other trace."""
    settings = session.settings_shown()
    if group.kind not in KINDS or settings.opened or settings.model is not None:
        return None
    return trace.config


def _measured(trace: Trace, group: AttentionGroup) -> EvenAttention | None:
    """What becomes of the probabilities with even weights, where that is quick or was asked for."""
    config = _measurable(trace, group)
    if config is None:
        return None
    measured = st.session_state.get(_MEASURED, ())
    was_asked_for = (config, group.kind) in measured
    if not is_quick_to_measure(config, group.kind) and not was_asked_for:
        return None
    try:
        return even_attention_of(trace, group.kind)
    except CannotRunError as error:
        if was_asked_for:
            st.info(str(error))
        return None


def _measure(config: Config, kind: str) -> None:
    st.session_state[_MEASURED] = (*st.session_state.get(_MEASURED, ()), (config, kind))


def _map_row(
    group: AttentionGroup, layers: range, row: AttentionRow, even: EvenAttention | None, sentence: int, number: int
) -> MapRow:
    if row.written is None:
        tile = visible(row.token) or row.name
        return MapRow(tile, "", row.name, row.sentence, row.sentence)
    shown = [(token, share) for token, share in row.ranked[:_SHOWN] if share >= _MATTERS]
    shown = shown if len(shown) >= _FEWEST else list(row.ranked[:_FEWEST])
    rest = row.ranked[len(shown) :]
    share = percent(sum(share for _, share in rest))
    others_text = counted(len(rest), _OTHER, _OTHERS, written=row.written, share=share) if rest else ""
    matters = "" if even is None else which_matters(group.names, row, even.layers[:, sentence, number].tolist())
    return MapRow(
        tile=row.written,
        below=percent(row.share),
        name=row.name,
        sentence=row.sentence,
        exact=f"{row.sentence}: {exact_percent(row.share)}",
        choices=[Choice(token, share, percent(share), exact_percent(share)) for token, share in shown],
        rest=others_text or _TAKEN.format(written=row.written),
        matters=matters,
        even=((), ()) if even is None else _even_words(even, layers, sentence, number),
    )


def which_matters(names: Sequence[str], row: AttentionRow, shares: Sequence[float]) -> str:
    """Which layer matters at a row, as a sentence.

    Args:
        names: of the layers.
        row: the row, in which a token is written.
        shares: the probability of that token with the weights of each layer made even.
    """
    least = min(shares)
    values = {"written": row.written, "whole": percent(row.share), "share": percent(least)}
    if len(shares) == 1:
        return _ONE_LAYER.format(**values)
    if least >= _STAYS * row.share:
        return _NO_LAYER_MATTERS.format(**values)
    return _LAYER_MATTERS.format(layer=names[shares.index(least)].capitalize(), **values)


def _even_words(even: EvenAttention, layers: range, sentence: int, number: int) -> tuple[list[str], list[list[str]]]:
    drawn = slice(layers.start, layers.stop)
    by_layer = [percent(share) for share in even.layers[drawn, sentence, number].tolist()]
    by_head = [[percent(share) for share in layer] for layer in even.heads[drawn, :, sentence, number].tolist()]
    return by_layer, by_head
