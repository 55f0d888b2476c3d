"""What a trace file says of its trace beside the numbers, as JSON.

Steps and tensors are kept in columns, one list of numbers for each thing that is known of them: a step's name is the
number of a text, and where it stands in the program, its axes and their notes are numbers of rows, so that what many
steps have in common stands, and is looked over, once. A parent that is a step is its own number, one that is leaf ``n``
is ``-1 - n``. A function's text is kept once for all its lines.
"""

from __future__ import annotations

import dataclasses
import json
import platform
from collections.abc import Hashable, Sequence
from functools import partial
from itertools import chain
from typing import Any

import torch

from engine.record.axis_names.notes import AxisNotes
from engine.record.failure.failure import FailedOperand, Failure
from engine.record.inside import needs_module
from engine.record.source import Source
from engine.record.trace import Leaf, Step, Trace
from engine.record.trace_file.module_facts import ModuleFacts
from engine.record.trace_file.plain_values import to_plain
from engine.record.trace_file.run_modes import RunModes
from engine.record.trace_file.unique_rows import UniqueRows
from engine.record.trace_file.written_tensors import TensorTable
from engine.variant_config import VariantConfig

# Of a trace that holds no more bytes than this, the calls that only their module can open are opened to be saved.
MOST_OPENED = 2**28
NO_SOURCE = -1


