"""Convolutions: ranks, channels, groups, and kernels that are larger than what they are laid over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.record.failure.candidates import transposed
from engine.record.failure.failing_call import FailingCall
from engine.record.failure.failure import Diagnosis, FailedOperand, OperandAxis

_RANK = "{op} needs {most} axes, or {least} without a batch: {x} has {rank}, {shape}."
_CHANNELS = "{op} was made for {channels} channels on axis {axis}: {x} has {has} there."
_CHANNELS_IN_GROUPS = (
    "{op} was made for {channels} channels on axis {axis}, {groups} groups of {each}: {x} has {has} there."
)
_GROUPS = "{op} needs as many output channels in every group: {count} in {groups} groups is no whole number."
_KERNEL = "The kernel of {op} is {span} long, and {x} with its padding is {length} along axis {axis}."
_LAYER = "nn.Conv{n}d({channels}, {out}, {kernel}{groups}) for this input"
_IN_GROUPS = ", groups={groups}"
OPS = {"conv1d": 1, "conv2d": 2, "conv3d": 3}


def convolution(call: FailingCall) -> Diagnosis | None:
    """The first of these that is broken: rank, groups, channels, the length of the kernel."""
    n = OPS[call.op]
    if len(call.operands) < 2 or len(call.operands[1].shape) != n + 2:
        return None
    x, weight = call.operands[:2]
    if len(x.shape) not in (n + 1, n + 2):
        reason = _RANK.format(op=call.op, most=n + 2, least=n + 1, x=x.name, rank=len(x.shape), shape=x.shape_text)
        return Diagnosis(reason, _first_that_works(call, (x.method("unsqueeze(0)"),), lambda t: t.unsqueeze(0)))
    return _groups(call, weight) or _channels(call, n, x, weight) or _kernel(call, n, x, weight)


def _groups(call: FailingCall, weight: FailedOperand) -> Diagnosis | None:
    groups, out = _given(call, "groups", 6, 1), weight.shape[0]
    if not isinstance(groups, int) or groups < 1 or out % groups == 0:
        return None
    reason = _GROUPS.format(op=call.op, count=out, groups=groups)
    each = weight.shape[1]
    channels = call.operands[0].shape[-OPS[call.op] - 1]
    fitting = [near for near in range(1, out + 1) if out % near == 0 and near * each == channels]
    return Diagnosis(reason, f"groups={fitting[0]}" if fitting else "", (OperandAxis(1, 0),))


def _channels(call: FailingCall, n: int, x: FailedOperand, weight: FailedOperand) -> Diagnosis | None:
    groups, axis = _given(call, "groups", 6, 1), len(x.shape) - n - 1
    each, has, out = weight.shape[1], x.shape[axis], weight.shape[0]
    if not isinstance(groups, int) or has == each * groups:
        return None
    template = _CHANNELS if groups == 1 else _CHANNELS_IN_GROUPS
    reason = template.format(
        op=call.op, channels=each * groups, groups=groups, each=each, axis=axis, x=x.name, has=x.axis_text(axis)
    )
    remedy = _channels_first(call, x)
    remedy = remedy or next((turn.text for turn in transposed(x) if call.works({0: turn.change})), "")
    fits = has % groups == 0 and out % groups == 0
    kernel = weight.shape[2] if n == 1 or len(set(weight.shape[2:])) == 1 else weight.shape[2:]
    layer = _LAYER.format(
        n=n, channels=has, out=out, kernel=kernel, groups=_IN_GROUPS.format(groups=groups) if groups > 1 else ""
    )
    return Diagnosis(reason, remedy or (layer if fits else ""), (OperandAxis(0, axis), OperandAxis(1, 1)))


def _channels_first(call: FailingCall, x: FailedOperand) -> str:
    """An image whose channels stand last, as files have them, with its channels before the other axes."""
    n = OPS[call.op]
    axis = len(x.shape) - n - 1
    is_image = n > 1 and call.works({0: lambda image: image.movedim(-1, axis)})
    return x.method(f"movedim(-1, {axis})") if is_image else ""


def _kernel(call: FailingCall, n: int, x: FailedOperand, weight: FailedOperand) -> Diagnosis | None:
    padding = _given(call, "padding", 4, 0)
    if isinstance(padding, str):
        return None
    paddings, dilations = _each(padding, n), _each(_given(call, "dilation", 5, 1), n)
    spans = [dilation * (size - 1) + 1 for dilation, size in zip(dilations, weight.shape[2:], strict=True)]
    lengths = [size + 2 * pad for size, pad in zip(x.shape[-n:], paddings, strict=True)]
    short = [at for at in range(n) if spans[at] > lengths[at]]
    if not short:
        return None
    axis = len(x.shape) - n + short[0]
    reason = _KERNEL.format(op=call.op, span=spans[short[0]], x=x.name, length=lengths[short[0]], axis=axis)
    needed = [pad + max(0, -(-(spans[at] - lengths[at]) // 2)) for at, pad in enumerate(paddings)]
    written = needed[0] if len(set(needed)) == 1 else tuple(needed)
    return Diagnosis(reason, f"padding={written}", (OperandAxis(0, axis), OperandAxis(1, 2 + short[0])))


def _given(call: FailingCall, name: str, position: int, default: Any) -> Any:
    return call.kwargs.get(name, call.args[position] if len(call.args) > position else default)


def _each(value: Any, n: int) -> tuple[int, ...]:
    values = tuple(value) if isinstance(value, tuple | list) else (value,)
    return values * n if len(values) == 1 else values


def _first_that_works(call: FailingCall, texts: Sequence[str], change: Any) -> str:
    return texts[0] if call.works({0: change}) else ""
