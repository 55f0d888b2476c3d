"""Draws tensors: one stage of inputs, an operation and its output, in one component, with all hovering in the browser.

    selection = tensor_view([Panel("query", query, ("B", "H", "S", "d_k"), (None, None, words, None))], key="query")

The browser is sent at most 300 kB: windows of what is too large, with true indices and controls to reach the rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from engine.ops.access import Index
from pages.ui.components.mount import script_of
from pages.ui.components.mount.sent_once import SentOnce
from pages.ui.components.tensor_view.bundle import join, within
from pages.ui.components.tensor_view.panel_numbers import drawable
from pages.ui.components.tensor_view.player_types import NavigationRequest, PinExplanation, navigation_request
from pages.ui.components.tensor_view.selection_sync import latest, pin_of, valid_pin, valid_starts
from pages.ui.components.tensor_view.types import (
    AxisDigit,
    AxisLabels,
    Badge,
    OperationCard,
    Panel,
    Selection,
    Slabs,
    SlabSide,
    Stage,
    Travel,
    to_json,
)
from pages.ui.components.tensor_view.window import Reads, Window
from pages.ui.components.tensor_view.wire_format import MOST_DATA, Packed, pack

__all__ = [
    "AxisDigit",
    "AxisLabels",
    "Badge",
    "OperationCard",
    "Panel",
    "Selection",
    "SlabSide",
    "Slabs",
    "Stage",
    "Travel",
    "seen_of",
    "send_ahead",
    "stage_bytes",
    "tensor_view",
    "walk_view",
]

_HERE = Path(__file__).parent
_PRESENT = 2**32 - 1  # no step: what further stages are asked for with
_STYLE = _HERE / "tensor_view.css"
_SCRIPT = _HERE / "tensor_view.js"

_component = SentOnce("tensor_view", _STYLE, _SCRIPT)
_ahead = st.components.v2.component("tensor_shape_explorer.prefetch", js=script_of(_HERE / "prefetch.js"))


def tensor_view(
    panels: Sequence[Panel],
    *,
    key: str,
    reads: Reads | None = None,
    operation: OperationCard | None = None,
    choice: Mapping[str, int] | None = None,
    height: int | None = None,
    pinned: tuple[int, Index] | None = None,
    travel: Travel | None = None,
) -> Selection:
    """Draws a stage of tensors.

    Args:
        panels: the inputs, and the output last; a single panel is just a tensor.
        key: the component's key on the page.
        reads: an access map (`engine.ops.access`) for each input: which of its cells one output cell reads.
        operation: the card between inputs and output.
        choice: where each axis, by symbol, begins; takes what `Selection.choice` and `Selection.offset` return.
        height: pixels; by default as high as its content.
        pinned: the panel and index of the pinned cell.
        travel: how the cells of a step that only moves them are animated from the input to the output.

    `choice` and `pinned` are where a person starts. Passing other values later, such as those of a link that was
    opened, moves the view there; in between, what the person does in the browser holds.

    Returns:
        What the person has selected.
    """
    stage = Stage(panels, reads, operation, travel=travel)
    return walk_view(stage, key=key, choice=choice, height=height, pinned=pinned)


def walk_view(
    stage: Stage,
    *,
    key: str,
    choice: Mapping[str, int] | None = None,
    height: int | None = None,
    pinned: tuple[int, Index] | None = None,
    explain_pin: Callable[[int, Index], PinExplanation | None] | None = None,
    on_go: Callable[[NavigationRequest], None] | None = None,
    on_change: Callable[[], None] | None = None,
) -> Selection:
    """Draws a stage of a walk through many: `tensor_view`, with a player and with what made the pinned number.

    A page with a player keeps the `Selection`, and passes it as `pinned` and `choice` the next time.

    Args:
        stage: what is drawn.
        key: the component's key on the page.
        choice: as in `tensor_view`.
        height: as in `tensor_view`.
        pinned: as in `tensor_view`.
        explain_pin: returns what made the pinned cell, called with its panel and index.
        on_go: called before the next run with where the person asked to go.
        on_change: called before the next run when they pinned a cell or asked for other parts of the axes.

    Returns:
        What the person has selected.
    """
    panels = [drawable(panel) for panel in stage.panels]
    state: Mapping[str, Any] = st.session_state.get(key) or {}
    view, pin = state.get("view") or {}, state.get("pinned") or {}
    memory = st.session_state.setdefault(f"{key}:memory", {"at": {}, "pin": {}})
    before = memory["at"].get("held", {})
    chosen = valid_starts(view["at"]) if "at" in view else None
    adopted = stage.player is not None
    at, from_page = latest(memory["at"], valid_starts(dict(choice or {})), chosen, view.get("n", 0), adopted)
    if from_page and not adopted:
        at = {**before, **at}  # axes the page does not name stay where they are
    step = None if stage.player is None else stage.player.step
    held, from_page = latest(memory["pin"], pin_of(panels, pinned, step), pin.get("cell"), pin.get("n", 0), adopted)
    kept = valid_pin(panels, held, step)
    seen = _seen(state)
    explanation = explain_pin(*kept) if explain_pin is not None and kept is not None else None
    packed = _packed(stage, at, seen, kept, from_page, explanation)
    memory["at"]["held"] = packed.at
    memory["left"] = MOST_DATA - len(packed.data)
    with st.container(gap=None):
        _component.mount(
            key=key,
            data=packed.data,
            height="content" if height is None else height,
            on_view_change=on_change or _nothing,
            on_pinned_change=on_change or _nothing,
            on_go_change=_nothing if on_go is None else partial(_went, key, on_go),
        )
    return _selection(packed.windows, kept)


def send_ahead(stages: Iterable[tuple[int, Stage]], *, key: str, offer: int, moves: int | None) -> None:
    """Sends stages of a walk ahead, so that the browser can go to them without waiting for Python.

    To be called last, after the `walk_view` with this key.

    Args:
        stages: each with its step, in the order of how probably people go to it. As many are sent as there is room for
            beside the stage on screen.
        key: the key of the `walk_view`.
        offer: the number under which the browser may ask for further stages ahead.
        moves: how many moves of a size these stages know of; None where a size does not lead to another stage.
    """
    state: Mapping[str, Any] = st.session_state.get(key) or {}
    memory = st.session_state[f"{key}:memory"]
    packed = ((step, _packed(stage, memory["at"]["held"], _seen(state)).data) for step, stage in stages)
    present = json.dumps({"offer": offer, "moves": moves}).encode()
    data = join([(_PRESENT, present), *within(packed, memory["left"])])
    _ahead(key=f"{key}:ahead", data=data, height="content")


def seen_of(key: str) -> dict[str, int]:
    """The number of the last request of each kind that Python has had from the `walk_view` with this key."""
    return _seen(st.session_state.get(key) or {})


def stage_bytes(
    stage: Stage,
    at: Mapping[str, int],
    seen: Mapping[str, int],
    pinned: tuple[int, Index] | None = None,
    explanation: PinExplanation | None = None,
) -> bytes:
    """What the browser is sent of a stage; for where there is no session.

    Args:
        stage: what is drawn.
        at: where the windows of the axes begin.
        seen: as ``seen_of`` returns it.
        pinned: the panel and index of the pinned cell.
        explanation: what made it.
    """
    return _packed(stage, at, seen, pinned, explanation=explanation).data


def _seen(state: Mapping[str, Any]) -> dict[str, int]:
    """The number of the last request of each kind that Python has had from the browser."""
    return {kind: (state.get(kind) or {}).get("n", 0) for kind in ("view", "pinned", "go")}


def _packed(
    stage: Stage,
    at: Mapping[str, int],
    seen: Mapping[str, int],
    pinned: tuple[int, Index] | None = None,
    show_pin: bool = False,
    explanation: PinExplanation | None = None,
) -> Packed:
    parts = (("player", stage.player), ("explanation", explanation), ("travel", stage.travel))
    header = {name: part and to_json(part) for name, part in parts}
    return pack(
        stage.panels,
        reads=stage.reads,
        operation=stage.operation,
        at=at,
        pinned=pinned,
        show_pin=show_pin,
        seen=seen,
        header=header,
    )


def _went(key: str, on_go: Callable[[NavigationRequest], None]) -> None:
    request = navigation_request((st.session_state.get(key) or {}).get("go"))
    if request is not None:
        on_go(request)


def _selection(shown: Sequence[Window], pinned: tuple[int, Index] | None) -> Selection:
    cut = [span for window in shown for span in window.spans if not span.whole]
    # The output comes last and has the last word: what is one index there counts as chosen.
    choice = {span.key: span.start for span in cut if span.count == 1}
    offset = {span.key: span.start for span in cut if span.count > 1 and span.key not in choice}
    return Selection(pinned, choice, offset)


def _nothing() -> None:
    """A component's state is kept only under names that have a callback; the rerun itself is all we need."""