class ManifestWriter:
    """Writes one trace.

    Attributes:
        tensors: every tensor that the manifest refers to.
    """

    def __init__(self, trace: Trace, tensors: TensorTable | None = None) -> None:
        self.tensors = TensorTable() if tensors is None else tensors
        self._trace = trace
        self._opens_modules = trace.nbytes <= MOST_OPENED
        self._leaves: list[dict[str, Any]] = []
        self._leaf_numbers: dict[Hashable, int] = {}
        self._functions = UniqueRows()
        self._sources = UniqueRows()
        self._texts = UniqueRows()
        self._axes = UniqueRows()
        self._axis_notes = UniqueRows()
        self._keywords = UniqueRows()

    def manifest(self) -> dict[str, Any]:
        """The whole manifest, to be written as JSON."""
        versions = {"torch": torch.__version__, "python": platform.python_version()}
        return (
            {"versions": versions}
            | self.contents()
            | {
                "tensors": self.tensors.tensors,
                "storages": self.tensors.blocks,
            }
        )

    def contents(self) -> dict[str, Any]:
        """The manifest without the tables that it may share with other traces in the same file."""
        trace = self._trace
        about = {
            "config": None if trace.config is None else dataclasses.asdict(trace.config),
            "variant": None if trace.variant is None else _variant(trace.variant),
            "modes": _modes(trace.modes),
            "labels": dict(trace.labels),
            "notes": trace.notes,
            "inputs": {name: self.tensors.number(tensor) for name, tensor in trace.inputs.items()},
            "steps": self._steps(trace.steps),
            "output": self._plain(trace.output),
            "failure": None if trace.failure is None else self._failure(trace.failure),
            "modules": {path: _module_facts(facts) for path, facts in trace.modules.items()},
        }
        tables = {
            "functions": self._functions, "sources": self._sources, "texts": self._texts, "axes": self._axes,
            "axis_notes": self._axis_notes, "keywords": self._keywords,
        }  # fmt: skip
        return about | {"leaves": self._leaves} | {name: table.rows for name, table in tables.items()}

    def _plain(self, value: Any) -> Any:
        return to_plain(value, self.tensors.number)

    def _steps(self, steps: Sequence[Step]) -> dict[str, Any]:
        parents = [[self._parent(parent) for parent in step.parents] for step in steps]
        text = self._texts.number
        return {
            "op": [text(step.op) for step in steps],
            "name": [text(step.name) for step in steps],
            "path": [text(step.path) for step in steps],
            "memory": [text(step.memory) for step in steps],
            "axes": [self._axes.number(step.axes) for step in steps],
            "axis_notes": [
                self._axis_notes.number(step.axis_notes, partial(_axis_notes, step.axis_notes)) for step in steps
            ],
            "source": [NO_SOURCE if step.source is None else self._source(step.source) for step in steps],
            "tensor": [self.tensors.number(step.value) for step in steps],
            "call": [step.call for step in steps],
            "output": [step.output for step in steps],
            "keywords": [self._keywords.number(step.keywords) for step in steps],
            "parent_counts": list(map(len, parents)),
            "parents": list(chain.from_iterable(parents)),
            "overwritten": [step.index for step in steps if step.overwritten],
            "insides": [{"step": step.index} | inside for step in steps if (inside := self._inside(step))],
        }

    def _inside(self, step: Step) -> dict[str, Any]:
        """What opens a fused step: its call where the arguments are enough, else the trace of its inside."""
        if step._open is None:
            return {}
        call = step._open.call()
        if call is not None and not needs_module(step.op):
            given = {"args": call.args, "kwargs": dict(call.kwargs), "result": call.result}
            return {"opening": {name: self._plain(value) for name, value in given.items()}}
        opens = step._open.is_open or (call is not None and self._opens_modules)
        if not opens or step.inside is None:
            return {}
        return {"inside": ManifestWriter(step.inside, self.tensors).contents()}

    def _parent(self, parent: Step | Leaf) -> int:
        if isinstance(parent, Step):
            return parent.index
        known = self._leaf_numbers.get(id(parent))
        if known is None:
            known = self._leaf_numbers[id(parent)] = self._leaf(parent)
        return -1 - known

    def _leaf(self, leaf: Leaf) -> int:
        row = {"kind": leaf.kind, "name": leaf.name, "value": self._plain(leaf.value), "axes": leaf.axes}
        # Ten thousand steps are given the same few arguments, such as dim=-1; of anything else there may be two alike.
        key = json.dumps(row) if leaf.kind == "argument" else None
        known = None if key is None else self._leaf_numbers.get(key)
        if known is None:
            known = len(self._leaves)
            self._leaves.append(row | ({"overwritten": True} if leaf.overwritten else {}))
            if key is not None:
                self._leaf_numbers[key] = known
        return known

    def _source(self, source: Source) -> int:
        function = self._functions.number(
            (source.file, source.function_line, source.function, source.code), partial(_function, source)
        )
        row = {
            "function": function,
            "line": source.line,
            "expression": source.expression,
            "span": source.span,
            "targets": source.targets,
            "comment_axes": source.comment_axes,
            "returned": source.returned,
        }
        return self._sources.number(tuple(row.values()), lambda: row)

    def _failure(self, failure: Failure) -> dict[str, Any]:
        kept = {field.name: getattr(failure, field.name) for field in dataclasses.fields(failure)}
        return kept | {
            "operands": [self._operand(operand) for operand in failure.operands],
            "edges": [[edge.operand, edge.axis] for edge in failure.edges],
        }

    def _operand(self, operand: FailedOperand) -> dict[str, Any]:
        return {
            "name": operand.name,
            "tensor": self.tensors.number(operand.value),
            "axes": operand.axes,
            "origin": None if operand.origin is None else self._parent(operand.origin),
            "origin_text": operand.origin_text,
        }


def _function(source: Source) -> dict[str, Any]:
    return {
        # A file of the project has the same name wherever the project lies.
        "file": source.shown_file,
        "project": source.shown_file != source.file,
        "name": source.function,
        "line": source.function_line,
        "code": source.code,
    }


def _axis_notes(notes: AxisNotes) -> dict[str, Any]:
    # dataclasses.asdict copies every part of every step's notes, which is half of the time of saving a long trace.
    return {field.name: getattr(notes, field.name) for field in dataclasses.fields(notes)} | {
        "disagreements": [dataclasses.asdict(disagreement) for disagreement in notes.disagreements]
    }


def _module_facts(facts: ModuleFacts) -> dict[str, Any]:
    return {field.name: getattr(facts, field.name) for field in dataclasses.fields(facts)}


def _variant(config: VariantConfig) -> dict[str, Any]:
    return {"model": config.name, "settings": dataclasses.asdict(config)}


def _modes(modes: RunModes) -> dict[str, Any]:
    return {"gradients": modes.gradients, "inference": modes.inference, "autocast": dict(modes.autocast)}
