"""``x[i, j] = value`` where the value does not broadcast to what is written."""

from __future__ import annotations

from itertools import chain

import torch
from torch import Tensor

from engine.record.failure.candidates import transposed, unsqueezed
from engine.record.failure.failing_call import FailingCall
from engine.record.failure.failure import Diagnosis, OperandAxis

_RANK = "What is written must broadcast to what it is written into, {part}: {value} has more axes, {shape}."
_AXIS = "What is written must broadcast to what it is written into, {part}: {value} has {axis} where that has {size}."


def write(call: FailingCall) -> Diagnosis | None:
    """The axis of the value that is neither 1 nor that of the part it is written into."""
    if len(call.args) != 3 or not isinstance(call.args[2], Tensor):
        return None
    number, value = len(call.operands) - 1, call.operands[-1]
    part = tuple(call.operands[0].value[call.args[1]].shape)
    changes = chain(unsqueezed(value, len(part)), transposed(value))
    remedy = next((each.text for each in changes if _fits(each.change(value.value), part)), "")
    for back, size in enumerate(reversed(value.shape), start=1):
        axis = len(value.shape) - back
        if back > len(part):
            if size == 1:
                continue
            return Diagnosis(_RANK.format(part=part, value=value.name, shape=value.shape_text), remedy)
        if size not in (1, part[-back]):
            reason = _AXIS.format(part=part, value=value.name, axis=value.edge_text(axis), size=part[-back])
            return Diagnosis(reason, remedy, (OperandAxis(number, axis),))
    return None


def _fits(value: Tensor, part: tuple[int, ...]) -> bool:
    try:
        return tuple(torch.broadcast_shapes(value.shape, part)) == part
    except RuntimeError:
        return False
