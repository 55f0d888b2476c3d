"""scaled_dot_product_attention: queries, keys, values and masks that do not fit."""

from __future__ import annotations

import torch

from engine.record.failure.candidates import repeated, transposed, unsqueezed
from engine.record.failure.failing_call import FailingCall
from engine.record.failure.failure import Diagnosis, FailedOperand, OperandAxis

_WIDTH = "Attention needs queries and keys of one width: {query} has {query_axis} last, {key} has {key_axis}."
_LENGTH = "Attention needs as many values as keys: {key} has {key_axis}, {value} has {value_axis}."
_HEADS = (
    "Attention needs the axes before the last two to be equal: {query} has {query_axis} where {key} has {key_axis}."
)
_MASK = "A mask must broadcast to the scores, {scores}: {mask} has {mask_axis} where they have {size}."
_MASK_DTYPE = "A mask must be of bool or of the queries' dtype, {dtype}: {mask} is {mask_dtype}."


def attention(call: FailingCall) -> Diagnosis | None:
    """The first of these that is broken: widths, lengths, heads, the mask."""
    if len(call.operands) < 3 or any(len(operand.shape) < 2 for operand in call.operands[:3]):
        return None
    query, key, value = call.operands[:3]
    for number, template, first, other, back in (
        (1, _WIDTH, query, key, 1),
        (2, _LENGTH, key, value, 2),
    ):
        if first.shape[-back] != other.shape[-back]:
            edges = (OperandAxis(number - 1, len(first.shape) - back), OperandAxis(number, len(other.shape) - back))
            reason = template.format(
                query=query.name,
                key=key.name,
                value=value.name,
                query_axis=first.axis_text(edges[0].axis),
                key_axis=(key if number == 1 else first).axis_text(edges[1 if number == 1 else 0].axis),
                value_axis=other.axis_text(edges[1].axis),
            )
            return Diagnosis(reason, _turned(call, number), edges)
    for back in range(3, min(len(query.shape), len(key.shape)) + 1):
        if query.shape[-back] != key.shape[-back] and 1 not in (query.shape[-back], key.shape[-back]):
            axes = len(query.shape) - back, len(key.shape) - back
            reason = _HEADS.format(
                query=query.name, query_axis=query.axis_text(axes[0]), key=key.name, key_axis=key.axis_text(axes[1])
            )
            return Diagnosis(
                reason, _grouped(call, query, key, axes[1]), (OperandAxis(0, axes[0]), OperandAxis(1, axes[1]))
            )
    return _mask(call, query, key) if len(call.operands) > 3 else None


def _mask(call: FailingCall, query: FailedOperand, key: FailedOperand) -> Diagnosis | None:
    mask = call.operands[3]
    if mask.dtype not in (torch.bool, query.dtype):
        names = (str(operand.dtype).removeprefix("torch.") for operand in (query, mask))
        reason = _MASK_DTYPE.format(dtype=next(names), mask=mask.name, mask_dtype=next(names))
        return Diagnosis(reason, mask.method("bool()"))
    scores = (*query.shape[:-1], key.shape[-2])
    for back in range(1, len(mask.shape) + 1):
        size = scores[-back] if back <= len(scores) else 1
        if mask.shape[-back] not in (1, size):
            axis = len(mask.shape) - back
            reason = _MASK.format(scores=scores, mask=mask.name, mask_axis=mask.axis_text(axis), size=size)
            options = (*unsqueezed(mask, len(scores)), *transposed(mask))
            remedy = next((each.text for each in options if call.works({3: each.change})), "")
            return Diagnosis(reason, remedy, (OperandAxis(3, axis),))
    return None


def _turned(call: FailingCall, number: int) -> str:
    options = transposed(call.operands[number])
    return next((each.text for each in options if call.works({number: each.change})), "")


def _grouped(call: FailingCall, query: FailedOperand, key: FailedOperand, axis: int) -> str:
    """Fewer key heads than query heads: repeated, as grouped-query attention does."""
    size = query.shape[axis - len(key.shape)]
    for keys, values in zip(repeated(key, axis, size), repeated(call.operands[2], axis, size), strict=False):
        if call.works({1: keys.change, 2: values.change}):
            return f"{keys.text}, {values.text}; or enable_gqa=True"
    return _turned(call, 1)
