"""The pairs of a comparison as CSV: a row a pair, in execution order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import BinaryIO

from engine.compare.comparison import TraceComparison
from engine.compare.verdicts import StepPair
from engine.export.cells import row
from engine.record.trace import Step

_Cell = str | int | float | None


def _of(step: Step | None, read: Callable[[Step], _Cell]) -> _Cell:
    return None if step is None else read(step)


def _shape(step: Step) -> str:
    return " ".join(map(str, step.shape))


# "first" is 1 for the pair that made the first difference; what is unknown is an empty cell.
PAIR_COLUMNS: Mapping[str, Callable[[StepPair], _Cell]] = {
    "step_a": lambda pair: _of(pair.a, lambda step: step.index),
    "name_a": lambda pair: _of(pair.a, lambda step: step.full_name),
    "op_a": lambda pair: _of(pair.a, lambda step: step.op),
    "shape_a": lambda pair: _of(pair.a, _shape),
    "step_b": lambda pair: _of(pair.b, lambda step: step.index),
    "name_b": lambda pair: _of(pair.b, lambda step: step.full_name),
    "op_b": lambda pair: _of(pair.b, lambda step: step.op),
    "shape_b": lambda pair: _of(pair.b, _shape),
    "verdict": lambda pair: pair.verdict.value,
    "inputs_agreed": lambda pair: str(pair.inputs_agreed),
    "largest": lambda pair: None if pair.difference is None else pair.difference.largest,
    "relative": lambda pair: None if pair.difference is None else pair.difference.relative,
    "share": lambda pair: None if pair.difference is None else pair.difference.share,
    "index": lambda pair: None if pair.difference is None else " ".join(map(str, pair.difference.index)),
}


def write_pairs(comparison: TraceComparison, file: BinaryIO) -> None:
    """Writes every pair, and which of them made the first difference.

    Args:
        comparison: of two traces.
        file: open for writing bytes.
    """
    file.write(row(*PAIR_COLUMNS, "first"))
    for pair in comparison.pairs:
        file.write(row(*(column(pair) for column in PAIR_COLUMNS.values()), int(pair is comparison.first)))
