"""The whole model one size down: it shows which block is open, and a press opens another."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial

from engine import Step, Trace
from engine.graph.model_map import block_label, map_of
from engine.graph.module_paths import display_name
from engine.graph.strip_box import Strip
from pages.ui.components.shape_strip import model_map
from pages.ui.state import session
from pages.ui.state.url_step import step_to_key
from pages.ui.views.instrument.strip import opening_step

_KEY = "map"
# The hue of a block by what its name has in it; the first that fits.
_HUES = (("cross", "weights"), ("attention", "scores"), ("attn", "scores"), ("embed", "embedding"))
_FEWEST = 2  # blocks from which there is something to choose between


def draw(trace: Trace, step: Step, on_step: Callable[[str], None], *, key: str = _KEY) -> bool:
    """Draws the map of the model.

    Args:
        trace: a recording of anything.
        step: the step that is open; its block is marked.
        on_step: gets the address of the first step of the block that was pressed. It is called before the next run.
        key: the component's.

    Returns:
        Whether there is a map: a program without modules, or of a single block, has none.
    """
    strip = map_of(trace)
    if len(strip.boxes) < _FEWEST:
        return False
    model_map(
        strip,
        key=key,
        run=f"{id(trace):x}",
        here=step.index,
        title=display_name(""),
        hues=[_hue(box.name) for box in strip.boxes],
        labels=[block_label(box.name) for box in strip.boxes],
        on_pick=partial(_pick, weakref.ref(trace), strip, on_step),
    )
    return True


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
