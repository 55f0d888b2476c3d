"""The drawer "More settings": what the model reads, and every size and switch that does not stand in the row of sizes.

Every widget shows the present settings; moving one changes them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from engine.config import ACTIVATIONS, DTYPES, OUTPUTS
from engine.runtime.devices import available_devices
from engine.text.tokenizer import MAX_SENTENCES
from pages.ui.app import frame
from pages.ui.app.markdown_escape import code
from pages.ui.settings_bar import saved_trace_controls
from pages.ui.state import session, size_rules
from pages.ui.state.settings import CHARACTERS, RANDOM, RANGES, SENTENCES, TOKENS, TRAINED, WORDS, Settings
from pages.ui.traces.trace_cache import CannotRunError, decoded_of

# Sizes people use; the present one is always among those offered.
WIDTHS = (8, 12, 16, 24, 32, 40, 48, 64, 80, 96, 120, 128, 160, 192, 240, 256, 320, 384, 480, 512, 640, 768, 896, 1024)
_HIDDEN = (16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096)
_MOST_ANSWERS = 3
_WRITES, _WRITES_MORE = "The model writes {answers}", "The model writes {answers} and {more} more"
_NORMS = {False: "after (post-norm)", True: "before (pre-norm)"}
_WEIGHTS = {TRAINED: "Trained on dates", RANDOM: "Random"}
_INPUTS = {CHARACTERS: "Characters", WORDS: "Words", TOKENS: "Generated"}


def draw(settings: Settings) -> None:
    """Draws the inside of the drawer.

    Args:
        settings: what the controls show.
    """
    if settings.opened:
        saved_trace_controls.draw_open_another(settings.opened)
        return
    _input(settings)
    if session.page() not in ("pages/attention.py", frame.DECODING):  # where a press on a character chooses the step
        _decoding_step(settings)
    _slider("encoder_layers", "Encoder layers", settings)
    _slider("decoder_layers", "Decoder layers", settings)
    _choice_slider("d_ff", "d_ff", _HIDDEN, settings)
    _more(settings)
    saved_trace_controls.draw_open_another("")


def _input(settings: Settings) -> None:
    _segments("weights", "Weights", _WEIGHTS, settings.config.weights, _set_weights)
    _segments("reads", "The model reads", _INPUTS, size_rules.input_of(settings), _set_input)
    if settings.reads == SENTENCES:
        _text("source", f"Source, one sentence a line, at most {MAX_SENTENCES}", settings.source)
        _text("target", "Target, a line for each", settings.target, "empty: what the model writes")


def _segments(name: str, label: str, options: dict[str, str], value: str, on_choice: Callable[[str], None]) -> None:
    key, start = session.widget(name, value)
    st.segmented_control(
        label,
        tuple(options),
        default=start,
        format_func=options.__getitem__,
        key=key,
        required=True,
        on_change=session.chosen(name, key, on_choice),
        width="stretch",
    )


def _text(name: str, label: str, text: str, placeholder: str | None = None) -> None:
    key, start = session.widget(name, text)
    callback = session.chosen(name, key, partial(_set_text, name))
    st.text_area(label, start, key=key, height=68, placeholder=placeholder, on_change=callback)


def _decoding_step(settings: Settings) -> None:
    """How far the model has written: every step of decoding is a run of its own."""
    if not settings.writes:
        return
    try:
        written = decoded_of(settings)
    except CannotRunError:
        return  # the page says why
    last = max(len(line.choices) for line in written) - 1
    if last < 1:
        return
    key, start = session.widget("upto", last if settings.upto is None else min(settings.upto, last), last)
    callback = session.chosen("upto", key, partial(_set_upto, last))
    st.slider("Decoding step: characters written so far", 0, last, start, key=key, on_change=callback)
    answers = ", ".join(code(line.text) for line in written[:_MOST_ANSWERS])
    more = len(written) - _MOST_ANSWERS
    st.caption((_WRITES_MORE if more > 0 else _WRITES).format(answers=answers, more=more))


def _more(settings: Settings) -> None:
    _number("d_k", "d_k, width of a query and a key", settings)
    _number("d_v", "d_v, width of a value", settings)
    config = settings.config
    share = config.d_model // config.heads
    if config.d_model % config.heads == 0 and (config.d_k, config.d_v) != (share, share):
        st.button(f"Back to d_model ÷ heads = {share}", key="follow", on_click=_follow)
    _select("norm_first", "LayerNorm", tuple(_NORMS), settings, _NORMS.__getitem__)
    _select("activation", "Activation", ACTIVATIONS, settings)
    _select("output", "Output", OUTPUTS, settings)
    _toggle("padding_mask", "Padding mask", settings)
    _toggle("causal_mask", "Causal mask", settings)
    _number("seed", "Seed of weights and generated tokens", settings)
    _number("vocab_size", "Vocabulary, in tokens", settings)
    _select("dtype", "dtype", DTYPES, settings)
    _select("device", "Device", ("auto", *available_devices()), settings)


def _slider(name: str, label: str, settings: Settings) -> None:
    low, high = RANGES[name]
    key, start = session.widget(name, min(max(getattr(settings.config, name), low), high))
    st.slider(label, low, high, start, key=key, on_change=session.chosen(name, key, partial(set_size, name)))


def _choice_slider(name: str, label: str, usual: tuple[int, ...], settings: Settings) -> None:
    key, start = session.widget(name, getattr(settings.config, name))
    # The options are the widget's for as long as it stands: a browser says which of them it shows by their places.
    offered = sorted({*usual, start})
    st.select_slider(label, offered, start, key=key, on_change=session.chosen(name, key, partial(set_size, name)))


def _number(name: str, label: str, settings: Settings) -> None:
    low, high = RANGES[name]
    key, start = session.widget(name, min(max(getattr(settings.config, name), low), high))
    callback = session.chosen(name, key, partial(set_size, name))
    st.number_input(label, low, high, start, key=key, step=1, on_change=callback)


def _select(
    name: str, label: str, options: tuple[Any, ...], settings: Settings, show: Callable[[Any], str] = str
) -> None:
    key, start = session.widget(name, getattr(settings.config, name))
    offered = options if start in options else (*options, start)
    callback = session.chosen(name, key, partial(set_size, name))
    st.selectbox(label, offered, offered.index(start), format_func=show, key=key, on_change=callback)


def _toggle(name: str, label: str, settings: Settings) -> None:
    key, start = session.widget(name, getattr(settings.config, name))
    st.toggle(label, start, key=key, on_change=session.chosen(name, key, partial(set_size, name)))


def set_size(name: str, value: Any) -> None:
    """Moves one size or switch of the config, whatever must follow following. To be called from a widget's callback."""
    settings = session.settings_now()
    changed, moves = size_rules.move(settings, session.moves(), name, value, partial(written, settings))
    session.change_settings(changed, moves)


def written(settings: Settings) -> str:
    """What the model writes as the target."""
    try:
        return "\n".join(line.text for line in decoded_of(settings))
    except CannotRunError:
        return ""


def _set_weights(weights: str) -> None:
    settings = session.settings_now()
    session.change_settings(*size_rules.choose_weights(settings, session.moves(), weights, partial(written, settings)))


def _set_input(reads: str) -> None:
    settings = session.settings_now()
    session.change_settings(*size_rules.choose_input(settings, session.moves(), reads, partial(written, settings)))


def _set_upto(last: int, chosen: int) -> None:
    session.change_settings(dataclasses.replace(session.settings_now(), upto=None if chosen == last else chosen))


def _set_text(name: str, text: str) -> None:
    changes: Any = {name: text, "upto": None}
    session.change_settings(dataclasses.replace(session.settings_now(), **changes))


def _follow() -> None:
    session.change_settings(*size_rules.follow(session.settings_now(), session.moves()))


def set_source(text: str) -> None:
    """Sets the text that the encoder reads. To be called from a widget's callback."""
    _set_text("source", text)


def undo() -> None:
    """Goes back to the trained weights. To be called from a widget's callback."""
    session.change_settings(*size_rules.undo(session.settings_now(), session.moves()))
