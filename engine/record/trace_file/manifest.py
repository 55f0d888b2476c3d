"""What a trace file says of its trace beside the numbers, as JSON.

Steps, leaves, functions and tensors are lists, and everything else refers to them by number: a parent that is a step by
the step's own, one that is leaf ``n`` by ``-1 - n``. A function's text is kept once for all its lines.
"""

from __future__ import annotations

import dataclasses
import platform
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
from engine.record.trace_file.written_tensors import TensorTable
from engine.variant_config import VariantConfig

# Of a trace that holds no more bytes than this, the calls that only their module can open are opened to be saved.
MOST_OPENED = 2**28


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
        self._leaf_numbers: dict[int, int] = {}
        self._functions: list[dict[str, Any]] = []
        self._function_numbers: dict[tuple[str, int, str, tuple[str, ...]], int] = {}

    def manifest(self) -> dict[str, Any]:
        """The whole manifest, to be written as JSON."""
        versions = {"torch": torch.__version__, "python": platform.python_version()}
        return (
            {"versions": versions}
            | self.contents()
            | {
                "tensors": self.tensors.entries,
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
            "steps": [self._step(step) for step in trace.steps],
            "output": self._plain(trace.output),
            "failure": None if trace.failure is None else self._failure(trace.failure),
            "modules": {path: _module_facts(facts) for path, facts in trace.modules.items()},
        }
        return about | {"leaves": self._leaves, "functions": self._functions}

    def _plain(self, value: Any) -> Any:
        return to_plain(value, self.tensors.number)

    def _step(self, step: Step) -> dict[str, Any]:
        kept: dict[str, Any] = {
            "op": step.op,
            "name": step.name,
            "path": step.path,
            "axes": step.axes,
            "parents": [self._parent(parent) for parent in step.parents],
            "source": None if step.source is None else self._source(step.source),
            "tensor": self.tensors.number(step.value),
            "memory": step.memory,
            "call": step.call,
            "output": step.output,
            "keywords": step.keywords,
        }
        if step.overwritten:
            kept["overwritten"] = True
        if step.axis_notes != AxisNotes():
            kept["axis_notes"] = _axis_notes(step.axis_notes)
        return kept | self._inside(step)

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
            known = self._leaf_numbers[id(parent)] = len(self._leaves)
            leaf = {"kind": parent.kind, "name": parent.name, "value": self._plain(parent.value), "axes": parent.axes}
            self._leaves.append(leaf | ({"overwritten": True} if parent.overwritten else {}))
        return -1 - known

    def _source(self, source: Source) -> dict[str, Any]:
        key = (source.file, source.function_line, source.function, source.code)
        function = self._function_numbers.get(key)
        if function is None:
            function = self._function_numbers[key] = len(self._functions)
            ours = source.shown_file != source.file
            self._functions.append(
                {
                    # A file of the project has the same name wherever the project lies.
                    "file": source.shown_file,
                    "project": ours,
                    "name": source.function,
                    "line": source.function_line,
                    "code": source.code,
                }
            )
        return {
            "function": function,
            "line": source.line,
            "expression": source.expression,
            "span": source.span,
            "targets": source.targets,
            "comment_axes": source.comment_axes,
            "returned": source.returned,
        }

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
