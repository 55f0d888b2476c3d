"""The drawer "More settings" of one of today's models: its text, its cache, and all sizes that no slider has."""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from functools import partial
from typing import Any

import streamlit as st

from engine import Config, ConfigError, TextError
from engine.config import DTYPES
from engine.runtime.devices import available_devices
from engine.runtime.variants.cached import written_length
from engine.runtime.variants.inputs import read_variant_text
from engine.text.tokenizer import MAX_SENTENCES
from engine.variant_config import VARIANT_LIMITS, BertConfig
from pages.ui.settings_bar.variant_row import set_size
from pages.ui.state import session
from pages.ui.state.chosen_model import ChosenModel
from pages.ui.state.settings import SENTENCES, TOKENS, Settings
from pages.ui.traces.variant_traces import texts_of

_INPUTS = {SENTENCES: "A text", TOKENS: "Generated"}
_PREFILL, _DECODE = "prefill", "decode"
_PREFILL_LABEL, _DECODE_LABEL = "Prefill: these at once", "Decode: the next one"
_BASES = (100, 1_000, 10_000, 100_000, 500_000, 1_000_000)
_NUMBERS = {
    "d_k": "d_k, width of a query and a key",
    "d_ff": "d_ff, width inside the feed-forward network",
    "layers": "Layers",
    "vocab_size": "Vocabulary, in tokens",
    "positions": "Places with a learned vector",
    "segments": "Kinds of text with a learned vector",
    "buckets": "Buckets of distances",
    "max_distance": "Distance from which all share a bias",
    "image_height": "Rows of the image's pixels",
    "image_width": "Columns of the image's pixels",
    "channels": "Channels of the image",
    "classes": "Classes of images",
    "seed": "Seed of weights and generated tokens",
}
_BYTES = "A token is a byte of UTF-8, or one of the marks at begin and end: no published tokenizer is needed."
_PUBLISHED = "The sizes of a published model. What it reads can be longer; everything else is as it was published."
_EXPERTS = (
    "Which expert answers a token, only numbers say. Without them each of the {experts} experts gets an even share of "
    "the choices: B·L·K/E = {batch}·{length}·{chosen}/{experts} = {share:,.10g} tokens."
)


def draw(settings: Settings, model: ChosenModel) -> None:
    """Draws the inside of the drawer.

    Args:
        settings: what the controls show.
        model: the model of the settings.
    """
    if model.is_published:
        st.caption(_PUBLISHED)
    if model.reads_text:
        _text(settings, model)
    if model.can_cache:
        _kept(settings, model)
    if not model.is_published:
        _more(model)
    else:
        _select("dtype", "dtype", DTYPES, model)
    if not model.has_numbers and hasattr(model.config, "experts"):
        st.caption(experts_note(model))


def experts_note(model: ChosenModel) -> str:
    """How many tokens each expert gets in a run without numbers, in words."""
    config: Any = model.config
    share = config.batch * config.length * config.experts_per_token / config.experts
    return _EXPERTS.format(
        experts=config.experts, batch=config.batch, length=config.length, chosen=config.experts_per_token, share=share
    )


def _text(settings: Settings, model: ChosenModel) -> None:
    key, start = session.widget("reads", settings.reads)
    st.segmented_control(
        "The model reads",
        tuple(_INPUTS),
        default=start,
        format_func=_INPUTS.__getitem__,
        key=key,
        required=True,
        on_change=session.chosen("reads", key, partial(_change, "reads")),
        width="stretch",
    )
    if settings.reads != SENTENCES:
        return
    _area("source", f"Source, one text a line, at most {MAX_SENTENCES}", settings.source)
    if model.reads_target:
        is_pair = isinstance(model.config, BertConfig)
        _area("target", "Second text, a line for each" if is_pair else "Target, a line for each", settings.target)
    st.caption(_BYTES)


def _area(name: str, label: str, text: str) -> None:
    key, start = session.widget(name, text)
    callback = session.chosen(name, key, partial(_change, name))
    st.text_area(label, start, key=key, height=68, on_change=callback)


