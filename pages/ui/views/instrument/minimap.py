"""The whole model one size down: it shows which block is open, and a press opens another."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial

from engine import Step, Trace
from engine.graph.model_map import block_label
from engine.graph.module_paths import display_name, is_inside
from engine.graph.strip_box import Strip, StripBox
from pages.ui.components.shape_strip import ModelMap
from pages.ui.state import session
from pages.ui.state.url_step import step_to_key
from pages.ui.traces.trace_analyses import model_map

# The hue of a block by what its name has in it; the first that fits.
_HUES = (("cross", "weights"), ("attention", "scores"), ("attn", "scores"), ("embed", "embedding"))
_FEWEST = 2  # blocks from which there is something to choose between


def minimap(trace: Trace, on_step: Callable[[str], None]) -> ModelMap | None:
    """The map of a model.

    Args:
        trace: a recording of anything.
        on_step: gets the address of the first step of the block that was pressed. It is called before the next run.

    Returns:
        The map; None for a program without modules, or of a single block.
    """
    strip = model_map(trace)
    if len(strip.boxes) < _FEWEST:
        return None
    return ModelMap(
        strip,
        display_name(""),
        hues=[_hue(box.name) for box in strip.boxes],
        labels=[block_label(box.name) for box in strip.boxes],
        on_pick=partial(_pick, weakref.ref(trace), strip, on_step),
    )


def _hue(name: str) -> str:
    last = name.rpartition(".")[2]
    return next((hue for word, hue in _HUES if word in last), "output")


def _pick(drawn: weakref.ref[Trace], strip: Strip, on_step: Callable[[str], None], index: int) -> None:
    """Opens a block: its own strip is drawn, and its first step is open."""
    trace = drawn()
    if trace is None:
        return  # another run has taken its place, and is drawn next
    box = next(box for box in strip.boxes if box.step == index)
    session.change_view(scope=None)
    on_step(step_to_key(trace, opening_step(trace, box)))


def opening_step(trace: Trace, box: StripBox) -> Step:
    """The first step of a block that lies in the module that the block is named for, or else its first step."""
    inside = trace.steps[box.first : box.first + box.folded] if box.first is not None else ()
    return next((step for step in inside if box.name and is_inside(step.path, box.name)), inside[0])
