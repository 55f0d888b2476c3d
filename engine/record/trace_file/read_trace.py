"""A trace from its file, step by step as it was when it was saved."""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from torch import Tensor

from engine.config import Config
from engine.record.axis_names.notes import AxisDisagreement, AxisNotes
from engine.record.failure.failure import FailedOperand, Failure, OperandAxis
from engine.record.inside import FusedCall, Opening
from engine.record.recorder import record_plain
from engine.record.source import PROJECT, Source
from engine.record.trace import Labels, Leaf, Step, Trace
from engine.record.trace_file.call_again import made_again
from engine.record.trace_file.container import read_container
from engine.record.trace_file.fields import entries, flag, number, numbers, text, texts, wrong
from engine.record.trace_file.module_facts import ModuleFacts
from engine.record.trace_file.plain_values import from_plain
from engine.record.trace_file.read_tensors import Devices, devices_of, storages_of, tensors_of
from engine.record.trace_file.run_modes import USUAL_MODES, RunModes
from engine.record.trace_file.saved_inside import SavedCall, SavedInside
from engine.record.trace_file.trace_file_error import refusal
from engine.variant_config import VARIANT_CONFIGS, VariantConfig

_LEAVES = ("parameter", "buffer", "input", "constant", "argument")
_MEMORY = ("new", "view", "same", "overwritten")
_MOST = 2**31
_DEEPEST = 8
_TOO_DEEP = "fused calls are nested more deeply in it than in any program"
_NO_CALL = (
    "{name} can't be made again: its file keeps no functions, and none of torch's called {op} gives what was recorded; "
    "to make this call again, record the program again"
)


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
        container = read_container(path)
        tensors = tensors_of(container.manifest, storages_of(container))
        return TraceReader(container.manifest, tensors, devices_of(container.manifest)).trace()
    # What is written in a file can be wrong in every way; torch has errors of its own for some of them.
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RuntimeError, AttributeError) as error:
        raise refusal(path, error) from error


