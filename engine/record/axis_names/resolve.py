"""From a recording's steps to the names of all their axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import CodeType
from typing import Any

from torch import Tensor, nn

from engine.record.axis_names.input_names import input_anchors
from engine.record.axis_names.labels import ONE, Label
from engine.record.axis_names.module_sizes import constructed_modules, weight_labels
from engine.record.axis_names.naming import Anchor, Naming, key_of, named_nodes
from engine.record.axis_names.shape_words import written_symbol
from engine.record.axis_names.written_sizes import written_anchors


def name_axes(
    steps: Sequence[Any],
    codes: Sequence[CodeType | None],
    running: Sequence[nn.Module | None],
    roots: Sequence[nn.Module],
    target: Any,
    inputs: Mapping[str, Tensor],
) -> Naming:
    """The names of all axes of a recording.

    Args:
        steps: every step, in order; its ``axes`` are those of its shape comment, or all None.
        codes: the code object that made each, None where it is not known.
        running: the module that was running at each.
        roots: the outermost modules that ran.
        target: what was recorded.
        inputs: the tensors that it was given, by name.
    """
    anchors: dict[int, list[list[Anchor]]] = {}

    def add(node: Any, axis: int, anchor: Anchor) -> None:
        anchors.setdefault(key_of(node), [[] for _ in range(node.value.dim())])[axis].append(anchor)

    anchors.update(input_anchors(target, inputs))
    modules = constructed_modules(roots)
    labels = weight_labels(modules)
    seen: set[int] = set()
    for node in named_nodes(steps):
        shape = tuple(node.value.shape)
        if node.kind == "step":
            for axis, symbol in enumerate(node.axes):
                if symbol is not None:
                    add(node, axis, _of_comment(symbol, shape[axis]))
        elif key_of(node) not in seen:
            seen.add(key_of(node))
            for axis, known in enumerate(labels.get(id(node.value), [None] * len(shape))):
                if known is not None:
                    add(node, axis, Anchor(known, "module's size"))
                elif shape[axis] == 1 and node.kind in ("parameter", "buffer"):
                    add(node, axis, Anchor(ONE, "module's size"))
    for node, axis, anchor in written_anchors(steps, codes, modules, running):
        add(node, axis, anchor)
    return Naming(steps, anchors)


def _of_comment(word: str, size: int) -> Anchor:
    symbol, vague = written_symbol(word)
    return Anchor(ONE if symbol == "1" else Label.of(symbol, size), "comment", vague)
