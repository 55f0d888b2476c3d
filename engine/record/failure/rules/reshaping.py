"""view, reshape and their kin: another number of elements, or strides that no view can have."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.record.failure.failing_call import FailingCall
from engine.record.failure.failure import Diagnosis, FailedOperand, OperandAxis

_COUNT = "{op} keeps every number: {x} {shape} has {product} = {count:,}, and {wanted} would have {wanted_count:,}."
_NOT_DIVISIBLE = "{op} keeps every number: {x} {shape} has {count:,}, which {known:,} does not divide."
_UNFLATTEN = "unflatten keeps every number: {x} has {axis}, and {sizes} is {product}."
_STRIDES = (
    "view never moves a number, and here it would have to: in {x}, {first} and {second} would become one axis. One "
    "step along the former is {step:,} places in memory, and for one axis it would have to be {needed:,}."
)
_STRIDES_UNKNOWN = "view never moves a number, and with the strides {strides} of {x} it would have to."


def reshape(call: FailingCall) -> Diagnosis | None:
    """Why a tensor cannot be seen in another shape, and the nearest shape that it can be seen in."""
    if not call.operands:
        return None
    x, sizes = call.operands[0], _sizes(call)
    if not sizes or not all(isinstance(size, int) for size in sizes):
        return None
    count = x.value.numel()
    known = math.prod(size for size in sizes if size != -1)
    if -1 in sizes:
        if known and count % known == 0:
            return _strided(call, x, _filled(sizes, count // known))
        reason = _NOT_DIVISIBLE.format(op=call.op, x=x.name, shape=x.shape_text, count=count, known=known)
        return Diagnosis(reason, _remedy(call, x, sizes))
    if known == count:
        return _strided(call, x, sizes)
    reason = _COUNT.format(
        op=call.op,
        x=x.name,
        shape=x.shape_text,
        product=" · ".join(map(str, x.shape)),
        count=count,
        wanted=f"({', '.join(map(str, sizes))})",
        wanted_count=known,
    )
    return Diagnosis(reason, _remedy(call, x, sizes))


def unflatten(call: FailingCall) -> Diagnosis | None:
    """Sizes for one axis that do not multiply up to it, and the nearest that do."""
    x = call.operands[0]
    dim = call.kwargs.get("dim", call.args[1] if len(call.args) > 1 else None)
    sizes = call.kwargs.get("sizes", call.args[2] if len(call.args) > 2 else None)
    if not isinstance(dim, int) or not -len(x.shape) <= dim < len(x.shape) or not isinstance(sizes, tuple | list):
        return None
    axis = dim % len(x.shape)
    count = x.shape[axis]
    known = math.prod(size for size in sizes if size != -1)
    if known == count or (-1 in sizes and known and count % known == 0):
        return None
    reason = _UNFLATTEN.format(
        x=x.name, axis=x.edge_text(axis), sizes=" · ".join(str(size) for size in sizes if size != -1), product=known
    )
    nearest = _factors(count, sizes)
    remedy = x.method(f"unflatten({dim}, ({', '.join(map(str, nearest))}))") if nearest else ""
    return Diagnosis(reason, remedy, (OperandAxis(0, axis),))


def _factors(count: int, sizes: Sequence[int]) -> tuple[int, ...]:
    """Two sizes near the given ones whose product is a count; empty where there are not two."""
    if len(sizes) != 2 or not count:
        return ()
    pairs = [(size, count // size) for size in range(1, count + 1) if count % size == 0]
    given = [(pair, [abs(near - size) for near, size in zip(pair, sizes, strict=True) if size != -1]) for pair in pairs]
    return min(given, key=lambda each: sum(each[1]))[0]


def _sizes(call: FailingCall) -> tuple[int, ...]:
    rest = call.args[1:] or tuple(value for name, value in call.kwargs.items() if name in ("shape", "size"))
    if len(rest) == 1 and isinstance(rest[0], (tuple, list)):
        return tuple(rest[0])
    return tuple(rest)


def _filled(sizes: Sequence[int], size: int) -> tuple[int, ...]:
    return tuple(size if each == -1 else each for each in sizes)


def _remedy(call: FailingCall, x: FailedOperand, sizes: Sequence[int]) -> str:
    """The shape with one of its sizes replaced by what makes the numbers fit; the size that changes least."""
    count = x.value.numel()
    options = []
    for axis, size in enumerate(sizes):
        others = math.prod(each for at, each in enumerate(sizes) if at != axis and each != -1)
        if -1 in sizes and size != -1:
            # With one size left open the others must divide the count: the nearest size that does.
            nearest = next((near for near in _nearest(size, count) if count % (others * near) == 0), None)
            if nearest is not None:
                options.append((abs(nearest - size), axis, nearest))
        elif -1 not in sizes and others and count % others == 0:
            options.append((abs(count // others - size), axis, count // others))
    if not options:
        return ""
    _, axis, size = min(options)
    changed = [size if at == axis else each for at, each in enumerate(sizes)]
    return x.method(f"{call.op}({', '.join(map(str, changed))})")


def _nearest(size: int, most: int) -> list[int]:
    """Numbers from 1 to ``most`` near a size, the nearest first."""
    return sorted(range(max(1, size // 2), min(most, 2 * size) + 1), key=lambda near: abs(near - size))


def _strided(call: FailingCall, x: FailedOperand, sizes: Sequence[int]) -> Diagnosis | None:
    """Which two axes of a tensor lie in memory so that no view can make them one."""
    if call.op != "view" or x.value.is_contiguous():
        return None
    remedy = x.method(f"reshape({', '.join(map(str, sizes))})")
    shape, strides = x.shape, x.value.stride()
    ends = {math.prod(sizes[:end]) for end in range(len(sizes) + 1)}
    for axis in range(len(shape) - 1):
        after = next((later for later in range(axis + 1, len(shape)) if shape[later] != 1), None)
        # Axes between which the new shape has a border of its own need not be merged.
        if after is None or shape[axis] == 1 or math.prod(shape[: axis + 1]) in ends:
            continue
        needed = shape[after] * strides[after]
        if strides[axis] != needed:
            reason = _STRIDES.format(
                first=x.edge_text(axis), second=x.edge_text(after), x=x.name, step=strides[axis], needed=needed
            )
            return Diagnosis(reason, remedy, (OperandAxis(0, axis), OperandAxis(0, after)))
    return Diagnosis(_STRIDES_UNKNOWN.format(strides=tuple(strides), x=x.name), remedy)
