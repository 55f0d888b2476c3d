"""Operands of different dtypes or on different devices."""

from __future__ import annotations

import torch

from engine.record.failure.failing_call import FailingCall
from engine.record.failure.failure import Diagnosis

_DEVICES = "{op} needs its tensors on one device: {first} is on {first_device}, {other} is on {other_device}."
_DTYPES = "{op} needs tensors of one dtype: {first} is {first_dtype}, {other} is {other_dtype}."
_FLOATING = "{op} computes with floating-point numbers: {x} is {dtype}."


def devices(call: FailingCall) -> Diagnosis | None:
    """Two operands on different devices."""
    for other in call.operands[1:]:
        first = call.operands[0]
        # A tensor of one number on the CPU is taken everywhere.
        if other.value.device != first.value.device and other.shape and first.shape:
            reason = _DEVICES.format(
                op=call.op,
                first=first.name,
                first_device=first.value.device,
                other=other.name,
                other_device=other.value.device,
            )
            # The parameters of a model stay where they are; what is moved is what it is given.
            moved, to = (first, other) if other.origin is None or other.origin.kind == "parameter" else (other, first)
            return Diagnosis(reason, moved.method(f'to("{to.value.device}")'))
    return None


def dtypes(call: FailingCall) -> Diagnosis | None:
    """Two operands of different dtypes, or whole numbers where only floating-point numbers are computed with."""
    for number, other in enumerate(call.operands[1:], start=1):
        first = call.operands[0]
        if other.dtype == first.dtype:
            continue
        is_parameter = other.origin is not None and other.origin.kind == "parameter"
        changed, at, to = (first, 0, other) if is_parameter else (other, number, first)
        if not call.works({at: lambda t, d=to.dtype: t.to(d)}):  # type: ignore[misc]
            continue
        reason = _DTYPES.format(
            op=call.op,
            first=first.name,
            first_dtype=_name(first.dtype),
            other=other.name,
            other_dtype=_name(other.dtype),
        )
        return Diagnosis(reason, changed.method(f"to(torch.{_name(to.dtype)})"))
    for number, operand in enumerate(call.operands):
        if not operand.value.is_floating_point() and call.works({number: lambda t: t.float()}):
            reason = _FLOATING.format(op=call.op, x=operand.name, dtype=_name(operand.dtype))
            return Diagnosis(reason, operand.method("float()"))
    return None


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
