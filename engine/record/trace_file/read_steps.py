"""The steps of a trace file, from their columns: what many of them have in common is read and looked over once."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

from torch import Tensor

from engine.record.axis_names.notes import AxisDisagreement, AxisNotes
from engine.record.inside import FusedCall, Opening
from engine.record.recorder import record_plain
from engine.record.source import PROJECT, Source
from engine.record.trace import Leaf, Step, Trace
from engine.record.trace_file.call_again import made_again
from engine.record.trace_file.fields import column, entries, flag, length, mapping, number, numbers, text, texts, wrong
from engine.record.trace_file.manifest import NO_SOURCE
from engine.record.trace_file.plain_values import from_plain
from engine.record.trace_file.read_tensors import Devices
from engine.record.trace_file.saved_inside import SavedCall, SavedInside

_MEMORY = ("new", "view", "same", "overwritten")
_MOST = 2**31
_NO_CALL = (
    "{name} can't be made again: its file keeps no functions, and none of torch's called {op} gives what was recorded; "
    "to make this call again, record the program again"
)


class StepReader:
    """Reads the steps of one trace.

    Args:
        manifest: parsed JSON.
        leaves: those of the trace.
        tensors: those of the file.
        devices: see ``TensorReader.devices``.
        inside: reads the trace of the inside of a fused call.
    """

    def __init__(
        self,
        manifest: Mapping[str, Any],
        leaves: Sequence[Leaf],
        tensors: list[Tensor],
        devices: Devices,
        inside: Callable[[dict[str, Any]], Trace],
    ) -> None:
        self._manifest = manifest
        self._columns = mapping(manifest, "steps")
        self._count = length(self._columns, "op")
        self._leaves = leaves
        self._tensors = tensors
        self._devices = devices
        self._inside = inside

    def steps(self) -> list[Step]:
        """The steps.

        Raises:
            ValueError: there are none like this.
        """
        ops, names, paths, memory = self._texts()
        axes, keywords = self._tuples("axes", gaps=True), self._tuples("keywords")
        notes, sources = self._axis_notes(), self._sources()
        tensors = self._column("tensor", 0, len(self._tensors) - 1)
        calls, outputs = self._column("call", 0, _MOST), self._column("output", 0, _MOST)
        parents = self._parents()
        overwritten = frozenset(numbers(self._columns, "overwritten", 0, self._count - 1))
        openings = self._openings(ops)
        steps: list[Step] = []
        # A parent that is a step is the step's number; one that is a leaf counts from the end of the list.
        nodes: list[Any] = [*[None] * self._count, *reversed(self._leaves)]
        for index in range(self._count):
            value = self._tensors[tensors[index]]
            _check(value.dim(), axes[index], notes[index], keywords[index], parents[index])
            again = _MadeAgain()
            step = nodes[index] = Step(
                index, ops[index], names[index], paths[index], axes[index],
                tuple([nodes[parent] for parent in parents[index]]), sources[index], value, memory[index],
                calls[index], outputs[index], keywords=keywords[index], _recompute=again, axis_notes=notes[index],
                _overwritten=_always if index in overwritten else None, _open=openings.get(index),
                _device=self._devices[tensors[index]],
            )  # fmt: skip
            again.step = weakref.ref(step)  # a step that held itself would wait for the garbage collector
            steps.append(step)
        return steps

    def _column(self, name: str, low: int, high: int) -> list[int]:
        return column(self._columns, name, self._count, low, high)

    def _texts(self) -> list[list[str]]:
        """Operation, name, path and memory of every step."""
        table = texts(self._manifest, "texts")
        columns = {name: self._column(name, 0, len(table) - 1) for name in ("op", "name", "path", "memory")}
        for kind in {table[which] for which in columns["memory"]}:
            if kind not in _MEMORY:
                raise wrong("memory", kind, f"one of {', '.join(_MEMORY)}")
        return [[table[which] for which in column] for column in columns.values()]

    def _tuples(self, name: str, *, gaps: bool = False) -> list[tuple[Any, ...]]:
        rows = self._manifest.get(name)
        if not isinstance(rows, list):
            raise wrong(name, rows, "a list of lists")
        table = [texts({name: row}, name, gaps=gaps) for row in rows]
        return [table[which] for which in self._column(name, 0, len(table) - 1)]

    def _axis_notes(self) -> list[AxisNotes]:
        table = [_axis_notes(entry) for entry in entries(self._manifest, "axis_notes")]
        return [table[which] for which in self._column("axis_notes", 0, len(table) - 1)]

    def _sources(self) -> list[Source | None]:
        functions = [_function(entry) for entry in entries(self._manifest, "functions")]
        table = [_source(entry, functions) for entry in entries(self._manifest, "sources")]
        # NO_SOURCE is the last one of a list.
        listed = [*table, None]
        return [listed[which] for which in self._column("source", NO_SOURCE, len(table) - 1)]

    def _parents(self) -> list[list[int]]:
        """The numbers of what each step read, all of them before it."""
        total = length(self._columns, "parents")
        counts = self._column("parent_counts", 0, total)
        if sum(counts) != total:
            raise wrong("parent_counts", sum(counts), f"{total}, the number of parents")
        flat = column(self._columns, "parents", total, -len(self._leaves), self._count - 1)
        parents = [flat[begin:end] for begin, end in pairwise(accumulate(counts, initial=0))]
        for index, read in enumerate(parents):
            if read and max(read) >= index:
                raise wrong("parents", max(read), f"a whole number from {-len(self._leaves)} to {index - 1}")
        return parents

    def _openings(self, ops: Sequence[str]) -> dict[int, Opening]:
        """By the number of a fused step the way into it."""
        openings: dict[int, Opening] = {}
        for entry in entries(self._columns, "insides"):
            index = number(entry, "step", 0, self._count - 1)
            if "inside" in entry:
                openings[index] = SavedInside(self._inside(mapping(entry, "inside")))
            else:
                openings[index] = self._saved_call(mapping(entry, "opening"), ops[index])
        return openings

    def _saved_call(self, given: Mapping[str, Any], op: str) -> SavedCall:
        args, kwargs, result = (from_plain(given.get(name), self._tensors) for name in ("args", "kwargs", "result"))
        if (
            not isinstance(args, tuple)
            or not isinstance(kwargs, dict)
            or not all(isinstance(key, str) for key in kwargs)
        ):
            raise wrong("opening", given, "the arguments of a call")
        return SavedCall(FusedCall(op, None, args, kwargs, result, None, {}, False, record_plain))


def _check(
    rank: int, axes: Sequence[str | None], notes: AxisNotes, keywords: Sequence[str], parents: Sequence[int]
) -> None:
    """Whether what is said of a step is said of a tensor with so many axes and of a call with so many parents."""
    if len(axes) != rank:
        raise wrong("axes", axes, f"{rank} axes")
    if notes.disagreements and max(disagreement.axis for disagreement in notes.disagreements) >= rank:
        raise wrong("axis", notes.disagreements, f"a whole number from 0 to {rank - 1}")
    if keywords and len(keywords) != len(parents):
        raise wrong("keywords", keywords, f"{len(parents)} words")


def _source(entry: Mapping[str, Any], functions: Sequence[tuple[str, str, int, tuple[str, ...]]]) -> Source:
    file, name, line, code = functions[number(entry, "function", 0, len(functions) - 1)]
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


def _function(entry: Mapping[str, Any]) -> tuple[str, str, int, tuple[str, ...]]:
    file = text(entry, "file")
    # A file of the project is found where the project is now.
    shown = (PROJECT / file).as_posix() if flag(entry, "project") else file
    return shown, text(entry, "name"), number(entry, "line", 0, _MOST), texts(entry, "code")


def _axis_notes(entry: Mapping[str, Any]) -> AxisNotes:
    disagreements = []
    for disagreement in entries(entry, "disagreements"):
        names, sources = texts(disagreement, "names"), texts(disagreement, "sources")
        if len(names) != 2 or len(sources) != 2:
            raise wrong("names", names, "two names with their sources")
        axis = number(disagreement, "axis", 0, _MOST)
        disagreements.append(AxisDisagreement(axis, (names[0], names[1]), (sources[0], sources[1])))
    contradiction = None if entry.get("contradiction") is None else text(entry, "contradiction")
    return AxisNotes(texts(entry, "origins", gaps=True), tuple(disagreements), contradiction)


def _always() -> bool:
    return True


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
