"""A block of a trace as boxes in order of the data, for the picture on which shapes are seen to change.

A block is a module, or a whole function. Its own steps are boxes, and so are those of the modules in it, unless these
are folded into one box a call. What the block reads from outside stands before its first reader. Where the program
failed, the call that raised is the last box, and the edges of its operands that disagree are marked.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import groupby, pairwise

import torch

from engine.config import Config
from engine.graph.given_names import told_apart
from engine.graph.module_paths import ancestors, is_inside
from engine.graph.strip_box import Strip, StripBox, failed_box, in_lanes, made_box, read_box, read_outside
from engine.ops import canonical_name
from engine.record.failure.failure import FailedOperand, Failure
from engine.record.trace import Leaf, Step, Trace

SMALL_STEPS = "small steps"  # among what is folded: steps that follow each other and only scale, mask or copy
_MOST_DRAWN = 240  # boxes that a browser lays out in the time that people wait for a picture
_STRIDE = 80  # steps between one window into a longer block and the next
MOST_BOXES = 60  # more cannot be followed by eye: then every module inside is one box

# These leave a shape as it is and every element in its place, so people look past them.
_SCALES = frozenset({"mul", "div", "neg"})
_MASKS = frozenset({"masked_fill", "add", "where", "tril", "triu"})
_COPIES = frozenset({"contiguous", "clone", "dropout", "to", "float", "type_as", "detach"})
# A weight is an operand of these in its own right; elsewhere, as in linear, it belongs to the operation.
_PRODUCTS = frozenset({"matmul", "bmm", "mm", "einsum"})


def strip_of(
    trace: Trace, module: str = "", folded: Collection[str] | None = None, near_step: int | None = None
) -> Strip:
    """A block of a trace.

    Args:
        trace: a recording of anything.
        module: the path of the block; "" is the whole program.
        folded: the modules inside it that are one box a call, and ``SMALL_STEPS``; by default none, or all modules
            where more than ``MOST_BOXES`` steps would be drawn.
        near_step: the index of a step; of a block with more boxes than a page can hold only those near it are drawn.

    Returns:
        The boxes in order of the data. A call that handed back the tensor it was given has none, unless it is one that
        copies at other sizes.
    """
    steps = [step for step in trace.steps if is_inside(step.path, module)]
    if folded is None:
        folded = default_folded(trace, module)
    near = steps if near_step is None else _near(steps, near_step, module, folded)
    rows = _Rows(module)
    runs = small_runs(near) if SMALL_STEPS in folded else {}
    for (start, part), group in groupby(near, key=lambda step: _fold_key(step, module, folded, runs)):
        run = list(group)
        if part or start in runs:
            rows.fold(trace, run, part)
        else:
            for step in run:
                rows.add(step)
    if trace.failure is not None:
        rows.fail(trace.failure)
    boxes = in_lanes(told_apart(trace, rows.boxes))
    symbols = {axis for box in boxes for axis in box.axes if axis}
    return Strip(module, boxes, {symbol: size for symbol, size in trace.sizes.items() if symbol in symbols})


def _near(steps: Sequence[Step], near_step: int, module: str, folded: Collection[str]) -> Sequence[Step]:
    """The steps near one of them, where all would be too many boxes. The window stays while one walks inside it."""
    runs = small_runs(steps) if SMALL_STEPS in folded else {}
    if len({_fold_key(step, module, folded, runs) for step in steps}) <= _MOST_DRAWN:
        return steps
    box_index = bisect_left([step.index for step in steps], near_step)
    start = max(box_index // _STRIDE * _STRIDE - _STRIDE // 4, 0)
    return steps[start : start + _STRIDE * 3 // 2]


def parts_of(trace: Trace, module: str, least: int = 2) -> Mapping[str, int]:
    """The modules directly inside a block that have so many steps at least, each with their number.

    Args:
        trace: the trace.
        module: the path of the block; "" for the whole model.
        least: the fewest steps that a part has.

    Returns:
        Steps by the path of the part, in the order of the program.
    """
    counts: dict[str, int] = {}
    for step in trace.steps:
        if is_inside(step.path, module) and (part := _part(step.path, module)):
            counts[part] = counts.get(part, 0) + 1
    return {part: count for part, count in counts.items() if count >= least}


def default_folded(trace: Trace, module: str) -> frozenset[str]:
    """The modules that are folded until a person says otherwise."""
    count = sum(is_inside(step.path, module) and step.memory != "same" for step in trace.steps)
    return frozenset(parts_of(trace, module)) if count > MOST_BOXES else frozenset()


def symbol_sizes(config: Config) -> dict[str, int]:
    """How long every axis of the built-in Transformer is with these sizes, by its symbol."""
    return {
        "B": config.batch,
        "S": config.src_len,
        "T": config.tgt_len,
        "H": config.heads,
        "d_model": config.d_model,
        "d_k": config.d_k,
        "d_v": config.d_v,
        "d_ff": config.d_ff,
        "V": config.vocab_size,
        "F": math.ceil(config.d_model / 2),
    }


def _part(path: str, module: str) -> str:
    """The module directly inside a block that a path leads to; "" where the path is the block's own."""
    return next((inner for inner in ancestors(path) if inner != module and is_inside(inner, module)), "")


