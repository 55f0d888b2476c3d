"""The card between inputs and output: formula, line of code, cost, memory."""

from __future__ import annotations

from collections.abc import Sequence

from engine import Leaf, Step, Trace
from engine.explain.explanation import formula
from engine.explain.invariants import checks
from engine.explain.memory_layout import einops_check, einops_pattern, einops_sizes, strides_story
from engine.export.units import format_bytes
from engine.ops import Movement, movement
from engine.ops.checks import Check
from engine.runtime.parameters import size_arithmetic
from pages.ui.components.tensor_view import Badge, OperationCard
from pages.ui.views.tensor_panels import memory_words

Runs = tuple[tuple[str, str], ...]


def card_of(trace: Trace, step: Step) -> OperationCard:
    """The card of a step.

    Args:
        trace: the trace of the step.
        step: the step between inputs and output.
    """
    code, mark = _code(step)
    return OperationCard(
        title=step.op,
        formula=formula_runs(step),
        code=code,
        mark=mark,
        facts=tuple(_facts(step)),
        badges=[Badge(check.label, check.holds, check.detail) for check in _checks(trace, step)],
    )


def _checks(trace: Trace, step: Step) -> tuple[Check, ...]:
    """What must hold of a step, its einops form among it."""
    by_einops = einops_check(step)
    return checks(trace, step) if by_einops is None else (*checks(trace, step), by_einops)


def formula_runs(step: Step) -> Runs:
    """The formula of any element of a step, as runs of text and style; empty where none is known."""
    first, *rest = formula(step).split("_{")
    runs = [(first, "i")]
    for part in rest:
        index, _, after = part.partition("}")
        runs += [(index.replace(" ", "\N{NO-BREAK SPACE}"), "sub"), (after, "i")]
    return tuple(run for run in runs if run[0])


def where(step: Step) -> str:
    """File and line of a step, as an editor takes it."""
    return f"{step.source.shown_file}:{step.source.line}" if step.source else ""


def parameters(step: Step) -> str:
    """How many parameters a step reads, with their sizes: ``32 × 128 + 128 = 4,224``; empty where it reads none."""
    read = [leaf.value for leaf in step.inputs if isinstance(leaf, Leaf) and leaf.kind == "parameter"]
    count = sum(parameter.numel() for parameter in read)
    sizes = size_arithmetic(read, step.op == "linear")
    return f"{sizes} = {count:,}" if " " in sizes else sizes


def _code(step: Step) -> tuple[str, tuple[int, int, int] | None]:
    source = step.source
    if source is None or source.span is None:
        return "", None
    first, start, last, end = source.span
    lines = source.code
    at, until = first - source.function_line, last - source.function_line
    if not 0 <= at <= until < len(lines):
        return source.expression, None
    begin, stop = _lines_to_show(lines, at, until)
    shown = lines[begin:stop]
    indent = min((len(line) - len(line.lstrip()) for line in shown if line.strip()), default=0)
    close = end if last == first else len(lines[at])
    return "\n".join(line[indent:] for line in shown).rstrip(), (at - begin, start - indent, close - indent)


def _lines_to_show(lines: Sequence[str], first: int, last: int) -> tuple[int, int]:
    """The first line to show, and the line after the last: those of the expression and one on either side of it.

    A comment on a line of its own belongs to the code below it: all those right above the expression are shown, and
    none below it.
    """
    begin = first
    while begin and _is_comment(lines[begin - 1]):
        begin -= 1
    if begin == first and begin and lines[begin - 1].strip():
        begin -= 1
    after = last + 1
    goes_on = after < len(lines) and lines[after].strip() and not _is_comment(lines[after])
    return begin, after + 1 if goes_on else after


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _facts(step: Step) -> list[tuple[str, str]]:
    facts = [("line", where(step))]
    moving = movement(step.op)
    if moving is not None and moving is not Movement.SELECTS:
        facts.append(("moves", moving.value))
    written = step.source.expression if step.source else ""
    # What torch's own layers add to a call, padding_idx=None and the like, nobody wrote.
    if given := [str(argument) for argument in step.arguments if argument.name in written]:
        facts.append(("with", ", ".join(given)))
    if read := parameters(step):
        facts.append(("parameters", read))
    if step.flops:
        facts.append(("cost", f"{step.flops:,} FLOPs"))
    if pattern := einops_pattern(step):
        facts.append(("einops", ", ".join([pattern, *(f"{axis}={size}" for axis, size in einops_sizes(step).items())])))
    facts.append(("memory", f"{memory_words(step)}, {format_bytes(step.nbytes)}"))
    facts.append(("strides", strides_story(step) or str(step.stride)))
    return facts
