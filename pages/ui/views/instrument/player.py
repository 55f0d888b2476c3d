"""The player of a step: its position among the others, and the buttons that lead on from it."""

from __future__ import annotations

from engine import Step, Trace
from engine.graph.module_paths import ancestors, display_name
from engine.graph.timeline import levels, next_of_kind, same_step_in_layer
from pages.ui.components.tensor_view.player_types import Enclosing, Jump, Player

_DWELL, _DWELL_MOVING = 1.6, 3.4  # seconds: a step whose cells travel needs longer to be seen


def player_of(trace: Trace, step: Step, moves: bool, calls: tuple[Step, ...] = ()) -> Player:
    """The player at a step.

    Args:
        trace: the trace that is walked through.
        step: the step on the stage.
        moves: whether its cells are animated from the input to the output.
        calls: the fused calls that the step lies inside of, outermost first.
    """
    return Player(
        run=f"{id(trace):x}",
        step=step.index,
        last=len(trace.steps) - 1,
        path=(*map(display_name, ancestors(step.path)), step.name),
        levels=levels(trace, step),
        jumps=(*_kind(trace, step), *_layers(trace, step), *_heads(step)),
        dwell=_DWELL_MOVING if moves else _DWELL,
        within=Enclosing(calls[-1].name, calls[-1].index, tuple(call.index for call in calls[:-1])) if calls else None,
    )


def _kind(trace: Trace, step: Step) -> list[Jump]:
    label, following = f"next {step.op} ▸", next_of_kind(trace, step)
    if following is None:
        return [Jump(label, f"this is the last {step.op} of the run", None)]
    return [Jump(label, f"step {following.index}, {following.full_name}", following.index)]


def _layers(trace: Trace, step: Step) -> list[Jump]:
    jumps = []
    for by in (-1, 1):
        other = same_step_in_layer(trace, step, by)
        if other is not None:
            layer = display_name(
                next(module for module in ancestors(other.path) if module.rpartition(".")[2].isdecimal())
            )
            label = f"◂ {layer}" if by < 0 else f"{layer} ▸"
            jumps.append(Jump(label, f"the same step, {other.full_name}", other.index, keeps_pin=True))
    return jumps


def _heads(step: Step) -> list[Jump]:
    """The same cell in the head before and the head after."""
    if "H" not in step.axes or step.shape[step.axes.index("H")] < 2:
        return []
    axis = step.axes.index("H")
    return [Jump("head", "the same cell in another head", step.index, along=axis, by=by) for by in (-1, 1)]
