"""From a recording's steps to the names of all their axes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from torch import Tensor, nn

from engine.axes import AXES, is_length
from engine.record.axis_names.flow import flow_of
from engine.record.axis_names.input_names import input_anchors
from engine.record.axis_names.labels import ONE, Label
from engine.record.axis_names.module_sizes import constructed_modules, weight_labels
from engine.record.axis_names.naming import Anchor, Naming
from engine.record.axis_names.nodes import key_of, named_nodes, shape_of
from engine.record.axis_names.notes import AxisDisagreement, AxisNotes, elsewhere, hint
from engine.record.axis_names.shape_words import written_symbol
from engine.record.axis_names.written_sizes import written_anchors
from engine.record.recording import Execution

_Anchors = dict[int, list[list[Anchor]]]


class NamedAxes:
    """The names of all axes of a recording, worked out when first asked for.

    Args:
        steps: every step, in order; its ``axes`` are those of its shape comment, or all None.
        executions: the run of a function that each was made in.
        roots: the outermost modules that ran.
        target: what was recorded.
        inputs: the tensors that it was given, by name.
        contradictions: by step the sentence that says why its comment can't be true.
    """

    def __init__(
        self,
        steps: Sequence[Any],
        executions: Sequence[Execution],
        roots: Sequence[nn.Module],
        target: Any,
        inputs: Mapping[str, Tensor],
        contradictions: Mapping[int, str],
    ) -> None:
        self._steps = steps
        self._executions = executions
        self._roots = roots
        self._given = target, inputs
        self._contradictions = dict(contradictions)
        self._comments = [step.axes for step in steps]

    def axes_of(self, index: int) -> tuple[str | None, ...]:
        """The symbols of the axes of the step at ``index``, None for an axis without a name."""
        names = self._naming.names_of(self._steps[index])
        return tuple(None if name is None else name.label.text for name in names)

    def axes_of_given(self, node: Any) -> tuple[str | None, ...]:
        """The symbols of the axes of a tensor that no step made, () where nothing is known of them."""
        names = self._naming.names_of(node)
        return tuple(None if name is None else name.label.text for name in names) if any(names) else ()

    def notes_of(self, index: int) -> AxisNotes:
        """Where they are from, and what speaks against them."""
        naming, step = self._naming, self._steps[index]
        names = naming.names_of(step)
        origins = tuple(None if name is None else name.origin for name in names)
        carried = naming.carried(index)
        disagreements = []
        for axis, (name, axis_anchors) in enumerate(zip(names, naming.anchors_of(step), strict=True)):
            others = [(anchor.label.text, anchor.name.origin) for anchor in axis_anchors if not anchor.vague]
            along = carried[axis]
            if along is not None and {along.label.text, name.label.text if name else ""} <= AXES.keys():
                others.append((along.label.text, along.origin))
            if name is None:
                continue
            for text, source in dict(others).items():
                if not _may_be_one(text, name.label.text):
                    disagreements.append(AxisDisagreement(axis, (name.label.text, text), (name.origin, source)))
        sentence = self._contradictions.get(index, self._hints.get(index))
        return AxisNotes(origins, tuple(disagreements), sentence)

    @cached_property
    def _naming(self) -> Naming:
        flows = [flow_of(step) for step in self._steps]
        anchors = self._anchors()
        naming = Naming(self._steps, flows, anchors)
        # A comment that is known to be wrong is taken away, and what was carried from it as well.
        for _ in range(len(self._steps)):
            wrong = dict(self._misplaced(naming))
            if not wrong:
                break
            for index, sentence in list(wrong.items())[:1]:
                self._contradictions[index] = sentence
                axis_anchors = anchors[key_of(self._steps[index])]
                axis_anchors[:] = [[anchor for anchor in axis if anchor.source != "comment"] for axis in axis_anchors]
            naming = Naming(self._steps, flows, anchors)
        return naming

    def _misplaced(self, naming: Naming) -> Iterator[tuple[int, str]]:
        """The steps whose comment gives an axis the name of another of its axes, which has another size."""
        for index, step in enumerate(self._steps):
            words = self._comments[index]
            if None in words or not words or index in self._contradictions:
                continue
            others = list(naming.carried(index))
            for axis, axis_anchors in enumerate(naming.anchors_of(step)):
                for anchor in axis_anchors:
                    if anchor.source not in ("comment", "docstring") and not anchor.vague:
                        others[axis] = anchor.name
            symbols = [written_symbol(word)[0] for word in words]
            for axis, symbol in enumerate(symbols):
                for other, name in enumerate(others):
                    if name is None or name.label.text != symbol or symbol == "1" or symbols[other] == symbol:
                        continue
                    if shape_of(step)[axis] != shape_of(step)[other]:
                        yield index, elsewhere(words, shape_of(step), axis, shape_of(step)[other], name.origin)
                        break

    @cached_property
    def _hints(self) -> Mapping[int, str]:
        """The steps whose comment gives a symbol another size than one before it in the same run of a function."""
        hints: dict[int, str] = {}
        sizes: dict[int, dict[str, int]] = {}
        for index, (step, execution) in enumerate(zip(self._steps, self._executions, strict=True)):
            if index in self._contradictions:
                continue
            seen = sizes.setdefault(id(execution), {})
            for word, size in zip(self._comments[index], shape_of(step), strict=True):
                if word is None or not word.isidentifier():
                    continue
                if seen.setdefault(word, size) != size:
                    hints.setdefault(index, hint(self._comments[index], word, size, seen[word]))
        return hints

    def _anchors(self) -> _Anchors:
        target, inputs = self._given
        anchors: _Anchors = input_anchors(target, inputs)

        def add(node: Any, axis: int, anchor: Anchor) -> None:
            anchors.setdefault(key_of(node), [[] for _ in range(node.value.dim())])[axis].append(anchor)

        modules = constructed_modules(self._roots)
        labels = weight_labels(modules)
        seen: set[int] = set()
        for node in named_nodes(self._steps):
            shape = shape_of(node)
            if node.kind == "step":
                for axis, word in enumerate(node.axes):
                    if word is not None:
                        add(node, axis, _of_comment(word, shape[axis]))
            elif key_of(node) not in seen:
                seen.add(key_of(node))
                for axis, known in enumerate(labels.get(id(node.value), [None] * len(shape))):
                    if known is not None:
                        add(node, axis, Anchor(known, "module's size"))
                    elif shape[axis] == 1 and node.kind in ("parameter", "buffer"):
                        add(node, axis, Anchor(ONE, "module's size"))
        for node, axis, anchor in written_anchors(self._steps, self._executions, modules):
            add(node, axis, anchor)
        return anchors


def _of_comment(word: str, size: int) -> Anchor:
    symbol, vague = written_symbol(word)
    return Anchor(ONE if symbol == "1" else Label.of(symbol, size), "comment", vague)


def _may_be_one(name: str, other: str) -> bool:
    """Whether two names may mean the same axis: d_model and H*d_k, the length L of what is the source S elsewhere."""
    if name == other or "1" in (name, other) or not (name.isidentifier() and other.isidentifier()):
        return True
    lengths = is_length(name) and is_length(other)
    return (lengths and bool({"L", "L_k"} & {name, other})) or {name, other} == {"d_k", "d_v"}
