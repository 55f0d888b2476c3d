"""Keys that were joined behind cached ones."""

from __future__ import annotations

from dataclasses import dataclass

from engine.ops import canonical_name
from engine.record.trace import Leaf, Step

_FAR = 12


@dataclass(frozen=True, eq=False)
class JoinedKeys:
    """The new keys, and how many there were before."""

    new: Step
    past: int


def joined_keys(parent: Step | Leaf) -> JoinedKeys | None:
    """The new keys and how many were cached; None where keys were not joined behind cached ones."""
    node = parent
    for _ in range(_FAR):
        if not isinstance(node, Step) or not node.inputs:
            return None
        if canonical_name(node.op) in ("cat", "concat"):
            parts = [part for part in node.inputs if part.value.dim() == node.value.dim()]
            # Both halves of a rotated vector are joined as well, of steps alone.
            if len(parts) == 2 and isinstance(parts[1], Step) and _is_cached(parts[0]):
                return JoinedKeys(parts[1], _grown(node, parts[1]))
            return None
        node = node.inputs[0]
    return None


def _is_cached(part: Step | Leaf) -> bool:
    """Whether a part of the keys was there before: given, or cut from what was given."""
    while isinstance(part, Step) and part.memory in ("view", "same") and part.inputs:
        part = part.inputs[0]
    return isinstance(part, Leaf) and part.kind in ("input", "constant", "buffer")


def _grown(joined: Step, new: Step) -> int:
    grown = [size - before for size, before in zip(joined.shape, new.shape, strict=True) if size != before]
    return grown[0] if grown else 0
