"""Indices and axes that are not there: embedding, gather, index_select, getitem, and ``dim`` beyond the rank."""

from __future__ import annotations

import re

import torch
from torch import Tensor

from engine.record.failure.failing_call import FailingCall
from engine.record.failure.failure import Diagnosis, FailedOperand, OperandAxis

_EMBEDDING = (
    "An embedding of {rows:,} rows takes ids 0 to {last:,}: {ids}[{where}] is {value:,}. {wrong} of {count:,} ids are "
    "outside."
)
_EMBEDDING_REMEDY = "nn.Embedding({rows}, {width}), if this id is meant"
_NEGATIVE_REMEDY = "ids from 0 on; a padding id is one of them"
_KIND = "{op} needs whole numbers as ids: {ids} is {dtype}."
_INDEX = "{x} has {axis} along axis {dim}, so an index goes from {first} to {last}: {index}[{where}] is {value:,}."
_PLAIN_INDEX = "{x} has {axis} along axis {dim}, so an index goes from {first} to {last}: it is given {value}."
_DIM = "{x} has {rank} axes, {shape}, so dim goes from {first} to {last}: it is given {dim}."
_DIM_REMEDY = "dim={dim}"
_ADVANCED = frozenset(("getitem", "index_select", "gather", "take_along_dim"))
OPS = frozenset(("embedding", *_ADVANCED))


def index(call: FailingCall) -> Diagnosis | None:
    """The first index that is outside what it is an index of."""
    if call.op == "embedding":
        return _embedding(call)
    if call.op == "getitem":
        return _getitem(call)
    if len(call.operands) < 2:
        return None
    x, ids = call.operands[:2]
    dim = call.kwargs.get("dim", call.args[1] if len(call.args) > 1 else None)
    if not isinstance(dim, int) or not -len(x.shape) <= dim < len(x.shape):
        return None
    return _outside(x, dim % len(x.shape), ids, lowest=0)


def dim_out_of_range(call: FailingCall) -> Diagnosis | None:
    """An axis that a tensor does not have."""
    match = re.search(r"expected to be in range of \[(-?\d+), (-?\d+)\], but got (-?\d+)", call.message)
    if match is None or not call.operands:
        return None
    first, last, dim = map(int, match.groups())
    x = call.operands[0]
    reason = _DIM.format(x=x.name, rank=len(x.shape), shape=x.shape_text, first=first, last=last, dim=dim)
    return Diagnosis(reason, _DIM_REMEDY.format(dim=min(max(dim, first), last)))


def _embedding(call: FailingCall) -> Diagnosis | None:
    if len(call.operands) < 2:
        return None
    # F.embedding takes the ids first, torch.embedding the table.
    ids, table = call.operands[:2]
    if len(table.shape) != 2 or table.value.dtype not in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
        ids, table = table, ids
    if ids.value.is_floating_point() or ids.dtype == torch.bool:
        dtype = str(ids.dtype).removeprefix("torch.")
        return Diagnosis(_KIND.format(op=call.op, ids=ids.name, dtype=dtype), ids.method("long()"))
    rows, width = table.shape
    wrong = _wrong(ids.value, 0, rows - 1)
    if wrong is None:
        return None
    where, value, count = wrong
    reason = _EMBEDDING.format(
        rows=rows, last=rows - 1, ids=ids.name, where=where, value=value, wrong=count, count=ids.value.numel()
    )
    remedy = _NEGATIVE_REMEDY if value < 0 else _EMBEDDING_REMEDY.format(rows=int(ids.value.max()) + 1, width=width)
    return Diagnosis(reason, remedy, (OperandAxis(1, 0),) if call.operands[1] is table else (OperandAxis(0, 0),))


def _getitem(call: FailingCall) -> Diagnosis | None:
    if len(call.args) < 2 or not call.operands:
        return None
    x = call.operands[0]
    given = call.args[1] if isinstance(call.args[1], tuple) else (call.args[1],)
    axis = 0
    tensors = iter(call.operands[1:])
    for item in given:
        if item is Ellipsis:
            axis = len(x.shape) - (len(given) - given.index(Ellipsis) - 1)
        elif isinstance(item, Tensor):
            operand = next(tensors)
            if item.dtype == torch.bool:
                axis += item.dim()
                continue
            diagnosis = _outside(x, axis, operand, lowest=-x.shape[axis]) if axis < len(x.shape) else None
            if diagnosis is not None:
                return diagnosis
            axis += 1
        elif isinstance(item, int) and not isinstance(item, bool):
            if axis < len(x.shape) and not -x.shape[axis] <= item < x.shape[axis]:
                size = x.shape[axis]
                reason = _PLAIN_INDEX.format(
                    x=x.name, axis=x.axis_text(axis), dim=axis, first=-size, last=size - 1, value=item
                )
                nearest = size - 1 if item > 0 else -size
                return Diagnosis(reason, f"index {nearest}", (OperandAxis(0, axis),))
            axis += 1
        elif item is not None:
            axis += 1
    return None


def _outside(x: FailedOperand, dim: int, ids: FailedOperand, lowest: int) -> Diagnosis | None:
    size = x.shape[dim]
    wrong = _wrong(ids.value, lowest, size - 1)
    if wrong is None:
        return None
    where, value, _ = wrong
    reason = _INDEX.format(
        x=x.name,
        axis=x.axis_text(dim),
        dim=dim,
        first=lowest,
        last=size - 1,
        index=ids.name,
        where=where,
        value=value,
    )
    return Diagnosis(reason, edges=(OperandAxis(0, dim),))


def _wrong(ids: Tensor, lowest: int, highest: int) -> tuple[str, int, int] | None:
    """The first of the ids outside a range: where it stands, its value, and how many there are."""
    if ids.is_meta or ids.is_floating_point():
        return None
    outside = ((ids < lowest) | (ids > highest)).nonzero()
    if not len(outside):
        return None
    where = outside[0].tolist()
    return ", ".join(map(str, where)), int(ids[tuple(where)]), len(outside)
