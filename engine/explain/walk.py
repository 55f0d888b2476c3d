"""From an element of a trace back to everything that made it: through steps, through the inside of fused calls, to
parameters, inputs and constants.

What a step's element read is what its explanation names (``engine.ops``), so the whole walk is that of somebody who
follows every term.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.ops.access import AccessMap, AffineMap, AllIndices, AxisAccess, ConstIndex, NoAccess, SameIndex
from engine.ops.axis_groups import FlatMap
from engine.ops.index_access import ChosenIndex, SearchMap
from engine.ops.numerics import memory_of
from engine.ops.registry import bound_operation
from engine.record.recording import outputs_of
from engine.record.trace import Leaf, Step, Trace

_UNKNOWN = "the arithmetic of {op} is not known here: everything that it was given is taken to be read"
_CLOSED = (
    "the inside of {op} does not show what this element was made of: everything that it was given is taken to be read"
)


@dataclass(frozen=True, eq=False)
class Reached:
    """Elements of one tensor that a walk came to.

    Attributes:
        tensor: the step that made it, or the leaf that it is.
        elements: of the tensor's shape, True where the walk came.
    """

    tensor: Step | Leaf
    elements: Tensor


@dataclass(frozen=True, eq=False)
class Walk:
    """Everything that the elements of a step were made of.

    Attributes:
        steps: by step index, the elements of each step, the first one's own included.
        leaves: the elements of parameters, inputs and constants.
        insides: by index of the step of a fused call, the walk through its inside.
        whole: by step index, why a step was gone through to all that it was given: a sentence.
    """

    steps: Mapping[int, Reached]
    leaves: tuple[Reached, ...]
    insides: Mapping[int, Walk]
    whole: Mapping[int, str]


def walk(trace: Trace, step: Step, elements: Sequence[int] | Tensor) -> Walk:
    """Follows every element that was read back to where it came from.

    A step whose arithmetic is unknown, or whose memory was overwritten since, is gone through to everything that it was
    given. A fused call with an inside is gone through along its inside.

    Args:
        trace: what the step is part of.
        step: where to begin.
        elements: an index of the step, or a mask of bool of its shape.

    Returns:
        The elements that the walk came to.

    Raises:
        IndexError: there is no such element.
    """
    return _Walker(trace).walk(step, elements if isinstance(elements, Tensor) else _single(step.shape, elements))


class _Walker:
    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.steps: dict[int, Reached] = {}
        self.leaves: dict[int, Reached] = {}
        self.insides: dict[int, Walk] = {}
        self.whole: dict[int, str] = {}

    def walk(self, step: Step, elements: Tensor) -> Walk:
        self._come_to(step, elements)
        for index in range(step.index, -1, -1):
            reached = self.steps.get(index)
            if reached is not None and bool(reached.elements.any()):
                self._go_through(self.trace.steps[index], reached.elements)
        return Walk(self.steps, tuple(self.leaves.values()), self.insides, self.whole)

    def _come_to(self, tensor: Step | Leaf, elements: Tensor) -> None:
        known, key = (self.steps, tensor.index) if isinstance(tensor, Step) else (self.leaves, id(tensor))
        before = known.get(key)
        known[key] = Reached(tensor, elements if before is None else before.elements | elements)

    def _go_through(self, step: Step, elements: Tensor) -> None:
        refusal = next((each.unreadable for each in (step, *step.inputs) if each.unreadable), None)
        if refusal is not None:
            self._take_all(step, step.inputs, refusal)
        elif step.inside is not None and self._go_inside(step, step.inside, elements):
            return
        else:
            bound = bound_operation(step)
            if bound is None:
                self._take_all(step, step.inputs, (_UNKNOWN if step.inside is None else _CLOSED).format(op=step.op))
                return
            for name, read in bound.reads.items():
                if not isinstance(read, NoAccess):
                    self._come_to(bound.call.args[name], elements_read(read, elements, bound.call.shape(name)))

    def _take_all(self, step: Step, tensors: Iterable[Step | Leaf], reason: str) -> None:
        self.whole[step.index] = reason
        for tensor in tensors:
            self._come_to(tensor, torch.ones(tensor.value.shape, dtype=torch.bool))

    def _go_inside(self, step: Step, inside: Trace, elements: Tensor) -> bool:
        """Goes through a fused call's inside; False where its result stands in no step of it."""
        outputs = outputs_of(inside.output)
        result = outputs[step.output] if step.output < len(outputs) else None
        last = next((inner for inner in reversed(inside.steps) if inner.value is result), None)
        if last is None or last.shape != step.shape:
            return False
        within = walk(inside, last, elements)
        self.insides[step.index] = within
        given: dict[object, list[Step | Leaf]] = {}
        for parent in step.inputs:
            given.setdefault(_memory_key(parent.value), []).append(parent)
        strangers: list[Reached] = []
        for leaf in within.leaves:
            same = given.pop(_memory_key(leaf.tensor.value), [])
            if not same:
                strangers.append(leaf)
            for parent in same:
                self._come_to(parent, leaf.elements)
        if strangers and not given:
            # Numbers that the call has of its own, such as weights packed for it.
            for leaf in strangers:
                self._come_to(leaf.tensor, leaf.elements)
        elif strangers:
            # The inside began with something made of what the call was given, such as a mask turned round.
            self._take_all(step, itertools.chain.from_iterable(given.values()), _CLOSED.format(op=step.op))
        return True


