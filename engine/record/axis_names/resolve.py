"""From a recording's steps to the names of all their axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from engine.record.axis_names.input_names import input_anchors
from engine.record.axis_names.labels import ONE, Label
from engine.record.axis_names.module_sizes import weight_labels
from engine.record.axis_names.naming import Anchor, Naming, key_of, named_nodes
from engine.record.axis_names.written_sizes import written_anchors


def name_axes(steps: Sequence[Any], codes: Sequence[Any], roots: Sequence[nn.Module], target: Any, inputs: Any) -> Naming:
    """The names of all axes of a recording.

    Args:
        steps: every step, in order; its ``axes`` are those of its shape comment, or all None.
        codes: the code object that made each, None where it is not known.
        roots: the outermost modules that ran.
        target: what was recorded.
        inputs: the tensors that it was given, by name.
    """
    anchors: dict[int, list[list[Anchor]]] = {}

    def add(key: int, axis: int, label: Label, source: str, rank: int) -> None:
        anchors.setdefault(key, [[] for _ in range(rank)])[axis].append(Anchor(label, source))

    for key, said in input_anchors(target, inputs).items():
        anchors[key] = said
    labels = weight_labels(roots)
    for node in named_nodes(steps):
        value: Tensor = node.value
        if node.kind == "step":
            for axis, symbol in enumerate(node.axes):
                if symbol is not None:
                    label = ONE if symbol == "1" else Label.of(symbol, value.shape[axis])
                    add(key_of(node), axis, label, "comment", value.dim())
        elif key_of(node) not in anchors:
            for axis, known in enumerate(labels.get(id(value), [None] * value.dim())):
                if known is not None:
                    add(key_of(node), axis, known, "module's size", value.dim())
                elif value.shape[axis] == 1 and node.kind in ("parameter", "buffer"):
                    add(key_of(node), axis, ONE, "module's size", value.dim())
    for key, axis, label, source, rank in written_anchors(steps, codes):
        add(key, axis, label, source, rank)
    return Naming(steps, anchors)
