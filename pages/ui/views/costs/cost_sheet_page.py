"""The sheet of costs: parameters, memory and arithmetic of the model on screen, at its present sizes."""

from __future__ import annotations

from functools import partial

import streamlit as st

from engine import Trace
from engine.config import DTYPES
from engine.export.units import format_bytes
from engine.model.variants.presets import PRESETS
from engine.runtime.parameters import parameters_of
from engine.runtime.variants.cache_costs import cache_costs
from engine.runtime.variants.cached import CachedConfig, can_cache, written_length
from engine.runtime.variants.cost_sheet import BYTES_OF, CARDS, AnyConfig, CostSheet, fitting_cards, sheet_of
from pages.ui.labs.kit.cached import result
from pages.ui.settings_bar.variant_drawer import experts_note
from pages.ui.settings_bar.variant_row import set_size
from pages.ui.state import link_notes, session
from pages.ui.state.chosen_model import ChosenModel
from pages.ui.views.costs import parameter_list, step_costs_table
from pages.ui.views.percentage import percent

_NO_MODEL = "This trace is of a program whose sizes nobody declared. Choose a model to see what it costs."
_OF_A_PASS = "The sheet is of reading the whole text at once; with tokens in the cache a pass is smaller. {instead}"
_AT_ZERO = "Set the tokens in the cache to 0 to see it."
_EQUAL = "Exactly the number of the published weights ({source})."
_ROUNDED = "What the published sizes come to ({source}); the name it goes by is rounded."
_ADAM = "Weights, gradients and Adam's two moments: {each} bytes a parameter. Activations come on top."
_ADAM_MIXED = (
    "Weights and gradients in half precision; Adam's two moments and a second copy of the weights in float32: {each} "
    "bytes a parameter. Activations come on top."
)
_CACHE = (
    "Read token by token, as it reads what it writes, {length:,} tokens take {with_cache} FLOPs with a cache and "
    "{without} without: {times:,.1f} times as many. For the last token alone {last_with} stand against {last_without}. "
    "What that costs is {nbytes} of memory for keys and values."
)
_HEAD = "| | bytes | which is | fits GB |\n|---|---:|---|---|\n"
_FITS = "Fits: which cards of {cards} GB hold it."
_NO_BREAK = "\N{NO-BREAK SPACE}"
_NO_CACHE = "an encoder keeps none"
_INTENSITY = (
    "Arithmetic intensity is FLOPs for every byte that is read or written. Where it is low, a GPU waits for its "
    "memory: a matrix product of many tokens is high, everything that goes number by number is below 1."
)


def draw(trace: Trace) -> None:
    """Draws the sheet.

    Args:
        trace: the run on screen.
    """
    st.markdown("#### What it costs")
    config = trace.config or trace.variant
    settings = session.settings_shown()
    model = settings.model
    if config is None or settings.opened:
        st.info(_NO_MODEL)
        return
    if model is not None and model.kept:
        st.info(_OF_A_PASS.format(instead=_AT_ZERO))
        return
    _choices(model, config)
    sheet = sheet_of(trace, config, _cache_dtype(config))
    _figures(sheet)
    st.markdown(_memory(sheet, config))
    st.caption(_FITS.format(cards=", ".join(map(str, CARDS))))
    st.caption(_adam(config.dtype))
    if model is not None and not model.has_numbers and hasattr(config, "experts"):
        st.caption(experts_note(model))
    if can_cache(config):
        _token_by_token(config)
    st.markdown("##### Every step")
    st.caption(_INTENSITY)
    step_costs_table.draw(sheet)
    _parameters(config, model)


def _choices(model: ChosenModel | None, config: AnyConfig) -> None:
    """The dtypes of weights and of the cache. Batch and length are in the row of sizes."""
    with st.container(horizontal=True, key="costs-choices"):
        if model is not None:
            key, start = session.widget("costs.dtype", config.dtype)
            callback = session.chosen("costs.dtype", key, partial(set_size, "dtype"))
            st.segmented_control("dtype of the weights", DTYPES, default=start, key=key, on_change=callback)
        key, start = session.widget("costs.cache", _cache_dtype(config))
        callback = session.chosen("costs.cache", key, _keep_cache_dtype)
        st.segmented_control("dtype of the cache", DTYPES, default=start, key=key, on_change=callback)


def _cache_dtype(config: AnyConfig) -> str:
    return link_notes.pick("cache", "dtype of the cache", DTYPES, config.dtype)


def _keep_cache_dtype(dtype: str) -> None:
    session.change_view(cache=dtype)


def _figures(sheet: CostSheet) -> None:
    with st.container(horizontal=True, key="costs-figures"):
        st.metric("Parameters", in_words(sheet.parameters))
        st.metric("FLOPs of a forward pass", in_words(sheet.flops))
        st.metric("FLOPs a token", in_words(sheet.flops_per_token))
        st.metric("Of them between tokens", percent(sheet.attention_share))


def _memory(sheet: CostSheet, config: AnyConfig) -> str:
    each = BYTES_OF[config.dtype]
    cache = "keys and values of every layer, token and head of keys" if sheet.kv_cache else _NO_CACHE
    rows = (
        ("Weights", sheet.weights, f"{sheet.parameters:,} × {each} bytes"),
        ("KV cache", sheet.kv_cache, cache),
        ("**To answer**", sheet.to_answer, "weights and cache"),
        ("Activations", sheet.activations, "every tensor of a forward pass, none let go"),
        ("Training state", sheet.training, f"{sheet.parameters:,} × {sheet.training // sheet.parameters} bytes"),
        ("**To train**", sheet.to_train, "training state and activations"),
    )
    # On a phone a number would part from its unit.
    return _HEAD + "\n".join(
        f"| {name} | {format_bytes(size).replace(' ', _NO_BREAK)} | {what} | {_fits(size)} |"
        for name, size, what in rows
    )


def _fits(size: int) -> str:
    fitting = fitting_cards(size)
    return f",{_NO_BREAK}".join(map(str, fitting)) or "none"


def _adam(dtype: str) -> str:
    return _ADAM_MIXED.format(each=16) if BYTES_OF[dtype] == 2 else _ADAM.format(each=4 * BYTES_OF[dtype])


def _token_by_token(config: CachedConfig) -> None:
    costs = result(cache_costs, config, _cache_dtype(config))
    st.markdown("##### Token by token")
    st.markdown(
        _CACHE.format(
            length=written_length(config),
            with_cache=in_words(costs.with_cache),
            without=in_words(costs.without),
            times=costs.without / costs.with_cache,
            last_with=in_words(costs.last_with_cache),
            last_without=in_words(costs.last_without),
            nbytes=format_bytes(costs.nbytes),
        )
    )


def _parameters(config: AnyConfig, model: ChosenModel | None) -> None:
    counted = parameters_of(config)
    st.markdown(f"##### {counted.count:,} parameters, term by term")
    if model is not None and model.is_published:
        preset = PRESETS[model.name]
        template = _EQUAL if counted.count == preset.published else _ROUNDED
        st.caption(template.format(source=preset.source))
    parameter_list.draw(counted)


def in_words(number: float) -> str:
    """A large number in three digits and the word for its thousands."""
    for unit in ("", " k", " M", " G", " T", " P"):
        if abs(number) < 1000:
            return f"{number:.3g}{unit}"
        number /= 1000
    return f"{number:,.3g} E"
