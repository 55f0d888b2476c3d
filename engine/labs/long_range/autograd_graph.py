"""The graph that autograd keeps of what was computed, walked from an output back to what it was computed from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def nodes_before(node: Any) -> list[Any]:
    """The nodes whose results a node read."""
    return [before for before, _ in node.next_functions if before is not None]


def inputs_first(root: Any) -> Iterator[Any]:
    """Every node of the graph behind ``root``, each after all those it reads; ``root`` is the last."""
    seen, stack = set(), [(root, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            yield node
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((before, False) for before in nodes_before(node) if before not in seen)