def _memory_key(tensor: Tensor) -> object:
    """What two tensors have in common that are the same numbers in the same memory."""
    memory = memory_of(tensor)
    if memory is None:
        return id(tensor)
    return memory.data_ptr(), tensor.storage_offset(), tuple(tensor.shape), tensor.stride(), tensor.dtype


def _single(shape: tuple[int, ...], index: Sequence[int]) -> Tensor:
    mask = torch.zeros(shape, dtype=torch.bool)
    if len(index) != len(shape) or any(not 0 <= at < size for at, size in zip(index, shape, strict=True)):
        raise IndexError(f"an index of a tensor of shape {shape} has a number for each axis: got {tuple(index)}")
    mask[tuple(index)] = True
    return mask


def elements_read(read: AccessMap, elements: Tensor, shape: Sequence[int]) -> Tensor:
    """Which elements of an input are read by some elements of an output.

    Args:
        read: what one element of the output reads of the input.
        elements: of the output's shape, True for those that are meant.
        shape: the input's.

    Returns:
        A mask of bool of the input's shape.
    """
    if isinstance(read, FlatMap):
        return elements.reshape(tuple(shape))
    mask = torch.zeros(tuple(shape), dtype=torch.bool)
    if isinstance(read, AffineMap) and all(isinstance(axis, _COMPUTED_AT_ONCE) for axis in read.axes):
        _mark_affine(mask, read, elements)
    elif isinstance(read, SearchMap):  # its cells are no box
        for index in elements.nonzero().tolist():
            for cell in read.cells(tuple(index)):
                mask[cell] = True
    else:
        for index in elements.nonzero().tolist():
            ranges = read.ranges(tuple(index))
            if ranges is not None:
                mask[tuple(slice(each.start, each.stop, each.step) for each in ranges)] = True
    return mask


# Where a map's axes are of these kinds, what all elements read is computed at once.
_COMPUTED_AT_ONCE = (SameIndex, AllIndices, ConstIndex, ChosenIndex)


def _mark_affine(mask: Tensor, read: AffineMap, elements: Tensor) -> None:
    if read.when is None:
        followed = {out for axis in read.axes for out in _followed(axis)}
        gone = [axis for axis in range(elements.dim()) if axis not in followed]
        # What differs along the other axes alone reads the same.
        elements = elements.any(dim=gone, keepdim=True) if gone else elements
    indices = elements.nonzero()
    if read.when is not None:
        indices = indices[[read.when.holds(tuple(index)) for index in indices.tolist()]]
    if len(indices):
        mask[tuple(_indices(axis, size, indices) for axis, size in zip(read.axes, read.shape, strict=True))] = True


def _followed(axis: AxisAccess) -> Iterable[int]:
    if isinstance(axis, ChosenIndex):
        return [out for out in axis.at if out is not None]
    return [axis.out] if isinstance(axis, SameIndex) else []


def _indices(axis: AxisAccess, size: int, indices: Tensor) -> Any:
    """The indices of one axis of an input that the elements at these places read."""
    if isinstance(axis, ConstIndex):
        return axis.at
    if isinstance(axis, SameIndex):
        if axis.start is None:
            return indices[:, axis.out] * (size != 1)
        return indices[:, axis.out] * axis.step + axis.start
    if isinstance(axis, ChosenIndex):
        numbers = axis.table.numbers.cpu()
        return numbers[tuple(0 if out is None else indices[:, out] for out in axis.at)].long() % size
    return slice(None)
