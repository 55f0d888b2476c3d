"""cat and stack of tensors whose shapes differ, and split into sizes that are not those of the axis."""

from __future__ import annotations

from engine.record.failure.failing_call import FailingCall
from engine.record.failure.failure import Diagnosis, OperandAxis

_RANKS = "cat needs the same number of axes everywhere: {first} has {first_shape}, {other} has {other_shape}."
_CAT = "cat along axis {dim} needs all other axes to be equal: {first} has {first_axis} where {other} has {other_axis}."
_STACK = "stack needs tensors of one shape: {first} has {first_axis} where {other} has {other_axis}."
_SPLIT = "The sizes of split must add up to the axis: {x} has {axis}, and {sizes} is {total}."
_STACK_RANKS = "stack needs tensors of one shape: {first} has {first_shape}, {other} has {other_shape}."


def join(call: FailingCall) -> Diagnosis | None:
    """The first tensor that does not fit the first one, and the axis along which they could be joined."""
    if len(call.operands) < 2:
        return None
    is_stack = call.op == "stack"
    first = call.operands[0]
    dim = call.kwargs.get("dim", call.args[1] if len(call.args) > 1 else 0)
    rank = len(first.shape)
    if not isinstance(dim, int) or not -rank <= dim < rank + is_stack:
        return None
    dim %= max(rank, 1)
    for number, other in enumerate(call.operands[1:], start=1):
        # An empty tensor of one axis is taken everywhere: an empty cache.
        if not is_stack and other.shape == (0,):
            continue
        if len(other.shape) != rank:
            template = _STACK_RANKS if is_stack else _RANKS
            reason = template.format(
                first=first.name, first_shape=first.shape_text, other=other.name, other_shape=other.shape_text
            )
            remedy = ""
            if abs(len(other.shape) - rank) == 1:
                shorter = min((first, other), key=lambda operand: len(operand.shape))
                remedy = shorter.method(f"unsqueeze({dim})")
            return Diagnosis(reason, remedy)
        differing = [axis for axis in range(rank) if first.shape[axis] != other.shape[axis]]
        wrong = [axis for axis in differing if is_stack or axis != dim]
        if wrong:
            reason = (_STACK if is_stack else _CAT).format(
                dim=dim,
                first=first.name,
                first_axis=first.edge_text(wrong[0]),
                other=other.name,
                other_axis=other.edge_text(wrong[0]),
            )
            names = ", ".join(operand.name for operand in call.operands)
            remedy = f"torch.cat(({names}), dim={differing[0]})" if len(differing) == 1 else ""
            return Diagnosis(reason, remedy, (OperandAxis(0, wrong[0]), OperandAxis(number, wrong[0])))
    return None


def split(call: FailingCall) -> Diagnosis | None:
    """Sizes that do not add up to those of the axis that is split."""
    x = call.operands[0]
    sizes = (
        call.args[1] if len(call.args) > 1 else call.kwargs.get("split_size_or_sections", call.kwargs.get("split_size"))
    )
    dim = call.kwargs.get("dim", call.args[2] if len(call.args) > 2 else 0)
    if not isinstance(sizes, (tuple, list)) or not isinstance(dim, int) or not -len(x.shape) <= dim < len(x.shape):
        return None
    dim %= len(x.shape)
    total = sum(sizes)
    if total == x.shape[dim]:
        return None
    written = " + ".join(map(str, sizes))
    reason = _SPLIT.format(x=x.name, axis=x.edge_text(dim), sizes=written, total=total)
    last = x.shape[dim] - sum(sizes[:-1])
    remedy = f"sizes {', '.join(map(str, (*sizes[:-1], last)))}" if last >= 0 else ""
    return Diagnosis(reason, remedy, (OperandAxis(0, dim),))
