"""The settings in the sidebar. Every widget shows the settings and, when moved, makes new ones of them."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import streamlit as st

from engine import Trace
from engine.config import ACTIVATIONS, DTYPES, OUTPUTS
from engine.device import present
from engine.text import MAX_SENTENCES
from pages.ui import state, touched
from pages.ui.folded import folded
from pages.ui.plain import code
from pages.ui.settings import RANDOM, RANGES, SENTENCES, TOKENS, TRAINED, Settings, move, with_weights
from pages.ui.traces import CannotRunError, decoded_of

# Sizes people use; the present one is always among those offered.
_WIDTHS = (8, 12, 16, 24, 32, 40, 48, 64, 80, 96, 120, 128, 160, 192, 240, 256, 320, 384, 480, 512, 640, 768, 896, 1024)
_HIDDEN = (16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096)
_MOVED, _LEFT = "explorer.moved", "explorer.left"
_NORMS = {False: "after (post-norm)", True: "before (pre-norm)"}


def draw(settings: Settings, trace: Trace | None) -> None:
    """Draws every control with the present settings."""
    with st.sidebar:
        _input(settings, trace)
        _model(settings)
        folded("More", "more", partial(_more, settings))


def _input(settings: Settings, trace: Trace | None) -> None:
    state.show_in_widget("weights", settings.config.weights)
    st.segmented_control(
        "Weights",
        (TRAINED, RANDOM),
        format_func={TRAINED: "Trained on dates", RANDOM: "Random"}.__getitem__,
        key="weights",
        required=True,
        on_change=touched.note,
        args=("weights", _set_weights),
        width="stretch",
    )
    if settings.trained:
        _texts(
            (f"Dates as people write them, one a line, at most {MAX_SENTENCES}", "Target, empty: what the model writes")
        )
        if state.page() != "pages/decoding.py":  # which has this slider beside what it shows
            _decoding_step(settings)
        return
    state.show_in_widget("reads", settings.reads)
    st.segmented_control(
        "Input",
        (SENTENCES, TOKENS),
        format_func={SENTENCES: "Sentences", TOKENS: "Generated tokens"}.__getitem__,
        key="reads",
        required=True,
        on_change=touched.note,
        args=("reads", _set_input, "reads"),
        width="stretch",
    )
    if settings.reads == SENTENCES:
        _texts((f"Source, one sentence a line, at most {MAX_SENTENCES}", "Target, a line for each"))
        sizes = None if trace is None else trace.config
        if sizes is not None:
            st.caption(
                f"Batch {sizes.batch} · source length {sizes.src_len} · target length {sizes.tgt_len}, in tokens"
            )
    else:
        _slider("batch", "Batch", settings)
        _slider("src_len", "Source length", settings)
        _slider("tgt_len", "Target length", settings)


def _texts(labels: tuple[str, str]) -> None:
    for name, label in zip(("source", "target"), labels, strict=True):
        state.show_in_widget(name, getattr(state.settings_now(), name))
        st.text_area(label, key=name, height=68, on_change=touched.note, args=(name, _set_input, name))


def _decoding_step(settings: Settings) -> None:
    """How far the model has written: every step of decoding is a run of its own."""
    if not settings.writes:
        return
    try:
        written = decoded_of(settings)
    except CannotRunError:
        return  # the page says why
    last = max(len(one.choices) for one in written) - 1
    if last < 1:
        return
    state.show_in_widget("upto", last if settings.upto is None else min(settings.upto, last))
    st.slider(
        "Decoding step: characters written so far",
        0,
        last,
        key="upto",
        on_change=touched.note,
        args=("upto", _set_upto, last),
    )
    answers = ", ".join(code(one.text) for one in written[:3])
    st.caption(f"The model writes {answers}" + (f" and {len(written) - 3} more" if len(written) > 3 else ""))


def _model(settings: Settings) -> None:
    config = settings.config
    if settings.trained:
        st.caption("The trained weights have the sizes below. Moving one of them makes all weights random.")
    _slider("heads", "Heads", settings)
    _choice_slider("d_model", "d_model", _WIDTHS, settings)
    moved = st.session_state.pop(_MOVED, "")
    if moved:
        st.caption(f":orange[{moved}]")
    elif config.d_k == config.d_v and config.d_k * config.heads == config.d_model:
        st.caption(f"d_k = d_v = {config.d_model} ÷ {config.heads} = {config.d_k}")
    else:
        st.caption(f"d_k = {config.d_k}, d_v = {config.d_v}, set apart from d_model ÷ heads")
    if _LEFT in st.session_state and not settings.trained:
        st.button(
            "Back to the trained model",
            key="back_to_trained",
            on_click=touched.note,
            args=("back_to_trained", _back_to_trained),
        )
    _slider("encoder_layers", "Encoder layers", settings)
    _slider("decoder_layers", "Decoder layers", settings)
    _choice_slider("d_ff", "d_ff", _HIDDEN, settings)


def _more(settings: Settings) -> None:
    _number("d_k", "d_k, width of a query and a key", settings)
    _number("d_v", "d_v, width of a value", settings)
    config = settings.config
    share = config.d_model // config.heads
    if config.d_model % config.heads == 0 and (config.d_k, config.d_v) != (share, share):
        st.button(f"Back to d_model ÷ heads = {share}", key="follow", on_click=touched.note, args=("follow", _follow))
    _select("norm_first", "LayerNorm", tuple(_NORMS), settings, _NORMS.__getitem__)
    _select("activation", "Activation", ACTIVATIONS, settings)
    _select("output", "Output", OUTPUTS, settings)
    _toggle("padding_mask", "Padding mask", settings)
    _toggle("causal_mask", "Causal mask", settings)
    _number("seed", "Seed of weights and generated tokens", settings)
    _number("vocab_size", "Vocabulary, in tokens", settings)
    _select("dtype", "dtype", DTYPES, settings)
    _select("device", "Device", ("auto", *present()), settings)


def _slider(name: str, label: str, settings: Settings) -> None:
    low, high = RANGES[name]
    state.show_in_widget(name, min(max(getattr(settings.config, name), low), high))
    st.slider(label, low, high, key=name, on_change=touched.note, args=(name, _set_config, name))


def _choice_slider(name: str, label: str, usual: tuple[int, ...], settings: Settings) -> None:
    value = getattr(settings.config, name)
    state.show_in_widget(name, value)
    st.select_slider(label, sorted({*usual, value}), key=name, on_change=touched.note, args=(name, _set_config, name))


def _number(name: str, label: str, settings: Settings) -> None:
    low, high = RANGES[name]
    state.show_in_widget(name, min(max(getattr(settings.config, name), low), high))
    st.number_input(label, low, high, key=name, step=1, on_change=touched.note, args=(name, _set_config, name))


def _select(name: str, label: str, options: tuple[Any, ...], settings: Settings, said: Any = str) -> None:
    value = getattr(settings.config, name)
    state.show_in_widget(name, value)
    offered = options if value in options else (*options, value)
    st.selectbox(label, offered, format_func=said, key=name, on_change=touched.note, args=(name, _set_config, name))


def _toggle(name: str, label: str, settings: Settings) -> None:
    state.show_in_widget(name, getattr(settings.config, name))
    st.toggle(label, key=name, on_change=touched.note, args=(name, _set_config, name))


def _set_config(name: str) -> None:
    settings = state.settings_now()
    value = st.session_state[name]
    if value is None:
        return
    config, moved = move(settings.config, name, value)
    st.session_state[_MOVED] = moved
    changed = dataclasses.replace(settings, config=config)
    if settings.trained and not changed.trained:
        st.session_state[_LEFT] = settings
        changed = dataclasses.replace(changed, target=_written(settings), upto=None)
    state.change_settings(changed)


def _written(settings: Settings) -> str:
    """What stands as the target, also where that is what the model writes."""
    if not settings.writes:
        return settings.target
    try:
        return "\n".join(one.text for one in decoded_of(settings))
    except CannotRunError:
        return ""


def _back_to_trained() -> None:
    """One press after a size was moved: everything as it was before."""
    state.change_settings(st.session_state.pop(_LEFT))


def _set_weights() -> None:
    settings = state.settings_now()
    st.session_state.pop(_LEFT, None)
    state.change_settings(with_weights(settings, st.session_state["weights"], _written(settings)))


def _set_upto(last: int) -> None:
    chosen = st.session_state["upto"]
    state.change_settings(dataclasses.replace(state.settings_now(), upto=None if chosen == last else chosen))


def _follow() -> None:
    """d_k and d_v to what follows from d_model and heads, as they go on doing from there."""
    settings = state.settings_now()
    config = settings.config.change(d_k=None, d_v=None)
    state.change_settings(dataclasses.replace(settings, config=config))


def _set_input(name: str) -> None:
    changes = {name: st.session_state[name], "upto": None}
    state.change_settings(dataclasses.replace(state.settings_now(), **changes))
