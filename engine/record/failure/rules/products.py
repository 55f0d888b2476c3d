"""Matrix products and linear layers whose inner axes, or whose axes before them, do not agree."""

from __future__ import annotations

from itertools import chain

from engine.record.failure.candidates import moved_twice, repeated, transposed
from engine.record.failure.failing_call import FailingCall
from engine.record.failure.failure import Diagnosis, FailedOperand, OperandAxis

_INNER = (
    "A product needs the last axis of {left} ({left_axis}) and the last axis but one of {right} ({right_axis}) "
    "to be equal."
)
_INNER_OF_VECTOR = "A product needs the last axis of {left} ({left_axis}) and {right} ({right_axis}) to be equal."
_BATCH = (
    "A product needs the axes before the last two to be equal or 1: {left} has {left_axis} where {right} has "
    "{right_axis}."
)
_RANK = "{op} needs tensors of {rank} axes: {name} has {count}, {shape}."
_RANK_REMEDY = "torch.matmul({left}, {right}), which takes any number of axes"
_LINEAR = "A linear layer needs the last axis of {x} ({x_axis}) to be its in_features ({in_features})."
_LINEAR_REMEDY = "nn.Linear({in_features}, {out_features}) for this input"

# The operands that are multiplied, by operation, and the ranks that are allowed.
_FACTORS = {
    "matmul": (0, 1),
    "mm": (0, 1),
    "bmm": (0, 1),
    "mv": (0, 1),
    "dot": (0, 1),
    "addmm": (1, 2),
    "baddbmm": (1, 2),
}
_RANKS = {"mm": 2, "bmm": 3, "addmm": 2, "baddbmm": 3}
OPS = frozenset(_FACTORS)


def product(call: FailingCall) -> Diagnosis | None:
    """Which axes of a matrix product do not agree, and which turn of an operand makes them."""
    first, second = _FACTORS[call.op]
    if len(call.operands) <= second:
        return None
    left, right = call.operands[first], call.operands[second]
    rank = _RANKS.get(call.op)
    for operand in (left, right):
        if rank is not None and len(operand.shape) != rank:
            reason = _RANK.format(
                op=call.op, rank=rank, name=operand.name, count=len(operand.shape), shape=operand.shape_text
            )
            return Diagnosis(reason, _RANK_REMEDY.format(left=left.name, right=right.name))
    if not left.shape or not right.shape:
        return None
    row = max(len(right.shape) - 2, 0)
    edges = _batch_edges(first, left, second, right)
    template, text = _BATCH, FailedOperand.edge_text
    if left.shape[-1] != right.shape[row]:
        template = _INNER if len(right.shape) > 1 else _INNER_OF_VECTOR
        text = FailedOperand.axis_text
        edges = (OperandAxis(first, len(left.shape) - 1), OperandAxis(second, row))
    if not edges:
        return None
    reason = template.format(
        left=left.name,
        right=right.name,
        left_axis=text(left, edges[0].axis),
        right_axis=text(right, edges[1].axis),
    )
    return Diagnosis(reason, _remedy(call, first, second, edges), edges)


def linear(call: FailingCall) -> Diagnosis | None:
    """A linear layer whose in_features are not the input's last axis."""
    if len(call.operands) < 2 or not call.operands[0].shape or len(call.operands[1].shape) != 2:
        return None
    x, weight = call.operands[:2]
    out_features, in_features = weight.shape
    last = len(x.shape) - 1
    if x.shape[last] == in_features:
        return None
    reason = _LINEAR.format(x=x.name, x_axis=x.axis_text(last), in_features=in_features)
    remedy = next((each.text for each in transposed(x) if call.works({0: each.change})), "")
    if not remedy and len(x.shape) > 2 and call.works({0: lambda t: t.flatten(-2)}):
        remedy = x.method("flatten(-2)")
    remedy = remedy or _LINEAR_REMEDY.format(in_features=x.shape[last], out_features=out_features)
    return Diagnosis(reason, remedy, (OperandAxis(0, last), OperandAxis(1, 1)))


def _batch_edges(first: int, left: FailedOperand, second: int, right: FailedOperand) -> tuple[OperandAxis, ...]:
    """The last axes before the matrices that are neither equal nor 1."""
    for back in range(3, min(len(left.shape), len(right.shape)) + 1):
        a, b = left.shape[-back], right.shape[-back]
        if a != b and 1 not in (a, b):
            return OperandAxis(first, len(left.shape) - back), OperandAxis(second, len(right.shape) - back)
    return ()


def _remedy(call: FailingCall, first: int, second: int, edges: tuple[OperandAxis, ...]) -> str:
    left, right = call.operands[first], call.operands[second]
    in_batch = edges[0].axis < len(left.shape) - 1
    grouped = chain(
        ((second, each) for each in repeated(right, edges[1].axis, left.shape[edges[0].axis]) if in_batch),
        ((first, each) for each in repeated(left, edges[0].axis, right.shape[edges[1].axis]) if in_batch),
    )
    turned = chain(
        ((second, each) for each in chain(transposed(right), moved_twice(right))),
        ((first, each) for each in transposed(left)),
    )
    # Turning an operand changes no number of it; repeating does, so it comes after.
    for number, each in chain(turned, grouped):
        if call.works({number: each.change}):
            return each.text
    return ""
