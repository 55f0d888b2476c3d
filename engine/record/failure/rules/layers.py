"""Norms of other sizes than their input, and losses whose classes or labels do not fit."""

from __future__ import annotations

from engine.record.failure.failing_call import FailingCall
from engine.record.failure.failure import Diagnosis, OperandAxis

_NORM = "{op} was made for {size} numbers on the last axis: {x} has {axis} there."
_NORM_REMEDIES = {"layer_norm": "nn.LayerNorm({size}) for this input", "rms_norm": "nn.RMSNorm({size}) for this input"}
_CLASSES = (
    "{op} needs the classes on axis 1: {x} has {axis} there, and {labels} {shape} has a label for each cell of "
    "{before}."
)
_LABEL = "{x} has {classes} classes, so a label goes from 0 to {last}: {labels}[{where}] is {value:,}."
_LABEL_REMEDY = "ignore_index={value}, if this label means no class"
NORMS = frozenset(_NORM_REMEDIES)
LOSSES = frozenset(("cross_entropy", "nll_loss"))


def norm(call: FailingCall) -> Diagnosis | None:
    """A norm over the last axis whose size is not that of the input."""
    sizes = call.kwargs.get("normalized_shape", call.args[1] if len(call.args) > 1 else None)
    x = call.operands[0]
    if not isinstance(sizes, list | tuple) or len(sizes) != 1 or not x.shape or x.shape[-1] == sizes[0]:
        return None
    last = len(x.shape) - 1
    reason = _NORM.format(op=call.op, size=sizes[0], x=x.name, axis=x.axis_text(last))
    return Diagnosis(reason, _NORM_REMEDIES[call.op].format(size=x.shape[-1]), (OperandAxis(0, last),))


def labels(call: FailingCall) -> Diagnosis | None:
    """Classes on another axis than 1, or a label that is no class."""
    if len(call.operands) < 2:
        return None
    x, given = call.operands[:2]
    if given.value.is_floating_point() or len(x.shape) < 2:
        return None
    if len(x.shape) > 2 and given.shape == x.shape[:-1] and call.works({0: lambda scores: scores.movedim(-1, 1)}):
        reason = _CLASSES.format(
            op=call.op, x=x.name, axis=x.axis_text(1), labels=given.name, shape=given.shape_text, before=x.shape[:-1]
        )
        return Diagnosis(reason, x.method("movedim(-1, 1)"), (OperandAxis(0, len(x.shape) - 1),))
    classes = x.shape[1]
    ids = given.value
    outside = ((ids < 0) | (ids >= classes)) & (ids != call.kwargs.get("ignore_index", -100))
    if ids.is_meta or not outside.any():
        return None
    where = outside.nonzero()[0].tolist()
    value = int(ids[tuple(where)])
    reason = _LABEL.format(
        x=x.name,
        classes=classes,
        last=classes - 1,
        labels=given.name,
        where=", ".join(map(str, where)),
        value=value,
    )
    return Diagnosis(reason, _LABEL_REMEDY.format(value=value) if value < 0 else "", (OperandAxis(0, 1),))
