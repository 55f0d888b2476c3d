"""Gives every axis of a recording a name, and says from where.

First what the program itself says of a tensor (its anchors), in order of trust; then along the data, in the order in
which the steps ran; then, where an axis has still no name, from what it was used with later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.axes import is_length
from engine.record.axis_names.flow import Flow, connected, joined, part, slid
from engine.record.axis_names.labels import ONE, Label, Labels, regrouped
from engine.record.axis_names.nodes import key_of, shape_of

# Where a name may come from, the most trusted first.
SOURCES = (
    "comment",
    "einops pattern",
    "einsum pattern",
    "unpacked shape",
    "arguments",
    "annotation",
    "docstring",
    "argument name",
    "module's size",
)
_TRUST = {source: index for index, source in enumerate(SOURCES)}
Key = tuple[int, int]


@dataclass(frozen=True)
class Anchor:
    """What the program says of one axis.

    Attributes:
        label: its name.
        source: one of ``SOURCES``.
        vague: whether it only says what kind of axis this is: ``seq_len`` is a length, of source or of target. What
            the data says is better.
        origin: the source in more words, such as "view's arguments"; the source itself where that is "".
    """

    label: Label
    source: str
    vague: bool = False
    origin: str = ""

    @property
    def name(self) -> AxisName:
        """The name that it gives."""
        return AxisName(self.label, self.origin or self.source, self.source)


@dataclass(frozen=True)
class AxisName:
    """The name that an axis has.

    Attributes:
        label: the name.
        origin: where it is from, in words for people.
        source: which of ``SOURCES`` it goes back to, "" for none.
    """

    label: Label
    origin: str
    source: str = ""


Anchors = Mapping[int, Sequence[Sequence[Anchor]]]


class Naming:
    """The names of all axes of a recording.

    Args:
        steps: every step, in order.
        flows: how the axes of each come from those of what it read.
        anchors: what the program says of the axes of a step or of a tensor that no step made, by ``key_of``.
    """

    def __init__(self, steps: Sequence[Any], flows: Sequence[Flow], anchors: Anchors) -> None:
        self._steps = steps
        self._flows = flows
        self._anchors = anchors
        self._names: dict[Key, AxisName] = {}
        for key, axes in anchors.items():
            for axis, axis_anchors in enumerate(axes):
                best = _most_trusted(axis_anchors)
                if best is not None and not best.vague:
                    self._names[key, axis] = best.name
        self._spread()

    def names_of(self, node: Any) -> tuple[AxisName | None, ...]:
        """The names of the axes of a step, or of a tensor that none made; None for an axis without one."""
        key = key_of(node)
        return tuple(self._names.get((key, axis)) for axis in range(node.value.dim()))

    def _labels_of(self, node: Any) -> Labels:
        return tuple(None if name is None else name.label for name in self.names_of(node))

    def anchors_of(self, node: Any) -> Sequence[Sequence[Anchor]]:
        """What the program itself says of each axis."""
        return self._anchors.get(key_of(node), [()] * node.value.dim())

    def carried(self, index: int) -> tuple[AxisName | None, ...]:
        """What the axes of the step at ``index`` are called after what it read."""
        step, flow = self._steps[index], self._flows[index]
        if flow.regrouped is not None:
            return self._regrouped(step, flow.regrouped)
        return tuple(self._followed(step, flow, out) for out in range(step.value.dim()))

    def _spread(self) -> None:
        self._forward()
        for _ in range(3):
            if not self._backward():
                break
            self._forward()
        # Only now a word such as seq_len. Where source and target have names of their own, it may be either.
        two = any(name.label.text in ("S", "T") for name in self._names.values())
        for key, axes in self._anchors.items():
            for axis, axis_anchors in enumerate(axes):
                best = _most_trusted(axis_anchors)
                if best is not None and not (two and is_length(best.label.text)):
                    self._names.setdefault((key, axis), best.name)
        self._forward()
        if self._backward():
            self._forward()

    def _forward(self) -> None:
        for step, flow in zip(self._steps, self._flows, strict=True):
            key = key_of(step)
            if flow.regrouped is not None:
                self._regroup(step, flow.regrouped)
            for out in range(step.value.dim()):
                if (key, out) not in self._names:
                    name = self._followed(step, flow, out)
                    if name is not None:
                        self._names[key, out] = name

    def _followed(self, step: Any, flow: Flow, out: int) -> AxisName | None:
        size = shape_of(step)[out]
        carried_name: AxisName | None = None
        for operand, axis, to in flow.moves:
            if to != out or shape_of(operand)[axis] != size:
                continue
            name = self._names.get((key_of(operand), axis))
            # Of two axes of size 1 the one that has a meaning; of others the first.
            if name is not None and (carried_name is None or carried_name.label == ONE):
                carried_name = AxisName(name.label, _carried(operand), name.source)
        if carried_name is not None:
            return carried_name
        pieces = [piece for piece in flow.pieces if piece.out == out]
        if pieces:
            labels = [self._label(piece.operand, piece.axis) for piece in pieces]
            single = len(pieces) == 1 and step.op not in ("cat", "concat", "concatenate")
            label = part(step, pieces[0], labels[0]) if single else joined(flow, out, labels)
            fits = label is not None and label.size == size
            whole = self._names.get((key_of(pieces[0].operand), pieces[0].axis))
            source = whole.source if whole is not None else ""
            return AxisName(label, _carried(pieces[0].operand), source) if label is not None and fits else None
        for window in flow.windows:
            if window.out == out:
                label = slid(window, self._label(window.operand, window.axis), size)
                return None if label is None else AxisName(label, _carried(window.operand), "module's size")
        if flow.finds and out == 0:
            return AxisName(Label.of("n", size), "the entries that a condition picked")
        new = flow.known and size == 1 and flow.regrouped is None and all(to != out for _, _, to in flow.moves)
        return AxisName(ONE, "a new axis of one entry") if new and flow.moves and not flow.windows else None

    def _regroup(self, step: Any, operand: Any) -> None:
        key = key_of(step)
        for axis, name in enumerate(self._regrouped(step, operand)):
            if name is not None:
                self._names.setdefault((key, axis), name)

    def _regrouped(self, step: Any, operand: Any) -> tuple[AxisName | None, ...]:
        own = self.names_of(step)
        before = self._labels_of(operand)
        source = next((name.source for name in self.names_of(operand) if name is not None), "")
        labels = regrouped(before, shape_of(operand), shape_of(step))
        _split_heads(labels, own, before, shape_of(step))
        return tuple(
            AxisName(label, _carried(operand), source) if label is not None and label.size == size else None
            for label, size in zip(labels, shape_of(step), strict=True)
        )

    def _label(self, node: Any, axis: int) -> Label | None:
        name = self._names.get((key_of(node), axis))
        return name.label if name is not None else None

    def _backward(self) -> bool:
        """Names axes after what they are one axis with, where all that is so named agrees. Whether there was any."""
        same: dict[Key, Key] = {}

        def root(key: Key) -> Key:
            while (up := same.get(key, key)) != key:
                same[key] = same.get(up, up)
                key = up
            return key

        nodes: dict[Key, Any] = {}
        for step, flow in zip(self._steps, self._flows, strict=True):
            for (left, axis), (right, other) in connected(step, flow):
                if self._label(left, axis) == ONE or self._label(right, other) == ONE:
                    continue
                a, b = (key_of(left), axis), (key_of(right), other)
                nodes[a], nodes[b] = left, right
                same[root(a)] = root(b)
        named: dict[Key, dict[str, Key]] = {}
        for key in nodes:
            # A comment speaks of its own line and of what comes of it: it may rename.
            if key in self._names and self._names[key].source != "comment":
                named.setdefault(root(key), {}).setdefault(self._names[key].label.text, key)
        changed = False
        for key in nodes:
            texts = named.get(root(key), {})
            if key not in self._names and len(texts) == 1:
                (named_key,) = texts.values()
                name = self._names[named_key]
                self._names[key] = AxisName(name.label, _carried(nodes[named_key]), name.source)
                changed = True
        return changed


def _carried(node: Any) -> str:
    return f"carried from {node.name or node.kind}"


def _most_trusted(axis_anchors: Sequence[Anchor]) -> Anchor | None:
    return min(axis_anchors, key=lambda anchor: (anchor.vague, _TRUST[anchor.source]), default=None)


def _split_heads(
    labels: list[Label | None], own: Sequence[AxisName | None], before: Labels, shape: Sequence[int]
) -> None:
    """Names the heads that the width of the model is cut into, where the program says which axis is d_k or H."""
    whole = next((label for label in before if label is not None and label.text in ("d_model", "H*d_k")), None)
    if whole is None:
        return
    for axis in range(len(shape) - 1):
        outer, inner = own[axis], own[axis + 1]
        if whole.size != shape[axis] * shape[axis + 1]:
            continue
        if outer is None and labels[axis] is None and inner is not None and inner.label.text == "d_k":
            labels[axis] = Label.of("H", shape[axis])
        if inner is None and labels[axis + 1] is None and outer is not None and outer.label.text == "H":
            labels[axis + 1] = Label.of("d_k", shape[axis + 1])
