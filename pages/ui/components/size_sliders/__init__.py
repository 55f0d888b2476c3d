"""The sizes as native sliders, each in its axis' colour, which say every value while they are dragged.

Streamlit's own slider tells nothing until it is let go. What is dragged here is told to whatever draws shapes in the
browser, with all sizes that follow, and to Python when it is let go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from pages.ui.app.palette import axis_colour
from pages.ui.components.mount import script_of

_HERE = Path(__file__).parent

_component = st.components.v2.component(
    "tensor_shape_explorer.size_sliders",
    css=(_HERE / "size_sliders.css").read_text("utf-8"),
    js=script_of(_HERE / "size_sliders.js"),
)


@dataclass(frozen=True)
class SizeSlider:
    """A size that can be moved.

    Attributes:
        name: what it is called in ``Config``.
        symbol: its axis.
        label: what people call it, the axis first: ``H heads``.
        value: what it is.
        foreseen: each value that it can be moved to → how long every axis that changes will be then.
        by_stops: whether the values stand at equal distances on the slider, not where their sizes put them.
    """

    name: str
    symbol: str
    label: str
    value: int
    foreseen: Mapping[int, Mapping[str, int]]
    by_stops: bool = False


@dataclass(frozen=True)
class FixedSize:
    """A size that follows from something else, as the length does from a text.

    Attributes:
        symbol: its axis.
        label: what people call it, the axis first.
        value: what it is.
    """

    symbol: str
    label: str
    value: int


@dataclass(frozen=True)
class Status:
    """The line below the sizes.

    Attributes:
        source: the text to edit here; None where it is more than one line, or no text at all.
        reads: what the model reads, or what it makes of that text.
        weights: what its weights are.
        has_undo: whether a move made them random, and can be undone.
    """

    source: str | None
    reads: str
    weights: str
    has_undo: bool


def size_sliders(
    fixed: Sequence[FixedSize],
    sliders: Sequence[SizeSlider],
    *,
    key: str,
    sizes: Mapping[str, int],
    status: Status,
    on_size: Callable[[str, int], None],
    on_undo: Callable[[], None],
    on_source: Callable[[str], None],
) -> None:
    """Draws the sizes in one row, and a line below them. There is one on a page.

    Args:
        fixed: what cannot be moved, and is shown in front of what can.
        sliders: what can be moved.
        key: the component's.
        sizes: how long each axis is now.
        status: the line below.
        on_size: gets the name and the value of a slider that was let go.
        on_undo: called when a person wants the weights back.
        on_source: gets the text that a person wrote in the place of ``status.source``.
    """
    heard = _heard(key)
    symbols = {"d_k", "d_model", "H", *(slider.symbol for slider in sliders), *(size.symbol for size in fixed)}
    data = {
        "sliders": [vars(slider) for slider in sliders],
        "fixed": [vars(size) for size in fixed],
        "sizes": dict(sizes),
        "status": vars(status),
        "tones": {symbol: [axis_colour(symbol), axis_colour(symbol, dark=True)] for symbol in symbols},
        "heard": st.session_state.get(heard, 0),
    }

    def moved() -> None:
        moved_size: Mapping[str, Any] = st.session_state[key]["size"] or {}
        st.session_state[heard] = moved_size.get("turn", 0)
        slider = next((slider for slider in sliders if slider.name == moved_size.get("name")), None)
        if slider is not None and moved_size.get("value") in slider.foreseen:  # a browser is not trusted
            on_size(slider.name, moved_size["value"])

    def written() -> None:
        text = st.session_state[key]["source"]
        if status.source is not None and isinstance(text, str) and text.strip() and "\n" not in text:
            on_source(text)

    _component(
        key=key,
        data=data,
        height="content",
        on_size_change=moved,
        on_undo_change=on_undo,
        on_source_change=written,
    )


def size_moves(key: str = "sizes") -> int:
    """How many moves of the sizes with this key Python has had from this session's browser."""
    return int(st.session_state.get(_heard(key), 0))


def _heard(key: str) -> str:
    return f"{key}:heard"
