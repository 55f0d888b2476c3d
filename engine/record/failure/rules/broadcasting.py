"""Operands that do not broadcast, masks among them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import torch

from engine.record.failure.candidates import Candidate, exchanged, repeated, transposed, unsqueezed
from engine.record.failure.failing_call import FailingCall, on_meta
from engine.record.failure.failure import Diagnosis, FailedOperand, OperandAxis

_AXES = (
    "Shapes are lined up from the right, and each pair of sizes must be equal or one of them 1: {left} has {left_axis} "
    "where {right} has {right_axis}."
)
_MASK_DTYPE = "{op} needs a mask of bool: {mask} is {dtype}."


def broadcast(call: FailingCall) -> Diagnosis | None:
    """Which pair of axes keeps the operands from being broadcast, and what lines them up."""
    for second in range(1, len(call.operands)):
        for first in range(second):
            edges = _edges(call, first, second)
            if edges is not None:
                left, right = call.operands[first], call.operands[second]
                reason = _AXES.format(
                    left=left.name,
                    left_axis=left.edge_text(edges[0].axis),
                    right=right.name,
                    right_axis=right.edge_text(edges[1].axis),
                )
                return Diagnosis(reason, _remedy(call, first, second, edges), edges)
    return None


def mask_dtype(call: FailingCall) -> Diagnosis | None:
    """A mask that is not of bool."""
    if len(call.operands) < 2:
        return None
    # x.where(mask, y) takes the mask second, as masked_fill does.
    mask = call.operands[0 if call.op == "where" and call.func is not torch.Tensor.where else 1]
    dtype = str(mask.dtype).removeprefix("torch.")
    if dtype == "bool":
        return None
    return Diagnosis(_MASK_DTYPE.format(op=call.op, mask=mask.name, dtype=dtype), mask.method("bool()"))


def _edges(call: FailingCall, first: int, second: int) -> tuple[OperandAxis, OperandAxis] | None:
    left, right = call.operands[first].shape, call.operands[second].shape
    for back in range(1, min(len(left), len(right)) + 1):
        if left[-back] != right[-back] and 1 not in (left[-back], right[-back]):
            return OperandAxis(first, len(left) - back), OperandAxis(second, len(right) - back)
    return None


def _remedy(call: FailingCall, first: int, second: int, edges: tuple[OperandAxis, OperandAxis]) -> str:
    """The change after which torch takes the call; of several, one that lines up axes of the same name."""
    left, right = call.operands[first], call.operands[second]
    # Heads stand before the last two axes; a program repeats no others to make sizes agree.
    is_of_heads = edges[1].axis < len(right.shape) - 2
    repeats = repeated(right, edges[1].axis, left.shape[edges[0].axis]) if is_of_heads else ()
    changes: Iterator[tuple[int, Candidate]] = chain(
        ((second, each) for each in unsqueezed(right, len(left.shape))),
        ((first, each) for each in unsqueezed(left, len(right.shape))),
        ((second, each) for each in transposed(right)),
        ((first, each) for each in transposed(left)),
        ((second, each) for each in repeats),
    )
    fitting = [
        (number, each)
        for number, each in changes
        if _is_taken(call, number, each) and _is_sensible(left, right, number == second, each)
    ]
    if not fitting:
        return ""
    # min keeps the first of those that are as good.
    return min(fitting, key=lambda pair: _misnamed(left, right, pair[0] == second, pair[1]))[1].text


def _is_sensible(left: FailedOperand, right: FailedOperand, is_right: bool, candidate: Candidate) -> bool:
    """Whether a program would make this change; that torch takes what comes out can be an accident of sizes."""
    axes = exchanged(candidate)
    if axes is None:
        return True
    changed, other = (right, left) if is_right else (left, right)
    order = _axes_after(changed, candidate)
    pairs = list(zip(reversed(order), reversed(other.axes), strict=False))
    if any(a is not None and a == b for a, b in pairs):
        return True
    rank = len(changed.shape)
    # The last two of a matrix that was turned around, or heads and tokens.
    return rank <= len(other.shape) and (axes == (-2, -1) or (rank == 4 and axes == (1, 2)))


def _is_taken(call: FailingCall, changed: int, candidate: Candidate) -> bool:
    """Whether torch takes the call once an operand was changed."""
    if call.op != "masked_fill":
        return call.works({changed: candidate.change})
    # Made without numbers, masked_fill loads torch's compiler, which takes a second. That shapes broadcast is enough.
    tensors = [on_meta(operand.value) for operand in call.operands]
    try:
        tensors[changed] = candidate.change(tensors[changed])
        torch.broadcast_tensors(*tensors)
    except RuntimeError:
        return False
    return True


def _misnamed(left: FailedOperand, right: FailedOperand, is_right: bool, candidate: Candidate) -> int:
    """How many axes would be lined up with an axis of another name."""
    changed, other = (right, left) if is_right else (left, right)
    if not any(changed.axes) or not any(other.axes):
        return 0
    order = _axes_after(changed, candidate)
    pairs = zip(reversed(order), reversed(other.axes), strict=False)
    return sum(a is not None and b is not None and "1" not in (a, b) and a != b for a, b in pairs)


def _axes_after(operand: FailedOperand, candidate: Candidate) -> list[str | None]:
    """The symbols of the operand's axes after the change; an axis that was put in has "1"."""
    # Sizes that are all different tell the axes apart whatever the change does with them.
    sizes = {size: operand.axes[axis] for axis, size in enumerate(range(2, 2 + len(operand.shape)))}
    marked = candidate.change(operand.value.new_empty(tuple(sizes), device="meta"))
    return [sizes.get(size, "1") for size in marked.shape]