class TraceReader:
    """Reads one trace.

    Args:
        manifest: parsed JSON.
        tensors: those of the file.
        devices: see ``devices_of``.
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
        self._functions = [_function(entry) for entry in entries(manifest, "functions")]
        self._steps: list[Step] = []

    def trace(self) -> Trace:
        """The trace."""
        for entry in entries(self._manifest, "steps"):
            self._steps.append(self._step(entry))
        steps = tuple(self._steps)
        inputs = _mapping(self._manifest, "inputs")
        given = {name: self._tensor(inputs, name) for name in inputs}
        failure = self._manifest.get("failure")
        modules = _modules(self._manifest)
        return Trace(
            from_plain(self._manifest.get("output"), self._tensors),
            _config(self._manifest),
            _labels(self._manifest),
            None if failure is None else self._failure(_mapping(self._manifest, "failure")),
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

    def _step(self, entry: Mapping[str, Any]) -> Step:
        value, axes, memory = self._tensor(entry, "tensor"), texts(entry, "axes", gaps=True), text(entry, "memory")
        if len(axes) != value.dim():
            raise wrong("axes", axes, f"{value.dim()} axes")
        if memory not in _MEMORY:
            raise wrong("memory", memory, f"one of {', '.join(_MEMORY)}")
        parents = numbers(entry, "parents", -len(self._leaves), len(self._steps) - 1)
        name = text(entry, "name")
        keywords = texts(entry, "keywords") if "keywords" in entry else ()
        if keywords and len(keywords) != len(parents):
            raise wrong("keywords", keywords, f"{len(parents)} words")
        notes = _axis_notes(_mapping(entry, "axis_notes"), value.dim()) if "axis_notes" in entry else AxisNotes()
        again = _MadeAgain()
        step = Step(
            index=len(self._steps),
            op=text(entry, "op"),
            name=name,
            path=text(entry, "path"),
            axes=axes,
            parents=tuple(map(self._parent, parents)),
            source=None if entry.get("source") is None else self._source(_mapping(entry, "source")),
            value=value,
            memory=memory,
            call=number(entry, "call", 0, _MOST),
            output=number(entry, "output", 0, _MOST),
            keywords=keywords,
            _recompute=again,
            axis_notes=notes,
            _overwritten=_always if flag(entry, "overwritten") else None,
            _open=self._opening(entry),
            _device=self._devices[number(entry, "tensor", 0, len(self._tensors) - 1)],
        )
        again.step = weakref.ref(step)  # a step that held itself would wait for the garbage collector
        return step

    def _opening(self, entry: Mapping[str, Any]) -> Opening | None:
        if "inside" in entry:
            inside = _mapping(entry, "inside")
            return SavedInside(TraceReader(inside, self._tensors, self._devices, self._depth + 1).trace())
        if "opening" not in entry:
            return None
        given = _mapping(entry, "opening")
        args, kwargs, result = (from_plain(given.get(name), self._tensors) for name in ("args", "kwargs", "result"))
        if (
            not isinstance(args, tuple)
            or not isinstance(kwargs, dict)
            or not all(isinstance(key, str) for key in kwargs)
        ):
            raise wrong("opening", given, "the arguments of a call")
        return SavedCall(FusedCall(text(entry, "op"), None, args, kwargs, result, None, {}, False, record_plain))

    def _parent(self, parent: int) -> Step | Leaf:
        return self._steps[parent] if parent >= 0 else self._leaves[-1 - parent]

    def _source(self, entry: Mapping[str, Any]) -> Source:
        file, name, line, code = self._functions[number(entry, "function", 0, len(self._functions) - 1)]
        span: Any = None if entry.get("span") is None else numbers(entry, "span", 0, _MOST)
        if span is not None and len(span) != 4:
            raise wrong("span", span, "four numbers")
        return Source(
            file=file,
            line=number(entry, "line", 0, _MOST),
            expression=text(entry, "expression"),
            function=name,
            function_line=line,
            span=span,
            targets=texts(entry, "targets"),
            comment_axes=None if entry.get("comment_axes") is None else texts(entry, "comment_axes"),
            returned=None if entry.get("returned") is None else number(entry, "returned", -1, _MOST),
            code=code,
        )

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


def _axis_notes(entry: Mapping[str, Any], rank: int) -> AxisNotes:
    disagreements = []
    for disagreement in entries(entry, "disagreements"):
        names, sources = texts(disagreement, "names"), texts(disagreement, "sources")
        if len(names) != 2 or len(sources) != 2:
            raise wrong("names", names, "two names with their sources")
        axis = number(disagreement, "axis", 0, rank - 1)
        disagreements.append(AxisDisagreement(axis, (names[0], names[1]), (sources[0], sources[1])))
    contradiction = None if entry.get("contradiction") is None else text(entry, "contradiction")
    return AxisNotes(texts(entry, "origins", gaps=True), tuple(disagreements), contradiction)


def _edge(edge: Any, operands: tuple[FailedOperand, ...]) -> OperandAxis:
    operand, axis = numbers({"edge": edge}, "edge", 0, _MOST)
    if operand >= len(operands) or axis >= operands[operand].value.dim():
        raise wrong("edge", edge, "an axis of an operand")
    return OperandAxis(operand, axis)


def _function(entry: Mapping[str, Any]) -> tuple[str, str, int, tuple[str, ...]]:
    file = text(entry, "file")
    # A file of the project is found where the project is now.
    shown = (PROJECT / file).as_posix() if flag(entry, "project") else file
    return shown, text(entry, "name"), number(entry, "line", 0, _MOST), texts(entry, "code")


def _mapping(entry: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = entry.get(name)
    if not isinstance(value, dict):
        raise wrong(name, value, "an object")
    return value


def _modules(manifest: Mapping[str, Any]) -> Mapping[str, ModuleFacts]:
    facts: dict[str, ModuleFacts] = {}
    kept = _mapping(manifest, "modules")
    for path in kept:
        entry = _mapping(kept, path)
        sizes = _mapping(entry, "sizes")
        whole = {name: number(sizes, name, -(2**63), 2**63) for name in sizes}
        facts[path] = ModuleFacts(text(entry, "kind"), flag(entry, "training"), whole)
    return facts


def _always() -> bool:
    return True


def _config(manifest: Mapping[str, Any]) -> Config | None:
    return None if manifest.get("config") is None else Config(**_mapping(manifest, "config"))


def _variant(manifest: Mapping[str, Any]) -> VariantConfig | None:
    if manifest.get("variant") is None:
        return None
    entry = _mapping(manifest, "variant")
    name = text(entry, "model")
    if name not in VARIANT_CONFIGS:
        raise wrong("model", name, f"one of {', '.join(VARIANT_CONFIGS)}")
    return VARIANT_CONFIGS[name](**_mapping(entry, "settings"))


def _modes(manifest: Mapping[str, Any]) -> RunModes:
    if "modes" not in manifest:
        return USUAL_MODES
    entry = _mapping(manifest, "modes")
    autocast = _mapping(entry, "autocast")
    kept = {device: text(autocast, device) for device in autocast}
    return RunModes(flag(entry, "gradients"), flag(entry, "inference"), MappingProxyType(kept))


def _labels(manifest: Mapping[str, Any]) -> Mapping[str, Labels]:
    labels: dict[str, Labels] = {}
    kept = _mapping(manifest, "labels")
    for axis, rows in kept.items():
        if isinstance(rows, list) and rows and all(isinstance(row, list) for row in rows):
            labels[axis] = tuple(texts({axis: row}, axis) for row in rows)
        else:
            labels[axis] = texts(kept, axis)
    return MappingProxyType(labels)


class _MadeAgain:
    """Makes the call of a step again, with the function of torch's that has its name."""

    step: weakref.ref[Step]

    def __call__(self) -> Tensor:
        step = self.step()
        assert step is not None  # who asks has it
        again = made_again(step)
        if again is None:
            raise ValueError(_NO_CALL.format(name=step.full_name, op=step.op))
        return again
