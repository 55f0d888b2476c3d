"""A person's own date, and what the trained model makes of it."""

from __future__ import annotations

import dataclasses
import html

import streamlit as st

from engine.date_check import doubt
from engine.decode import Choice, Decoded
from pages.ui import frame, state, touched
from pages.ui.plain import code, visible
from pages.ui.settings import Settings
from pages.ui.traces import CannotRunError, decoded_of

_KEY = "front.date"
_SURE = 0.9


def draw(settings: Settings) -> None:
    """Draws an input for a date, and the answer."""
    state.show_in_widget(_KEY, settings.source.partition("\n")[0])
    st.text_input(
        "Write a date: in English or Korean, in words or numbers, from 1900 to 2099. The model learned to answer "
        "in the form 2026-11-21.",
        key=_KEY,
        on_change=touched.note,
        args=(_KEY, _typed),
    )
    try:
        written = decoded_of(settings)[0]
    except CannotRunError as error:
        st.error(str(error))
        return
    st.html(strip(written))
    st.caption(how_sure(written))
    draw_doubt(written)
    frame.link("pages/decoding.py", "Character by character →", state.settings_now().to_query())


def strip(written: Decoded) -> str:
    """The answer as HTML: every character on a tint as deep as the model was sure of it, the percentage below."""
    cells = "".join(_cell(choice) for choice in written.choices)
    return f'<div class="answer">{cells}</div>'


def draw_doubt(written: Decoded) -> None:
    """Says in what way the answer is not to be relied on, where it is not."""
    # What the model read, which need not be what was typed.
    read = "".join(written.traces[0].labels["S"][0][1:-1]).replace("␣", " ")
    if reason := doubt(read):
        st.warning(reason)


def _cell(choice: Choice) -> str:
    share = percent(choice.probability)
    return (
        f'<span class="character" style="background: rgba(62, 107, 201, {0.06 + 0.3 * choice.probability:.2f})">'
        f"<b>{html.escape(visible(choice.token))}</b><small>{share}</small></span>"
    )


def percent(share: float) -> str:
    """A probability in per cent. What is not certain is never rounded to certainty."""
    if share >= 0.9995:
        return "100 %" if share == 1 else "> 99.9 %"
    return f"{100 * share:.1f} %" if share >= 0.0005 else "< 0.1 %"


def how_sure(written: Decoded) -> str:
    """How probable the answer is to the model, and where it is least sure."""
    whole = f"The model gives this answer a probability of {percent(written.probability)}"
    place, least = min(enumerate(written.choices), key=lambda pair: pair[1].probability)
    if least.probability >= _SURE:
        return f"{whole}."
    other, share = least.ranked[1]
    return (
        f"{whole}. It is least sure at position {place}, of {code(least.token)} with "
        f"{percent(least.probability)}; next came {code(other)} with {percent(share)}."
    )


def _typed() -> None:
    state.change_settings(dataclasses.replace(state.settings_now(), source=st.session_state[_KEY], upto=None))
