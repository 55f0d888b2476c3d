"""Where a step stands among the others, and the ways on from it."""

from __future__ import annotations

import re

from engine import Step, Trace
from engine.stages import in_layer, levels, next_of_kind
from pages.ui.tensor_view.walking import Jump, Player

_DWELL, _DWELL_MOVING = 1.6, 3.4  # seconds: a step whose cells travel needs longer to be seen
_LAYER = re.compile(r"(?<![^.])layers\.(\d+)(?=\.|$)")


def player_of(trace: Trace, step: Step, moves: bool) -> Player:
    """The player at a step; ``moves`` says whether its cells travel on the screen."""
    return Player(
        run=f"{id(trace):x}",
        step=step.index,
        last=len(trace.steps) - 1,
        path=(*_words(step.path), step.name),
        levels=levels(trace, step),
        jumps=(*_kind(trace, step), *_layers(trace, step), *_heads(step)),
        dwell=_DWELL_MOVING if moves else _DWELL,
    )


def _words(path: str) -> list[str]:
    """``encoder.layers.0.self_attention`` as people say it: encoder, layer 0, self-attention."""
    named = _LAYER.sub(r"layer \1", path)
    return [part.replace("_", "-") for part in named.split(".") if part]


def _kind(trace: Trace, step: Step) -> list[Jump]:
    found = next_of_kind(trace, step)
    says = f"step {found.index}, {found.full_name}" if found else f"this is the last {step.op} of the run"
    return [Jump(f"next {step.op} ▸", says, found and found.index)]


def _layers(trace: Trace, step: Step) -> list[Jump]:
    found = _LAYER.search(step.path)
    if found is None:
        return []
    number = int(found[1])
    jumps = []
    for by, label in ((-1, f"◂ layer {number - 1}"), (1, f"layer {number + 1} ▸")):
        other = in_layer(trace, step, by)
        if other is not None:
            jumps.append(Jump(label, f"the same step, {other.full_name}", other.index, keeps_pin=True))
    return jumps


def _heads(step: Step) -> list[Jump]:
    """The same cell in the heads beside."""
    if "H" not in step.axes or step.shape[step.axes.index("H")] < 2:
        return []
    axis = step.axes.index("H")
    return [Jump("head", "the same cell in another head", step.index, along=axis, by=by) for by in (-1, 1)]
