"""A trace from its file, step by step as it was when it was saved."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from torch import Tensor

from engine.config import Config
from engine.record import gc_pause
from engine.record.failure.failure import FailedOperand, Failure, OperandAxis
from engine.record.trace import Labels, Leaf, Step, Trace
from engine.record.trace_file.container import read_container
from engine.record.trace_file.fields import entries, flag, mapping, number, numbers, text, texts, wrong
from engine.record.trace_file.module_facts import ModuleFacts
from engine.record.trace_file.plain_values import from_plain
from engine.record.trace_file.read_steps import StepReader
from engine.record.trace_file.read_tensors import Devices, TensorReader, storages_of
from engine.record.trace_file.run_modes import USUAL_MODES, RunModes
from engine.record.trace_file.trace_file_error import refusal
from engine.variant_config import VARIANT_CONFIGS, VariantConfig

_LEAVES = ("parameter", "buffer", "input", "constant", "argument")
_MOST = 2**31
_DEEPEST = 8
_TOO_DEEP = "fused calls are nested more deeply in it than in any program"


def open_trace(path: str | os.PathLike[str]) -> Trace:
    """Opens a trace that ``save_trace`` wrote.

    Its steps, tensors, parents and text are those of the trace that was saved; what shared memory shares it here. The
    numbers stay in the file until they are looked at, so the file must not be written to meanwhile (to replace it with
    another of the same name is harmless). Tensors that were on a GPU are on the CPU.

    Args:
        path: the file.

    Returns:
        The trace.

    Raises:
        TraceFileError: a ValueError; the file is not a trace, or not one that can be opened. Nothing of it was run.
        OSError: it cannot be read.
    """
    path = Path(path)
    try:
        with gc_pause.paused():
            container = read_container(path)
            reader = TensorReader(container.manifest, storages_of(container))
            return TraceReader(container.manifest, reader.tensors(), reader.devices()).trace()
    # What is written in a file can be wrong in every way; torch has errors of its own for some of them.
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RuntimeError, AttributeError) as error:
        raise refusal(path, error) from error


class TraceReader:
    """Reads one trace.

    Args:
        manifest: parsed JSON.
        tensors: those of the file.
        devices: see ``TensorReader.devices``.
        depth: how many fused calls it is the inside of.
    """

    def __init__(self, manifest: dict[str, Any], tensors: list[Tensor], devices: Devices, depth: int = 0) -> None:
        if depth > _DEEPEST:
            raise ValueError(_TOO_DEEP)
        self._manifest = manifest
        self._tensors = tensors
        self._devices = devices
        self._depth = depth
        self._leaves = [self._leaf(entry) for entry in entries(manifest, "leaves")]
        self._steps = StepReader(manifest, self._leaves, tensors, devices, self._inside).steps()

    def trace(self) -> Trace:
        """The trace."""
        steps = tuple(self._steps)
        inputs = mapping(self._manifest, "inputs")
        given = {name: self._tensor(inputs, name) for name in inputs}
        failure = self._manifest.get("failure")
        modules = _modules(self._manifest)
        return Trace(
            from_plain(self._manifest.get("output"), self._tensors),
            _config(self._manifest),
            _labels(self._manifest),
            None if failure is None else self._failure(mapping(self._manifest, "failure")),
            notes=texts(self._manifest, "notes"),
            variant=_variant(self._manifest),
            modes=_modes(self._manifest),
            _inputs=lambda: given,
            _recorded=lambda: [step.value for step in steps],
            _build_steps=lambda: steps,
            _modules=lambda: modules,
        )

    def _tensor(self, entry: Mapping[str, Any], name: str) -> Tensor:
        return self._tensors[number(entry, name, 0, len(self._tensors) - 1)]

    def _leaf(self, entry: Mapping[str, Any]) -> Leaf:
        kind, value = text(entry, "kind"), from_plain(entry.get("value"), self._tensors)
        if kind not in _LEAVES or (kind != "argument") != isinstance(value, Tensor):
            raise wrong("kind", kind, f"one of {', '.join(_LEAVES)}")
        axes = texts(entry, "axes", gaps=True)
        if axes and len(axes) != value.dim():
            raise wrong("axes", axes, f"{value.dim()} axes")
        overwritten = _always if flag(entry, "overwritten") else None
        return Leaf(kind, text(entry, "name"), value, axes, _overwritten=overwritten)

    def _inside(self, manifest: dict[str, Any]) -> Trace:
        return TraceReader(manifest, self._tensors, self._devices, self._depth + 1).trace()

    def _parent(self, parent: int) -> Step | Leaf:
        return self._steps[parent] if parent >= 0 else self._leaves[-1 - parent]

    def _failure(self, entry: Mapping[str, Any]) -> Failure:
        operands = tuple(self._operand(operand) for operand in entries(entry, "operands"))
        edges = entry.get("edges")
        if not isinstance(edges, list):
            raise wrong("edges", edges, "a list")
        return Failure(
            **{
                name: text(entry, name) for name in ("op", "expression", "file", "reason", "remedy", "error", "message")
            },
            line=number(entry, "line", 0, _MOST),
            operands=operands,
            edges=tuple(_edge(edge, operands) for edge in edges),
        )

    def _operand(self, entry: Mapping[str, Any]) -> FailedOperand:
        value, axes = self._tensor(entry, "tensor"), texts(entry, "axes", gaps=True)
        if axes and len(axes) != value.dim():
            raise wrong("axes", axes, f"{value.dim()} axes")
        origin = None
        if entry.get("origin") is not None:
            origin = self._parent(number(entry, "origin", -len(self._leaves), len(self._steps) - 1))
        return FailedOperand(text(entry, "name"), value, axes, origin, text(entry, "origin_text"))


def _edge(edge: Any, operands: tuple[FailedOperand, ...]) -> OperandAxis:
    operand, axis = numbers({"edge": edge}, "edge", 0, _MOST)
    if operand >= len(operands) or axis >= operands[operand].value.dim():
        raise wrong("edge", edge, "an axis of an operand")
    return OperandAxis(operand, axis)


def _modules(manifest: Mapping[str, Any]) -> Mapping[str, ModuleFacts]:
    facts: dict[str, ModuleFacts] = {}
    kept = mapping(manifest, "modules")
    for path in kept:
        entry = mapping(kept, path)
        sizes = mapping(entry, "sizes")
        whole = {name: number(sizes, name, -(2**63), 2**63) for name in sizes}
        facts[path] = ModuleFacts(text(entry, "kind"), flag(entry, "training"), whole)
    return facts


def _always() -> bool:
    return True


def _config(manifest: Mapping[str, Any]) -> Config | None:
    return None if manifest.get("config") is None else Config(**mapping(manifest, "config"))


def _variant(manifest: Mapping[str, Any]) -> VariantConfig | None:
    if manifest.get("variant") is None:
        return None
    entry = mapping(manifest, "variant")
    name = text(entry, "model")
    if name not in VARIANT_CONFIGS:
        raise wrong("model", name, f"one of {', '.join(VARIANT_CONFIGS)}")
    return VARIANT_CONFIGS[name](**mapping(entry, "settings"))


def _modes(manifest: Mapping[str, Any]) -> RunModes:
    if "modes" not in manifest:
        return USUAL_MODES
    entry = mapping(manifest, "modes")
    autocast = mapping(entry, "autocast")
    kept = {device: text(autocast, device) for device in autocast}
    return RunModes(flag(entry, "gradients"), flag(entry, "inference"), MappingProxyType(kept))


def _labels(manifest: Mapping[str, Any]) -> Mapping[str, Labels]:
    labels: dict[str, Labels] = {}
    kept = mapping(manifest, "labels")
    for axis, rows in kept.items():
        if isinstance(rows, list) and rows and all(isinstance(row, list) for row in rows):
            labels[axis] = tuple(texts({axis: row}, axis) for row in rows)
        else:
            labels[axis] = texts(kept, axis)
    return MappingProxyType(labels)
