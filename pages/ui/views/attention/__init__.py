"""Attention and the answer on one page: who looks at whom in every head, at the character that is pressed."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Sequence
from functools import partial

import streamlit as st

from engine import Trace
from engine.runtime.decode import Decoded
from engine.text import char_tokenizer
from engine.wording import counted
from pages.ui.app import frame
from pages.ui.app.lazy_expander import lazy_expander
from pages.ui.app.markdown_escape import code
from pages.ui.app.page_runner import let_it_be_painted
from pages.ui.components.head_maps import MapsChosen
from pages.ui.components.tensor_view import Selection
from pages.ui.state import session
from pages.ui.state.given_trace import NOTHING
from pages.ui.state.settings import TRAINED, Settings
from pages.ui.state.url_step import step_to_key
from pages.ui.traces.trace_cache import CannotRunError, decoded_of, trace_of
from pages.ui.views.attention import choice, maps, one_head, teacher_forcing
from pages.ui.views.attention.answer_rows import AttentionRow, rows_of
from pages.ui.views.attention.attention_groups import groups_of
from pages.ui.views.attention.attention_steps import attentions_of
from pages.ui.views.date_answer import draw_doubt, how_sure, read_as
from pages.ui.views.share import TITLE
from pages.ui.views.share.maps_picture import maps_svg

_NONE = (
    "This run has no attention to show. An attention is a softmax along the last axis, over products of queries and "
    "keys, whose result meets values in another product."
)
_NO_NUMBERS = (
    "This run has shapes and no numbers, so nobody looks at anybody here. Weights are ({axes}) = {shape}. Choose the "
    "same model at small sizes to see its numbers."
)
_ASKS = {
    "encoder": "Every source token asks every source token.",
    "decoder": "Every row asks what has been read so far: itself and what stands before it.",
    "cross": "Every row of the decoder asks every source token.",
}
_READS = "The encoder reads {source}; the decoder writes {answer}."
_RANDOM = "These weights are random, so what is written means nothing. More settings has the trained ones."
_UNKNOWN = char_tokenizer.SPECIALS[char_tokenizer.UNKNOWN]
_ONE_UNREAD = "1 character of the source is not among those it knows, and read as {unknown}."
_SOME_UNREAD = "{count} characters of the source are not among those it knows, and read as {unknown}."
_NO_END = "No end came within 1 step; it was stopped there."
_NO_END_IN_MANY = "No end came within {count} steps; it was stopped there."
_WITH_TRAINED = "Open this page with the trained model →"
_WALK = "Open this decoding step in Shapes →"


def draw(trace: Trace) -> None:
    """Draws the page.

    Args:
        trace: any trace; of a model from elsewhere every softmax over products that meets values is an attention. Of a
            step of decoding the whole answer is drawn, with the row of that step chosen.
    """
    settings = session.settings_shown()
    if settings.writes and settings.upto is not None:
        trace = trace_of(dataclasses.replace(settings, upto=None))
    attentions = attentions_of(trace)
    if not attentions:
        st.markdown("#### Attention")
        st.info(_NONE)
        return
    groups = groups_of(attentions)
    first = next(iter(groups.values())).weights
    if first.value.is_meta:
        st.markdown("#### Attention")
        st.info(_NO_NUMBERS.format(axes=", ".join(axis or "?" for axis in first.axes), shape=tuple(first.shape)))
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="attention-choices"):
        group = choice.choose_group(groups)
        layers = choice.choose_layers(group)
        position = choice.choose_position(trace, group)
    sentence = one_head.sentence_at(next(iter(group.layers.values())), position)
    written = _written(settings, sentence)
    _answer_in_words(settings, written, _ASKS.get(group.kind, ""))
    rows = rows_of(trace, group.weights.axes[-2], sentence, group.weights.shape[-2])
    chosen = choice.choose_map(group, rows)
    maps.draw(trace, group, layers, rows, position, sentence, chosen)
    let_it_be_painted()
    _links(settings, written, rows, chosen.row)
    path = tuple(group.layers)[chosen.layer]
    share = partial(_share, weakref.ref(trace), group.kind, layers, position, sentence, chosen)
    lazy_expander(TITLE, "attention.share", share)
    title = " · ".join(filter(None, (group.names[chosen.layer], group.heads[chosen.head])))
    one_head.draw(trace, group.layers[path], position, title.capitalize())
    if written is not None:
        teacher_forcing.draw(settings, written)


def _written(settings: Settings, sentence: int) -> Decoded | None:
    """What the model writes for the sentence on its own; None where there is no model that writes."""
    if settings.opened or settings.model is not None or settings.sentences is None:
        return None
    try:
        return decoded_of(settings)[sentence]
    except CannotRunError:
        return None  # it has no room beside the run that is shown


def _answer_in_words(settings: Settings, written: Decoded | None, asks: str) -> None:
    if written is None:
        if asks:
            st.caption(asks)
        return
    reads = _READS.format(source=code(written.source), answer=code(written.text))
    meant = how_sure(written) if settings.trained else _RANDOM
    sentences = [reads, meant, read_as(written, settings), *_warnings(written), asks]
    st.caption(" ".join(filter(None, sentences)))
    if settings.trained:
        draw_doubt(written)


def _warnings(written: Decoded) -> list[str]:
    """What the numbers alone do not say: characters the model could not read, and an answer without an end."""
    warnings = []
    unread = written.traces[0].labels["S"][0].count(_UNKNOWN)
    if unread:
        warnings.append(counted(unread, _ONE_UNREAD, _SOME_UNREAD, unknown=_UNKNOWN))
    if not written.ended:
        warnings.append(counted(len(written.choices), _NO_END, _NO_END_IN_MANY))
    return warnings


def _share(
    drawn: weakref.ref[Trace],
    kind: str,
    layers: range,
    position: tuple[int, ...],
    sentence: int,
    chosen: MapsChosen,
) -> None:
    """What people take along: the maps as a picture, and the weights of the chosen head."""
    trace = drawn()
    if trace is None:
        return
    group = groups_of(attentions_of(trace))[kind]
    steps = tuple(group.layers.values())[chosen.layer]
    symbols = steps.weights.axes[: len(position)]
    at = (*position[: group.head_axis], chosen.head) if group.head_axis is not None else position
    choice_of_axes = {symbol: index for symbol, index in zip(symbols, at, strict=False) if symbol is not None}
    from pages.ui.views.share import share_view  # writes CSV with pyarrow, which loads as long as a page is drawn

    share_view.draw(
        steps.trace,
        steps.weights,
        Selection(choice=choice_of_axes),
        "attention",
        within=tuple(call.index for call in steps.calls),
        strip=False,
        picture=(
            maps_svg(maps.picture(trace, group, layers, position, sentence, chosen.row)),
            f"attention_{_file_of(kind)}",
        ),
    )


def _file_of(kind: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in kind)


def _links(settings: Settings, written: Decoded | None, rows: Sequence[AttentionRow], row: int) -> None:
    if written is not None and settings.trained:
        # Of this line alone, and without a target of the person's: the step that wrote this very character.
        upto = written.written_by(row)
        query = dataclasses.replace(settings, source=written.source, target="", upto=upto).to_query()
        step = step_to_key(written.traces[upto], written.traces[upto].steps[-1])
        frame.link("app.py", _WALK, {**query, "step": step})
    elif not settings.trained:
        frame.link("pages/attention.py", _WITH_TRAINED, {"weights": TRAINED, "trace": NOTHING})
