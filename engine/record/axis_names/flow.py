"""Which axes of what a call read are axes of what it returned: the ways along which names travel."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.ops.access import AffineMap, SameIndex
from engine.ops.axis_groups import FlatMap
from engine.ops.registry import bound_operation
from engine.ops.window_access import SlidingWindow
from engine.record.axis_names.labels import Label, same_axes
from engine.record.axis_names.nodes import shape_of

# Calls that nobody described, whose result has an entry for every entry of what they were given first.
_SAME_SHAPE = frozenset(("requires_grad", "roll", "type", "multi_head_attention_forward"))
# Calls that read whole rows for every element, and give one of its own for each element of what they read.
_ROW_BY_ROW = frozenset(
    ("softmax", "log_softmax", "layer_norm", "rms_norm", "batch_norm", "group_norm", "normalize", "sort", "argsort")
)
# Products whose operands have one axis each that is multiplied and summed over.
_PRODUCTS = frozenset(("matmul", "linear", "bmm", "mm", "mv"))
_FINDING = frozenset(("nonzero", "argwhere"))
_EQUAL_PARTS = frozenset(("split", "chunk", "tensor_split"))


@dataclass(frozen=True)
class AxisPiece:
    """Some neighbouring entries of an axis, as a slice takes them and cat puts them side by side.

    Attributes:
        operand: what was read.
        axis: its axis.
        out: the axis of the result.
        start: the first entry in the result.
        step: how many entries of the operand lie between two of the result.
    """

    operand: Any
    axis: int
    out: int
    start: int
    step: int


@dataclass(frozen=True)
class Sliding:
    """An axis along which a window of ``count`` entries moves by ``stride``.

    ``operand`` is what was read and ``axis`` its axis, ``out`` the axis of the result.
    """

    operand: Any
    axis: int
    out: int
    stride: int
    count: int


@dataclass
class Flow:
    """How the axes of one step come from those of what it read.

    Attributes:
        moves: (what was read, its axis, the output's axis), for every axis that is one of the output.
        pieces: the axes of which the output has a part, or that are a part of the output's.
        regrouped: what a view was taken of, None for another call.
        summed: axes of two things read that are multiplied with each other and summed over.
        windows: the axes along which a convolution slides.
        finds: whether the output's first axis lists the entries that a condition holds for.
        known: whether it is known at all what the call reads.
    """

    moves: list[tuple[Any, int, int]] = field(default_factory=list)
    pieces: list[AxisPiece] = field(default_factory=list)
    regrouped: Any = None
    summed: list[tuple[tuple[Any, int], tuple[Any, int]]] = field(default_factory=list)
    windows: list[Sliding] = field(default_factory=list)
    finds: bool = False
    known: bool = True


def flow_of(step: Any) -> Flow:
    """The flow of a recorded step.

    Args:
        step: the step; of what it read only kind and value are asked.
    """
    bound = bound_operation(step)
    if bound is None:
        return _unknown(step)
    flow = Flow(finds=step.op in _FINDING or (step.op == "where" and len(step.inputs) == 1))
    limits = written_limits(step) if step.op == "getitem" else {}
    summed: dict[str, list[tuple[Any, int]]] = {}
    for name, read in bound.reads.items():
        operand = bound.call.args[name]
        if isinstance(read, FlatMap):
            flow.regrouped = operand
        elif isinstance(read, AffineMap):
            for axis, access in enumerate(read.axes):
                # x[:, :n] stops somewhere, even where n is the length of x.
                part_of = isinstance(access, SameIndex) and (
                    access.start is not None or (name == "input" and axis in limits)
                )
                letter = access.running_letter if access.runs else ""
                if isinstance(access, SameIndex) and part_of:
                    flow.pieces.append(AxisPiece(operand, axis, access.out, access.start or 0, access.step))
                elif isinstance(access, SlidingWindow):
                    flow.windows.append(Sliding(operand, axis, access.out, access.step, access.count))
                elif letter or (access.runs and step.op in _PRODUCTS):
                    summed.setdefault(letter, []).append((operand, axis))
                elif access.follows is not None:
                    flow.moves.append((operand, axis, access.follows))
        else:
            flow.moves += [(operand, axis, out) for axis, out in read.follows.items()]
    _keep_axes(step, flow)
    for first, *others in summed.values():
        flow.summed += [(first, other) for other in others]
    return flow


def _keep_axes(step: Any, flow: Flow) -> None:
    """Adds the axes that a call keeps although each of its elements is made of a whole row, or of nothing."""
    first = next(iter(step.inputs), None)
    keeps = step.op in _ROW_BY_ROW or step.op.endswith("_like") or step.memory == "overwritten"
    if first is not None and keeps and shape_of(first) == shape_of(step):
        taken = {out for operand, _, out in flow.moves if operand is first}
        flow.moves += [(first, axis, axis) for axis in range(step.value.dim()) if axis not in taken]


def _unknown(step: Any) -> Flow:
    """Of a call that nobody described, what its name tells all the same."""
    first = next(iter(step.inputs), None)
    name = step.op.removesuffix("_")
    flow = Flow(known=False)
    if first is not None and step.output == 0 and name in _SAME_SHAPE and shape_of(first) == shape_of(step):
        flow.moves += [(first, axis, axis) for axis in range(step.value.dim())]
    if step.op == "multi_head_attention_forward" and step.output == 1 and first is not None and first.value.dim() == 3:
        # query and key are (length, batch, features); the weights (batch, …, query's length, key's length)
        query, key, rank = first, step.inputs[1], step.value.dim()
        flow.moves += [(query, 1, 0), (query, 0, rank - 2), (key, 0, rank - 1)]
    return flow


def joined(flow: Flow, out: int, labels: Sequence[Label | None]) -> Label | None:
    """The label of an output's axis along which several tensors stand side by side.

    Args:
        flow: that of a cat.
        out: the output's axis.
        labels: those of the pieces along it, in order.
    """
    if any(label is None for label in labels):
        return None
    known = [label for label in labels if label is not None]
    if len(known) == 1:
        return known[0]
    if len(set(known)) == 1:
        return known[0].repeated(len(known))
    ones = sum(label.size for label in known if label.text == "1")
    others = [label for label in known if label.text != "1"]
    return others[0].plus(ones) if len(others) == 1 else None


def part(step: Any, piece: AxisPiece, label: Label | None) -> Label | None:
    """The label of a part of an axis.

    Args:
        step: the step that took the part.
        piece: which part.
        label: the label of the whole axis.
    """
    size, whole = shape_of(step)[piece.out], shape_of(piece.operand)[piece.axis]
    if label is None or piece.step != 1:
        return None
    if step.op in _EQUAL_PARTS:
        return label.over(whole // size) if size and whole % size == 0 else None
    text = written_limits(step).get(piece.axis)
    if text == "half":
        return label.over(2) if 2 * size == whole else None
    if isinstance(text, tuple):
        start, end = text
        if end is None or end < 0:
            count = -start + (end or 0)
            return label.plus(count) if label.size + count == size else None
    return None


def written_limits(step: Any) -> dict[int, tuple[int, int | None] | str | None]:
    """The axes that ``x[:, 1:-1]`` takes a part of: the numbers that it writes, "half" for a ``// 2``, else None."""
    try:
        node = ast.parse(step.source.expression, mode="eval").body if step.source else None
    except (SyntaxError, ValueError):
        return {}
    if not isinstance(node, ast.Subscript):
        return {}
    items: list[ast.expr] = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    rank = next(iter(step.inputs)).value.dim()
    taken = [item for item in items if not (isinstance(item, ast.Constant) and item.value in (None, ...))]
    at = next((n for n, item in enumerate(items) if isinstance(item, ast.Constant) and item.value is ...), len(items))
    items[at : at + 1] = [ast.Slice()] * (rank - len(taken))
    axes = [item for item in items if not (isinstance(item, ast.Constant) and item.value is None)]
    return {
        axis: _limits(item)
        for axis, item in enumerate(axes)
        if isinstance(item, ast.Slice) and (item.lower is not None or item.upper is not None)
    }


def _limits(item: ast.Slice) -> tuple[int, int | None] | str | None:
    given = [limit for limit in (item.lower, item.upper) if limit is not None]
    if len(given) == 1 and isinstance(given[0], ast.BinOp) and isinstance(given[0].op, ast.FloorDiv):
        return "half" if isinstance(given[0].right, ast.Constant) and given[0].right.value == 2 else None
    start, end = _number(item.lower), _number(item.upper)
    if len(given) != sum(limit is not None for limit in (start, end)):
        return None
    return (start or 0, end) if (start or 0) >= 0 else None


def _number(limit: ast.expr | None) -> int | None:
    """The number that an end of a slice is written as."""
    try:
        value = None if limit is None else ast.literal_eval(limit)
    except ValueError:
        return None
    return value if isinstance(value, int) else None


def slid(window: Sliding, label: Label | None, size: int) -> Label | None:
    """The label of what a window makes of an axis.

    Args:
        window: how it moves.
        label: the label of the axis.
        size: how many places it has.
    """
    if label is None or window.stride * size != label.size:
        return None
    if window.stride == window.count and label.text in ("Hpx", "Wpx"):
        return Label.of(f"{label.text}/p", size)  # patches side by side
    return label.over(window.stride)


def connected(step: Any, flow: Flow) -> Iterator[tuple[tuple[Any, int], tuple[Any, int]]]:
    """Pairs of axes that are one axis: of what was read and the output, and of two things read."""
    for operand, axis, out in flow.moves:
        if shape_of(operand)[axis] == shape_of(step)[out]:
            yield (operand, axis), (step, out)
    if flow.regrouped is not None:
        for axis, out in same_axes(shape_of(flow.regrouped), shape_of(step)):
            yield (flow.regrouped, axis), (step, out)
    for (left, axis), (right, other) in flow.summed:
        if shape_of(left)[axis] == shape_of(right)[other]:
            yield (left, axis), (right, other)
