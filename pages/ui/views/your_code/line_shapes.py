"""Which shape each line of a program made, and which edges of a failing line do not agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine import Step, Trace
from engine.axes import sizes_text
from engine.record.failure.failure import Failure
from engine.sandbox.code_request import TEXT_FILE
from pages.ui.components.code_editor import LineMark, LineProblem
from pages.ui.state.url_step import step_to_key

_MADE = "Line {line} made {name}, {shape}. Open step {index}, {op}."
_DISAGREE = "{left} ≠ {right}"
_MOST_MARKS = 2000  # lines of a program that are marked


def marks_of(trace: Trace) -> tuple[LineMark, ...]:
    """The shape that each line of a program made.

    Of a line that made several tensors it is that of its whole expression, which is computed last. A line that ran
    several times has the shape that it made first.

    Args:
        trace: a run of the program, whose file is ``your_code.py``.

    Returns:
        A mark a line, in the order of the lines.
    """
    lines: dict[int, list[Step]] = {}
    for step in trace.steps:
        if step.source is not None and _is_text(step.source.file):
            lines.setdefault(step.source.line, []).append(step)
    return tuple(_mark(trace, line, steps) for line, steps in sorted(lines.items())[:_MOST_MARKS])


def problem_of(trace: Trace, text: str) -> LineProblem | None:
    """The line that raised, and the two edges in it that do not agree; None where the program did not raise.

    Args:
        trace: a run of the program.
        text: its text.
    """
    failure = trace.failure
    if failure is None or not _is_text(failure.file) or not 1 <= failure.line <= len(text.splitlines()):
        return None
    edges = tuple(_edges(failure))
    message = _DISAGREE.format(left=edges[0], right=edges[1]) if len(edges) == 2 else failure.error
    return LineProblem(failure.line, message, text)


def _mark(trace: Trace, line: int, steps: Sequence[Step]) -> LineMark:
    whole = _whole_expression(steps)
    first = whole[0]
    alike = sum(step.shape == first.shape for step in whole)
    shape = f"({sizes_text(first.axes, first.shape)})"
    title = _MADE.format(line=line, name=first.name, shape=shape, index=first.index, op=first.op)
    return LineMark(line, first.shape, first.axes, alike, title, step_to_key(trace, first))


def _whole_expression(steps: Sequence[Step]) -> list[Step]:
    """The steps of the longest expression of a line, the outermost one."""
    longest = max(len(step.source.expression) for step in steps if step.source)
    return [step for step in steps if step.source and len(step.source.expression) == longest]


def _edges(failure: Failure) -> Iterator[str]:
    for edge in failure.edges:
        operand = failure.operands[edge.operand]
        if operand.shape:
            yield operand.axis_text(edge.axis % len(operand.shape))


def _is_text(file: str) -> bool:
    return file.replace("\\", "/").rpartition("/")[2] == TEXT_FILE
