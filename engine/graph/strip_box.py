"""One tensor of a block as a box, and the line of data that it stands on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from engine.record.failure.failure import Failure
from engine.record.trace import Step, Trace


@dataclass(frozen=True)
class StripBox:
    """One tensor of a block.

    Attributes:
        step: the index of the step that made it, or the output of a folded module; None for what no step made.
        first: the index of the first of the steps in it; None where there is none.
        name: what the program calls it; of a folded module its path.
        op: the operation, "" where the block only reads it.
        axes: its symbols, None where unknown.
        shape: its sizes, in the order of ``axes``.
        parents: the boxes it was made of, by their places among the boxes, in the order of the call.
        lane: the line of data it stands on. The first input that nobody has continued yet is continued.
        is_small: whether the operation only scales, masks or copies.
        module: the module inside the block that made it, "" for the block itself.
        folded: how many steps stand in this box; 0 where it is one step or none.
        itemsize: bytes of an element.
        flops: floating-point operations, None where they are not known.
        wrong: its axes that the call that failed could not bring together with another's.
        is_failed: whether it is the call that failed, which has no shape.
    """

    step: int | None
    first: int | None
    name: str
    op: str
    axes: tuple[str | None, ...]
    shape: tuple[int, ...]
    parents: tuple[int, ...]
    lane: int
    is_small: bool
    module: str
    folded: int
    itemsize: int
    flops: int | None
    wrong: tuple[int, ...] = ()
    is_failed: bool = False


@dataclass(frozen=True)
class Strip:
    """The boxes of a block, each after those it was made of, and how long each of its named axes is."""

    module: str
    boxes: tuple[StripBox, ...]
    sizes: Mapping[str, int]


def read_box(step: int | None, name: str, axes: tuple[str | None, ...], value: torch.Tensor) -> StripBox:
    """A tensor that a block only reads.

    Args:
        step: the index of the step that made it, None where none did.
        name: what the program calls it.
        axes: its symbols, empty where none is known.
        value: the tensor.
    """
    return StripBox(
        step=step,
        first=None,
        name=name,
        op="",
        axes=axes or (None,) * value.dim(),
        shape=tuple(value.shape),
        parents=(),
        lane=0,
        is_small=False,
        module="",
        folded=0,
        itemsize=value.element_size(),
        flops=0,
    )


def made_box(
    run: Sequence[Step],
    shown: Step,
    parents: tuple[int, ...],
    *,
    name: str,
    op: str,
    module: str,
    folded: int,
    is_small: bool = False,
) -> StripBox:
    """What a run of steps made.

    Args:
        run: the steps that stand in the box.
        shown: the one of them whose output it shows.
        parents: the boxes that they read, by their places among the boxes.
        name: what stands on it.
        op: the operation.
        module: the module inside the block that made it, "" for the block itself.
        folded: how many steps it hides; 0 where it is one step.
        is_small: whether they only scale, mask or copy.
    """
    known = [step.flops for step in run if step.flops is not None]
    return StripBox(
        step=shown.index,
        first=run[0].index,
        name=name,
        op=op,
        axes=shown.axes,
        shape=shown.shape,
        parents=parents,
        lane=0,
        is_small=is_small,
        module=module,
        folded=folded,
        itemsize=shown.value.element_size(),
        flops=sum(known) if known else None,
    )


def read_outside(trace: Trace, run: Sequence[Step]) -> list[Step]:
    """The steps of a run that steps outside it read."""
    inside = {step.index for step in run}
    return [step for step in run if any(other.index not in inside for other in trace.consumers.get(step.index, ()))]


def failed_box(failure: Failure, parents: tuple[int, ...]) -> StripBox:
    """The call that raised, with the boxes of its operands."""
    return StripBox(
        step=None,
        first=None,
        name=failure.expression or failure.op,
        op=failure.op,
        axes=(),
        shape=(),
        parents=parents,
        lane=0,
        is_small=False,
        module="",
        folded=0,
        itemsize=0,
        flops=0,
        is_failed=True,
    )


def in_lanes(boxes: Sequence[StripBox]) -> tuple[StripBox, ...]:
    """Each box on the line of the first of its parents that is the last of its line so far, else on a new one."""
    ends: dict[int, int] = {}  # the last box of a line → the line
    lanes = 0
    placed: list[StripBox] = []
    for position, box in enumerate(boxes):
        continued = next((parent for parent in box.parents if parent in ends), None)
        if continued is None:
            lane, lanes = lanes, lanes + 1
        else:
            lane = ends.pop(continued)
        ends[position] = lane
        placed.append(replace(box, lane=lane))
    return tuple(placed)
