"""Draws tensors: one stage of inputs, an operation and its output, in one component, with all hovering in the browser.

    selection = tensor_view([Panel("query", query, ("B", "H", "S", "d_k"), (None, None, words, None))], key="query")

The browser is sent at most 300 kB: windows of what is too large, with true indices and controls to reach the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from pages.ui.tensor_view.pack import drawable, pack
from pages.ui.tensor_view.parts import AxisLabels, Index, Operation, Panel, Selection
from pages.ui.tensor_view.state import latest, pin_of, valid_pin, valid_starts
from pages.ui.tensor_view.window import Reads, Window

__all__ = ["AxisLabels", "Operation", "Panel", "Selection", "tensor_view"]

_HERE = Path(__file__).parent
_SCRIPTS = (
    "decode.js",
    "reads.js",
    "text.js",
    "scale.js",
    "layout.js",
    "paint.js",
    "panel.js",
    "operation.js",
    "controls.js",
    "tensor_view.js",
)


def _script() -> str:
    """The scripts as one module, without indentation and comment lines: it travels with every update."""
    lines = [line.strip() for name in _SCRIPTS for line in (_HERE / name).read_text("utf-8").splitlines()]
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def _style() -> str:
    return "\n".join(line.strip() for line in (_HERE / "tensor_view.css").read_text("utf-8").splitlines())


_component = st.components.v2.component("tensor_shape_explorer.tensor_view", css=_style(), js=_script())


def tensor_view(
    panels: Sequence[Panel],
    *,
    key: str,
    reads: Reads | None = None,
    operation: Operation | None = None,
    choice: Mapping[str, int] | None = None,
    height: int | None = None,
    pinned: tuple[int, Index] | None = None,
) -> Selection:
    """Draw a stage: the last panel is the output, those before it are the inputs; a single panel is just a tensor.

    `reads` has one entry for each input panel, saying which of its cells one output cell reads:

        {"kind": "affine", "axes": [...]}    one of these for each axis of the input:
              {"out": j}                         the index of output axis j (0 where the input has size 1)
              {"out": j, "start": s, "step": t}  s + t · the index of output axis j
              {"all": True}                      every position
              {"at": k}                          position k
            and maybe "when": {"out": j, "first": a, "end": b, "minus": i}: only outputs whose index along j, less that
            along i, is in a … b − 1 read this input (each of first, end and minus may be missing)
        {"kind": "flat"}                     the cell at the same place in row-major order
        {"kind": "gather", "axis": a, "ids": p, "rest": [...]}
                                             along axis a, the position that panel p holds at the output's leading
                                             indices; along the other axes, as `rest` says, in order
        {"kind": "none"}                     not known, or nothing

    `choice` and `pinned` are where a person starts; passing other values later, such as those of a link that was
    opened, moves the view there. In between, what the person does in the browser holds. `choice` names axes by symbol
    and takes what `Selection.choice` and `Selection.offset` return.
    """
    panels = [drawable(panel) for panel in panels]
    state: Mapping[str, Any] = st.session_state.get(key) or {}
    view, pin = state.get("view") or {}, state.get("pinned") or {}
    memory = st.session_state.setdefault(f"{key}:memory", {"at": {}, "pin": {}})
    before = memory["at"].get("held", {})
    chosen = valid_starts(view["at"]) if "at" in view else None
    at, from_page = latest(memory["at"], valid_starts(dict(choice or {})), chosen)
    if from_page:
        at = {**before, **at}  # axes the page does not name stay where they are
    held, from_page = latest(memory["pin"], pin_of(panels, pinned), pin.get("cell"))
    kept = valid_pin(panels, held)
    packed = pack(
        panels,
        reads=reads,
        operation=operation,
        at=at,
        pinned=kept,
        show_pin=from_page,
        seen={"view": view.get("n", 0), "pinned": pin.get("n", 0)},
    )
    memory["at"]["held"] = packed.at
    _component(
        key=key,
        data=packed.data,
        height="content" if height is None else height,
        on_view_change=_nothing,
        on_pinned_change=_nothing,
    )
    return _selection(packed.windows, kept)


def _selection(shown: Sequence[Window], pinned: tuple[int, Index] | None) -> Selection:
    cut = [span for window in shown for span in window.spans if not span.whole]
    # The output comes last and has the last word: what is one index there counts as chosen.
    choice = {span.key: span.start for span in cut if span.count == 1}
    offset = {span.key: span.start for span in cut if span.count > 1 and span.key not in choice}
    return Selection(pinned, choice, offset)


def _nothing() -> None:
    """A component's state is kept only under names that have a callback; the rerun itself is all we need."""
