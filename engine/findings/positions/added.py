"""Where a program adds positions to its tokens."""

from __future__ import annotations

from dataclasses import dataclass

from engine.findings.known import Known
from engine.ops import canonical_name
from engine.record.trace import Leaf, Step

_COUNTING = frozenset(("arange", "linspace", "cumsum"))
_FAR = 64


@dataclass(frozen=True, eq=False)
class AddedPositions:
    """The first sum of tokens and positions.

    Attributes:
        step: the sum, (B, L, d_model).
        positions: what stands for the positions, one row each.
        axis: the axis of the sum along which the positions differ.
    """

    step: Step
    positions: Step | Leaf
    axis: int


def added_positions(known: Known) -> AddedPositions | None:
    """The first sum of tokens and positions; None where positions are not added, or differ along no axis alone."""
    return known.once(added_positions.__name__, _added_positions)


def _added_positions(known: Known) -> AddedPositions | None:
    for step in known.trace.steps:
        if canonical_name(step.op) != "add" or step.value.dim() != 3 or len(step.inputs) != 2:
            continue
        for positions, tokens in (step.inputs, step.inputs[::-1]):
            shape = (1, 1, 1, *positions.value.shape)[-3:]
            axes = [axis for axis in (0, 1) if shape[axis] > 1]
            if tuple(tokens.value.shape) == step.shape and len(axes) == 1 and are_positions(positions):
                return AddedPositions(step, positions, axes[0])
    return None


def are_positions(parent: Step | Leaf) -> bool:
    """Whether a tensor is a table, or was made by counting."""
    stack, seen = [parent], 0
    while stack and seen < _FAR:
        node = stack.pop()
        seen += 1
        if isinstance(node, Leaf):
            if node is parent or node.kind == "input":
                return node.kind in ("parameter", "buffer")
        elif canonical_name(node.op) in _COUNTING:
            return True
        elif node.memory in ("view", "same") and isinstance(node.inputs[0], Leaf):
            return node.inputs[0].kind in ("parameter", "buffer")
        else:
            stack += node.inputs
    return False
