"""The arithmetic of one element, for each operation: its terms, their result, and how both are written.

Everything is computed again in float64 from the recorded inputs, from the cells that the index map names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from engine import pointwise, sums
from engine.arguments import COMPARISON, CONSTRUCTOR, COPYING, LOGIC, RESHAPING, bind
from engine.formula import called, given, number
from engine.index_map import reads_of
from engine.point import Made, Point
from engine.printed import cells
from engine.terms import Group
from engine.trace import Leaf, Step, Trace


def make(trace: Trace, step: Step, index: tuple[int, ...], *, turned: bool = False) -> Made | None:
    """How the element at ``index`` was made; None where the operation is not known here."""
    call = bind(step, turned=turned)
    found = None if call is None else reads_of(call)
    values = [step.value, *(parent.value for parent in step.inputs)]
    if call is None or found is None or any(v.is_complex() or v.layout != torch.strided for v in values):
        return None
    return _RULES[call.op](Point(trace, step, index, call, dict(zip(call.tensors, found, strict=True))))


def _moved(point: Point) -> Made:
    """One element of one input, wherever it now lies."""
    # stack and cat read one of many; triu and tril may read none.
    name = next((name for name in point.call.tensors if _reads_here(point, name)), None)
    if name is None:
        where = "below" if point.call.op == "triu" else "above"
        zero = torch.zeros((), dtype=point.step.dtype)
        shown = number(zero.item())
        return Made((), zero, f"is set to {shown}: it lies {where} the part that {point.call.op} keeps", shown)
    x = point.column(name)
    said = f"is {point.words(name)}{_step_number(x.parent)}; no arithmetic: {_manner(point, x.parent)}"
    result = x.raw.to(point.step.dtype)
    return Made((Group("x", (x,), result),), result[0], said, point.cell(name), magnitude=0.0)


def _manner(point: Point, parent: Step | Leaf) -> str:
    step = point.step
    if parent.value.dtype != step.dtype:
        before, after = (str(dtype).removeprefix("torch.") for dtype in (parent.value.dtype, step.dtype))
        return f"the same number, converted from {before} to {after}"
    if step.memory == "view":
        return "the same number, read with other strides"
    if step.memory == "same":
        return "the same tensor, handed on untouched"
    return "copied, the same number at another place in memory"


def _looked_up(point: Point) -> Made:
    """One row of a table, chosen by a number: embedding, x[ids], index_select."""
    table, ids = ("weight", "input") if point.call.op == "embedding" else ("input", "other")
    if ids not in point.reads:
        return _moved(point)
    x, chosen = point.column(table), point.column(ids)
    row = x.box[0].start
    labels = point.trace.labels.get("V", ())
    word = labels[row] if point.call.op == "embedding" and len(labels) == x.parent.value.shape[0] else None
    token = f" (“{word}”)" if isinstance(word, str) else ""
    place = ", ".join(str(places.start) for places in x.box[1:])
    kind = "the table " if point.call.op == "embedding" else ""
    said = f"is number {place} in row {row}{token} of" if place else f"is number {row} of"
    said += f" {kind}{called(x.parent)}"
    said += f"; {point.words(ids)} = {chosen.raw[0].item()} chooses the row"
    group = Group("look-up", (x, chosen), x.raw)
    return Made((group,), x.raw[0], said, point.cell(table), magnitude=0.0)


def _constructed(point: Point) -> Made:
    op, call = point.call.op, point.call
    if op == "arange":
        limits = [*call.values("rest")]
        start = call.value("start", limits[0] if len(limits) > ("end" not in call.given) else 0)
        by = call.value("step", limits[2] if len(limits) > 2 else 1)
        result = _scalar(start + by * point.index[0])
        formula = cells("{0.alone} + {1} · {2}", given(start), str(point.index[0]), given(by))
        said = f"is {formula}: arange counts, and reads no tensor"
        return Made((), result, said, formula, magnitude=abs(start) + abs(by * point.index[0]))
    if op.startswith("full"):
        filling = call.value("value") if "value" in call.given else call.values("rest")[-1]
    else:
        filling = int(op.startswith("ones"))
    shown = number(_scalar(filling).to(point.step.dtype).item())
    said = f"is {shown}: {op} writes the same number everywhere, and reads none"
    return Made((), _scalar(filling), said, shown, magnitude=abs(filling))


def _reads_here(point: Point, name: str) -> bool:
    return point.reads[name].box(point.index) is not None


def _step_number(parent: Step | Leaf) -> str:
    return f" of step {parent.index}" if isinstance(parent, Step) else ""


def _scalar(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64 if isinstance(value, float) else None)


_RULES: Mapping[str, Callable[[Point], Made]] = {
    **dict.fromkeys(pointwise.UNARY, pointwise.unary),
    **dict.fromkeys(pointwise.BINARY, pointwise.binary),
    **dict.fromkeys(COMPARISON, pointwise.compared),
    **dict.fromkeys(LOGIC | {"bitwise_not", "logical_not"}, pointwise.combined),
    **dict.fromkeys(COPYING | RESHAPING, _moved),
    **dict.fromkeys(
        ("permute", "transpose", "t", "T", "mT", "unsqueeze", "squeeze", "expand", "expand_as", "stack", "cat"), _moved
    ),
    **dict.fromkeys(("select", "narrow", "unbind", "split", "chunk", "triu", "tril"), _moved),
    **dict.fromkeys(("embedding", "index_select", "getitem"), _looked_up),
    **dict.fromkeys(CONSTRUCTOR, _constructed),
    **dict.fromkeys(("add", "sub"), pointwise.added),
    **dict.fromkeys(("softmax", "log_softmax"), sums.softmax),
    **dict.fromkeys(("amax", "amin"), sums.extreme),
    "div": pointwise.binary,
    "relu": pointwise.relu,
    "gelu": pointwise.gelu,
    "clamp": pointwise.clamp,
    "linear": sums.linear,
    "matmul": sums.matmul,
    "sum": sums.total,
    "mean": sums.mean,
    "var": sums.variance,
    "std": sums.deviation,
    "masked_fill": pointwise.masked_fill,
    "where": pointwise.where,
}
