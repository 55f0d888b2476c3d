"""What a trace file says of its trace beside the numbers, as JSON.

Steps, leaves, functions and tensors are lists, and everything else refers to them by number: a parent that is a step by
the step's own, one that is leaf ``n`` by ``-1 - n``. A function's text is kept once for all its lines.
"""

from __future__ import annotations

import dataclasses
import platform
from typing import Any

import torch

from engine.record.failure.failure import FailedOperand, Failure
from engine.record.source import Source
from engine.record.trace import Leaf, Step, Trace
from engine.record.trace_file.plain_values import to_plain
from engine.record.trace_file.written_tensors import TensorTable


class ManifestWriter:
    """Writes one trace.

    Attributes:
        tensors: every tensor that the manifest refers to.
    """

    def __init__(self, trace: Trace) -> None:
        self.tensors = TensorTable()
        self._trace = trace
        self._leaves: list[dict[str, Any]] = []
        self._leaf_numbers: dict[int, int] = {}
        self._functions: list[dict[str, Any]] = []
        self._function_numbers: dict[tuple[str, int, str, tuple[str, ...]], int] = {}

    def manifest(self) -> dict[str, Any]:
        """The whole manifest, to be written as JSON."""
        trace = self._trace
        about = {
            "torch": torch.__version__,
            "python": platform.python_version(),
            "config": None if trace.config is None else dataclasses.asdict(trace.config),
            "labels": dict(trace.labels),
            "inputs": {name: self.tensors.number(tensor) for name, tensor in trace.inputs.items()},
            "steps": [self._step(step) for step in trace.steps],
            "output": self._plain(trace.output),
            "failure": None if trace.failure is None else self._failure(trace.failure),
        }
        return about | {
            "leaves": self._leaves,
            "functions": self._functions,
            "tensors": self.tensors.entries,
            "storages": self.tensors.blocks,
        }

    def _plain(self, value: Any) -> Any:
        return to_plain(value, self.tensors.number)

    def _step(self, step: Step) -> dict[str, Any]:
        return {
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
        }

    def _parent(self, parent: Step | Leaf) -> int:
        if isinstance(parent, Step):
            return parent.index
        known = self._leaf_numbers.get(id(parent))
        if known is None:
            known = self._leaf_numbers[id(parent)] = len(self._leaves)
            self._leaves.append(
                {"kind": parent.kind, "name": parent.name, "value": self._plain(parent.value), "axes": parent.axes}
            )
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
