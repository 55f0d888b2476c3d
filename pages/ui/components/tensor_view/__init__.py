"""Draws tensors: one stage of inputs, an operation and its output, in one component, with all hovering in the browser.

    selection = tensor_view([Panel("query", query, ("B", "H", "S", "d_k"), (None, None, words, None))], key="query")

The browser is sent at most 300 kB: windows of what is too large, with true indices and controls to reach the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from engine.ops.access import Index
from pages.ui.components.mount import component, script_of
from pages.ui.components.tensor_view.bundle import join, within
from pages.ui.components.tensor_view.player_types import Going, Made, going
from pages.ui.components.tensor_view.selection_sync import latest, pin_of, valid_pin, valid_starts
from pages.ui.components.tensor_view.types import AxisLabels, Badge, Operation, Panel, Selection, Stage, Travel, to_json
from pages.ui.components.tensor_view.window import Reads, Window
from pages.ui.components.tensor_view.wire_format import MOST_DATA, Packed, drawable, pack

__all__ = [
    "AxisLabels",
    "Badge",
    "Operation",
    "Panel",
    "Selection",
    "Stage",
    "Travel",
    "send_ahead",
    "tensor_view",
    "walk_view",
]

_HERE = Path(__file__).parent
_STYLE = _HERE / "tensor_view.css"
_SCRIPT = _HERE / "tensor_view.js"

_component = component(_STYLE, _SCRIPT)
_ahead = st.components.v2.component("tensor_shape_explorer.prefetch", js=script_of(_HERE / "prefetch.js"))


def tensor_view(
    panels: Sequence[Panel],
    *,
    key: str,
    reads: Reads | None = None,
    operation: Operation | None = None,
    choice: Mapping[str, int] | None = None,
    height: int | None = None,
    pinned: tuple[int, Index] | None = None,
    travel: Travel | None = None,
) -> Selection:
    """Draw a stage: the last panel is the output, those before it are the inputs; a single panel is just a tensor.

    `reads` has an access map (`engine.ops.access`) for each input panel: which of its cells one output cell reads.

    `choice` and `pinned` are where a person starts; passing other values later, such as those of a link that was
    opened, moves the view there. In between, what the person does in the browser holds. `choice` names axes by symbol
    and takes what `Selection.choice` and `Selection.offset` return. `travel` lets the cells of a step that only moves
    them fly from the input to the output.
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
    made: Callable[[int, Index], Made | None] | None = None,
    on_go: Callable[[Going], None] | None = None,
    on_else: Callable[[], None] | None = None,
) -> Selection:
    """A stage of a walk through many: `tensor_view`, with a player and with what made the pinned number.

    A page with a player keeps what is pinned and shown, as `Selection` says it, and passes it as `pinned` and `choice`
    the next time. `made` is asked about the pinned cell, by panel and index. `on_go` is called before the next run
    with where the person asked to go, and ``on_else`` when they pinned a cell or asked for other parts of the axes.
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
    said = made(*kept) if made is not None and kept is not None else None
    packed = _packed(stage, at, seen, kept, from_page, said)
    memory["at"]["held"] = packed.at
    memory["left"] = MOST_DATA - len(packed.data)
    _component(
        key=key,
        data=packed.data,
        height="content" if height is None else height,
        on_view_change=on_else or _nothing,
        on_pinned_change=on_else or _nothing,
        on_go_change=_nothing if on_go is None else partial(_went, key, on_go),
    )
    return _selection(packed.windows, kept)


def send_ahead(stages: Iterable[tuple[int, Stage]], *, key: str) -> None:
    """Sends stages of a walk, each with its step, so that the browser can go there without waiting for Python.

    To be called last, after the `walk_view` with this key: as many are sent as both of them together have room for.
    """
    state: Mapping[str, Any] = st.session_state.get(key) or {}
    memory = st.session_state[f"{key}:memory"]
    packed = ((step, _packed(stage, memory["at"]["held"], _seen(state)).data) for step, stage in stages)
    _ahead(key=f"{key}:ahead", data=join(within(packed, memory["left"])), height="content")


def _seen(state: Mapping[str, Any]) -> dict[str, int]:
    """The last thing of each kind that a person asked for and Python has heard of."""
    return {kind: (state.get(kind) or {}).get("n", 0) for kind in ("view", "pinned", "go")}


def _packed(
    stage: Stage,
    at: Mapping[str, int],
    seen: Mapping[str, int],
    pinned: tuple[int, Index] | None = None,
    show_pin: bool = False,
    made: Made | None = None,
) -> Packed:
    parts = (("player", stage.player), ("made", made), ("travel", stage.travel))
    around = {name: part and to_json(part) for name, part in parts}
    return pack(
        stage.panels,
        reads=stage.reads,
        operation=stage.operation,
        at=at,
        pinned=pinned,
        show_pin=show_pin,
        seen=seen,
        around=around,
    )


def _went(key: str, on_go: Callable[[Going], None]) -> None:
    asked = going((st.session_state.get(key) or {}).get("go"))
    if asked is not None:
        on_go(asked)


def _selection(shown: Sequence[Window], pinned: tuple[int, Index] | None) -> Selection:
    cut = [span for window in shown for span in window.spans if not span.whole]
    # The output comes last and has the last word: what is one index there counts as chosen.
    choice = {span.key: span.start for span in cut if span.count == 1}
    offset = {span.key: span.start for span in cut if span.count > 1 and span.key not in choice}
    return Selection(pinned, choice, offset)


def _nothing() -> None:
    """A component's state is kept only under names that have a callback; the rerun itself is all we need."""
