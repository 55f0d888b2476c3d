"""The function that made a step, as lines: what is marked, what is comment, and which lines made other steps."""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from engine import Step, Trace
from engine.graph.module_paths import is_inside
from engine.record.axis_names.comments import shape_comment
from engine.record.source import Source

_BRACKETS = re.compile(r"([(\[][^()\[\]]*[)\]])")
_SYMBOL = re.compile(r"([A-Za-z_]\w*)")


@dataclass(frozen=True)
class CodeRun:
    """A piece of a line.

    Args:
        text: the piece as written.
        kind: "mark" for the step's own expression, "comment", or "".
        axis: the symbol of the axis that it names, in a shape comment.
    """

    text: str
    kind: str = ""
    axis: str | None = None


@dataclass(frozen=True)
class CodeLine:
    """A line of the function.

    Args:
        number: its number in the file.
        runs: its pieces, in order.
        step: the first step that it made in this call; None where it made none.
    """

    number: int
    runs: tuple[CodeRun, ...]
    step: Step | None = None


def lines_of(trace: Trace, step: Step) -> tuple[CodeLine, ...]:
    """The function that made a step.

    Args:
        trace: the trace of the step.
        step: the step whose expression is marked.

    Returns:
        Its lines; those of the expression alone where the function cannot be read, none where that cannot either.
    """
    source = step.source
    if source is None or source.span is None:
        return ()
    first, text, span = source.function_line, source.code, source.span
    if not (first <= span[0] and span[2] < first + len(text)):
        # A lambda, say: its text is not a function's.
        first, text = span[0], tuple(source.expression.split("\n"))
        span = (span[0], 0, span[2], len(text[-1]))
    steps, comments = _steps_of_lines(trace, step, source), _comments(text)
    indent = min((_indent(line) for line in text if line.strip()), default=0)
    return tuple(
        CodeLine(number, tuple(_runs(line, indent, _marked(line, number, span), comments.get(i))), steps.get(number))
        for i, (number, line) in enumerate(enumerate(text, first))
    )


def _steps_of_lines(trace: Trace, step: Step, source: Source) -> dict[int, Step]:
    """Line → the first step it made in this call, as far as steps can tell where one call ends.

    Between the steps of a call lie those of the modules it calls, and of nothing else.
    """
    first_steps: dict[int, Step] = {}
    before, after = _inside(trace.steps[step.index :: -1], step), _inside(trace.steps[step.index + 1 :], step)
    for other in (*reversed([*before]), *after):
        code = other.source
        if other.path == step.path and code and code.span and _function(code) == _function(source):
            for number in range(code.span[0], code.span[2] + 1):
                first_steps.setdefault(number, other)
    return first_steps


def _inside(steps: Sequence[Step], step: Step) -> Iterator[Step]:
    return takewhile(lambda other: is_inside(other.path, step.path), steps)


def _function(source: Source) -> tuple[str, int]:
    return source.file, source.function_line


def _marked(line: str, number: int, span: tuple[int, int, int, int]) -> tuple[int, int] | None:
    """Where the expression begins and ends on this line."""
    first, start, last, end = span
    if not first <= number <= last:
        return None
    return start if number == first else _indent(line), end if number == last else len(line)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _comments(lines: Sequence[str]) -> dict[int, int]:
    """Index of a line → the column where its comment begins."""
    columns: dict[int, int] = {}
    following = iter([f"{line}\n" for line in lines])
    try:
        for token in tokenize.generate_tokens(lambda: next(following, "")):
            if token.type == tokenize.COMMENT:
                columns[token.start[0] - 1] = token.start[1]
    except (tokenize.TokenError, SyntaxError):
        pass  # a piece of a program need not parse; the comments before the error count
    return columns


def _runs(line: str, indent: int, marked: tuple[int, int] | None, comment: int | None) -> Iterator[CodeRun]:
    """The line, less the indent of all, cut where the mark begins and ends and where the comment begins."""
    code = len(line) if comment is None else comment
    start, end = marked or (code, code)
    pieces = (("", line[indent:start]), ("mark", line[start:end]), ("", line[end:code]))
    yield from (CodeRun(text, kind) for kind, text in pieces if text)
    yield from _comment(line[max(code, end) :])


def _comment(text: str) -> Iterator[CodeRun]:
    """A comment, with the axes of its shapes picked out."""
    for piece in filter(None, _BRACKETS.split(text)):
        words = _SYMBOL.split(piece) if _BRACKETS.fullmatch(piece) and shape_comment(piece) else [piece]
        for i, word in enumerate(words):
            if word:
                yield CodeRun(word, "comment", word if i % 2 else None)  # every second one is a symbol