def _kept(settings: Settings, model: ChosenModel) -> None:
    """How many tokens are in the cache: at 0 the text is read at once."""
    last = length_of(settings, model) - 1
    if last < 1:
        return
    key, start = session.widget("kept", min(model.kept, last), last)
    callback = session.chosen("kept", key, keep)
    st.slider("Tokens in the cache; at 0 the text is read at once", 0, last, start, key=key, on_change=callback)
    if not model.kept:
        return
    key, start = session.widget("prefill", _PREFILL if model.is_prefill else _DECODE)
    st.segmented_control(
        "The pass to look at",
        (_PREFILL, _DECODE),
        default=start,
        format_func={_PREFILL: _PREFILL_LABEL, _DECODE: _DECODE_LABEL}.__getitem__,
        key=key,
        required=True,
        on_change=session.chosen("prefill", key, look_at),
        width="stretch",
    )


def length_of(settings: Settings, model: ChosenModel) -> int:
    """How many tokens the longest text has that is read token by token; the config's length where no text is read."""
    config: Any = model.config
    if model.reads_text and settings.sentences is not None:
        with suppress(ConfigError, TextError):  # the page says why it cannot be read
            config = read_variant_text(config, *texts_of(settings, model))[0]
    return written_length(config)


def keep(kept: int) -> None:
    """Shows the pass that begins with so many tokens in the cache. To be called from a widget's callback."""
    settings = session.settings_now()
    if settings.model is not None:
        model = dataclasses.replace(settings.model, kept=kept)
        session.change_settings(dataclasses.replace(settings, model=model))


def look_at(name: str) -> None:
    """Shows the pass that fills the cache, or the one after it. To be called from a widget's callback."""
    settings = session.settings_now()
    if settings.model is not None:
        model = dataclasses.replace(settings.model, is_prefill=name == _PREFILL)
        session.change_settings(dataclasses.replace(settings, model=model))


def _more(model: ChosenModel) -> None:
    names = {field.name for field in dataclasses.fields(model.config)}
    if "rope_base" in names:
        _select("rope_base", "RoPE base θ", _BASES, model)
        key, start = session.widget("interleaved", _value(model, "interleaved"))
        callback = session.chosen("interleaved", key, partial(set_size, "interleaved"))
        st.toggle("RoPE turns neighbours together, not halves", start, key=key, on_change=callback)
    for name, label in _NUMBERS.items():
        if name in names:
            _number(name, label, model)
    _select("dtype", "dtype", DTYPES, model)
    if not isinstance(model.config, Config):
        _select("device", "Device", ("auto", *available_devices(), "meta"), model)


def _number(name: str, label: str, model: ChosenModel) -> None:
    low, high = VARIANT_LIMITS[name]
    high = min(high, 2**31 - 1)
    key, start = session.widget(name, _value(model, name))
    callback = session.chosen(name, key, partial(_set_number, name))
    st.number_input(label, low, high, start, key=key, step=1, on_change=callback)


def _select(name: str, label: str, options: tuple[Any, ...], model: ChosenModel) -> None:
    key, start = session.widget(name, _value(model, name))
    offered = options if start in options else (*options, start)
    callback = session.chosen(name, key, partial(set_size, name))
    st.selectbox(label, offered, offered.index(start), key=key, on_change=callback)


def _value(model: ChosenModel, name: str) -> Any:
    return getattr(model.config, name)


def _set_number(name: str, value: int) -> None:
    set_size(name, value)


def _change(name: str, value: str) -> None:
    changes: Any = {name: value}
    settings = dataclasses.replace(session.settings_now(), **changes)
    if settings.model is not None and settings.model.kept:  # a shorter text has fewer tokens to keep
        kept = min(settings.model.kept, max(length_of(settings, settings.model) - 1, 0))
        settings = dataclasses.replace(settings, model=dataclasses.replace(settings.model, kept=kept))
    session.change_settings(settings)