def small_runs(steps: Sequence[Step]) -> Mapping[int, int]:
    """The steps that go on from each other and only scale, mask or copy: each one's index → that of the first of them.

    A step without such a neighbour is not among them.
    """
    starts: dict[int, int] = {}
    for before, step in pairwise(steps):
        goes_on = step.path == before.path and any(tensor is before for tensor in step.inputs)
        if goes_on and _is_small(before) and _is_small(step):
            starts[step.index] = starts.setdefault(before.index, before.index)
    return starts


def _fold_key(step: Step, module: str, folded: Collection[str], runs: Mapping[int, int]) -> tuple[int, str]:
    # Neighbours of one module are one call, or follow each other with nothing between; any other step is on its own.
    part = _part(step.path, module)
    return (-1, part) if part in folded else (runs.get(step.index, step.index), "")


class _Rows:
    """Boxes as they are put in their order, and which of them holds which tensor."""

    def __init__(self, module: str) -> None:
        self.boxes: list[StripBox] = []
        self._module = module
        # The id of a step or leaf, which the trace keeps → the place of its box; None for one that has no box.
        self._box_index_of: dict[int, int | None] = {}

    def add(self, step: Step) -> None:
        """A step as a box of its own; one that made nothing new stands for the tensor it was handed."""
        parents = self._box_indices(step.inputs, step.op)
        if not parents and step.value.numel() == 0:
            self._box_index_of[id(step)] = None  # an empty cache, for instance, to which something is then joined
            return
        if len(parents) == 1 and self._is_handed_on(step, self.boxes[parents[0]]):
            self._box_index_of[id(step)] = parents[0]
            return
        part = _part(step.path, self._module)
        self._append(step, (step,), parents, name=step.name, op=step.op, is_small=_is_small(step), module=part)
        if step.memory == "same" and parents:
            # It is drawn whether or not it had to copy, which depends on the sizes, and so it is what others read.
            self._box_index_of[id(step.inputs[0])] = self._box_index_of[id(step)]

    def _is_handed_on(self, step: Step, parent: StripBox) -> bool:
        """Whether what came out is what went in: nothing happened, or nothing was joined to it."""
        if canonical_name(step.op) == "cat":
            return step.shape == parent.shape
        return step.memory == "same" and step.op != "contiguous"

    def fail(self, failure: Failure) -> None:
        """The call that failed, after its operands; nothing where none of these is of the block."""
        origins = [operand.origin for operand in failure.operands]
        inside = [origin for origin in origins if isinstance(origin, Step) and is_inside(origin.path, self._module)]
        if not origins or (self._module and not inside):
            return
        parents = tuple(self._operand(operand) for operand in failure.operands)
        for edge in failure.edges:
            box = self.boxes[parents[edge.operand]]
            if box.shape:
                wrong = sorted({*box.wrong, edge.axis % len(box.shape)})
                self.boxes[parents[edge.operand]] = replace(box, wrong=tuple(wrong))
        self.boxes.append(failed_box(failure, parents))

    def _operand(self, operand: FailedOperand) -> int:
        if operand.origin is not None:
            # Any operator that reads weights has them drawn when it fails.
            box_index = self._boxed(operand.origin, "matmul")
            if box_index is not None and self.boxes[box_index].shape == operand.shape:
                return box_index
        self.boxes.append(read_box(None, operand.name, operand.axes, operand.value))
        return len(self.boxes) - 1

    def fold(self, trace: Trace, run: Sequence[Step], part: str) -> None:
        """The steps of one call of a module, or a run of small steps, as a box that shows what came out of them."""
        inside = {step.index for step in run}
        read = read_outside(trace, run)
        parents: dict[int, None] = {}
        for step in run:
            outside = [tensor for tensor in step.inputs if not isinstance(tensor, Step) or tensor.index not in inside]
            # Whatever weights a module has are its own, and folded with it.
            parents |= dict.fromkeys(self._box_indices(outside, ""))
        shown = read[-1] if read else run[-1]
        if part:
            self._append(shown, run, tuple(parents), name=part, op="module", module=part)
            return
        name = ", ".join(step.name for step in run)
        module = _part(shown.path, self._module)
        self._append(shown, run, tuple(parents), name=name, op=SMALL_STEPS, module=module, is_small=True)

    def _append(
        self,
        shown: Step,
        run: Sequence[Step],
        parents: tuple[int, ...],
        *,
        name: str,
        op: str,
        module: str,
        is_small: bool = False,
    ) -> None:
        folded = len(run) if op in ("module", SMALL_STEPS) else 0
        box = made_box(run, shown, parents, name=name, op=op, module=module, folded=folded, is_small=is_small)
        self._box_index_of |= {id(step): len(self.boxes) for step in run}
        self.boxes.append(box)

    def _box_indices(self, tensors: Sequence[Step | Leaf], op: str) -> tuple[int, ...]:
        return tuple(box_index for tensor in tensors if (box_index := self._boxed(tensor, op)) is not None)

    def _boxed(self, tensor: Step | Leaf, op: str) -> int | None:
        if id(tensor) in self._box_index_of:
            return self._box_index_of[id(tensor)]
        if isinstance(tensor, Leaf) and tensor.kind != "input" and canonical_name(op) not in _PRODUCTS:
            return None
        value = tensor.value
        step = tensor.index if isinstance(tensor, Step) else None
        box = read_box(step, _short_name(tensor), tensor.axes, value)
        self._box_index_of[id(tensor)] = box_index = len(self.boxes)
        self.boxes.append(box)
        return box_index


def _short_name(tensor: Step | Leaf) -> str:
    """The last part of a leaf's path is what the program's line says."""
    return tensor.name if isinstance(tensor, Step) else tensor.name.rpartition(".")[2] or tensor.kind


def _is_small(step: Step) -> bool:
    """Whether a step only scales, masks or copies one tensor, whose shape it keeps."""
    op = canonical_name(step.op) or step.op
    same = [
        tensor for tensor in step.inputs if tuple(tensor.value.shape) == step.shape and tensor.value.dtype != torch.bool
    ]
    others = [tensor for tensor in step.inputs if tensor not in same]
    if len(same) != 1:
        return False
    if op in _COPIES or op in _SCALES:
        return not others
    return op in _MASKS and all(_is_mask(tensor) for tensor in others) and (bool(others) or op in ("tril", "triu"))


def _is_mask(tensor: Step | Leaf) -> bool:
    return tensor.value.dtype == torch.bool or "mask" in tensor.name
