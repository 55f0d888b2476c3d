"""A person's own date, and what the trained model makes of it."""

from __future__ import annotations

import html

import streamlit as st

from engine.pretrained.date_check import doubt
from engine.runtime.decode import Decoded, NextToken
from engine.text import char_tokenizer, tokenizer
from pages.ui.app import frame
from pages.ui.app.markdown_escape import code, visible
from pages.ui.state import session
from pages.ui.state.settings import Settings
from pages.ui.traces.trace_cache import CannotRunError, decoded_of
from pages.ui.views.percentage import percent

_SURE = 0.9
_IS_SURE = "The model gives this answer a probability of {probability}."
_IS_LESS_SURE = (
    "The model gives this answer a probability of {probability}. It is least sure at position {position}, of {token} "
    "with {share}; next came {other} with {other_share}."
)
_READ_AS = "The source is read as {read}: digits of other scripts and full-width characters count as ASCII."


def draw(settings: Settings) -> None:
    """Draws the answer to the date in the source.

    Args:
        settings: those of the trace on screen, with trained weights.
    """
    try:
        written = decoded_of(settings)[0]
    except CannotRunError as error:
        st.error(str(error))
        return
    st.html(strip(written))
    st.caption(" ".join(filter(None, (how_sure(written), read_as(written, settings)))))
    draw_doubt(written)
    frame.link("pages/attention.py", "What every character looks at →", session.settings_now().to_query())


def strip(written: Decoded) -> str:
    """The answer as HTML: every character on a tint that is deeper the surer the model was, the percentage below."""
    cells = "".join(_cell(choice) for choice in written.choices)
    return f'<div class="answer">{cells}</div>'


def draw_doubt(written: Decoded) -> None:
    """Draws a warning where the answer is not to be relied on."""
    # What the model read, which need not be what was typed.
    read = "".join(written.traces[0].labels["S"][0][1:-1]).replace("␣", " ")
    if reason := doubt(read):
        st.warning(reason)


def _cell(choice: NextToken) -> str:
    share = percent(choice.probability)
    return (
        f'<span class="character" style="background: rgba(62, 107, 201, {0.06 + 0.3 * choice.probability:.2f})">'
        f"<b>{html.escape(visible(choice.token))}</b><small>{share}</small></span>"
    )


def how_sure(written: Decoded) -> str:
    """How probable the answer is to the model, and at which character it is least sure."""
    position, least = min(enumerate(written.choices), key=lambda pair: pair[1].probability)
    if least.probability >= _SURE:
        return _IS_SURE.format(probability=percent(written.probability))
    other, share = least.ranked[1]
    return _IS_LESS_SURE.format(
        probability=percent(written.probability),
        position=position,
        token=code(least.token),
        share=percent(least.probability),
        other=code(other),
        other_share=percent(share),
    )


def read_as(written: Decoded, settings: Settings) -> str:
    """How the trained model reads a source with other digits than 0 to 9.

    Args:
        written: the answer to that source.
        settings: those of the model.

    Returns:
        A sentence; nothing where the model reads what is written.
    """
    read = char_tokenizer.as_read(written.source)
    if not settings.trained or read == tokenizer.normalise(written.source):
        return ""
    return _READ_AS.format(read=code(read))
