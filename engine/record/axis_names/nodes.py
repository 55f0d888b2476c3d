"""The tensors of a recording whose axes are named: steps, and what steps read that none of them made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor


def key_of(node: Any) -> int:
    """What a step is told by; of a tensor that no step made, the tensor itself."""
    return id(node) if node.kind == "step" else id(node.value)


def shape_of(node: Any) -> tuple[int, ...]:
    """The sizes of a node's axes."""
    return sizes_of(node.value)


def sizes_of(value: Tensor) -> tuple[int, ...]:
    """The sizes of a tensor's axes; −1 for those of a nested tensor, whose rows have lengths of their own."""
    return (-1,) * value.dim() if value.is_nested else tuple(value.shape)


def named_nodes(steps: Sequence[Any]) -> Iterator[Any]:
    """Every step, and before it what it read that no step made."""
    for step in steps:
        yield from (parent for parent in step.inputs if parent.kind != "step")
        yield step
