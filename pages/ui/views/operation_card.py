"""The card of an operation: line of code, formula, why it is done; cost and memory on demand."""

from __future__ import annotations

from collections.abc import Mapping

from engine import Leaf, Step, Trace
from engine.axes import sizes_text
from engine.explain.explanation import formula
from engine.explain.invariants import checks
from engine.explain.memory_layout import describe_strides, einops_check, einops_pattern, einops_sizes
from engine.explain.why import why
from engine.export.units import format_bytes
from engine.ops import Movement, movement
from engine.ops.checks import Check
from engine.ops.notation import number
from engine.runtime.parameters import size_arithmetic
from pages.ui.components.tensor_view import Badge, OperationCard
from pages.ui.components.tensor_view.types import InnerStep, InnerSteps
from pages.ui.views.lens.lab_links import lab_link
from pages.ui.views.tensor_panels import memory_words

Runs = tuple[tuple[str, str], ...]
_FUSED = "Fused: computed in one call; inside is the documented formula."
_FUSED_EXACT = "Fused: computed in one call; inside is the documented formula, and no number differs."
_FUSED_MEASURED = "Fused: computed in one call; inside is the documented formula, largest difference {difference}."
_MOST_INNER = 200


def card_of(
    trace: Trace, step: Step, settings: Mapping[str, str] | None = None, within: tuple[int, ...] = ()
) -> OperationCard:
    """The card of a step.

    Args:
        trace: the trace of the step.
        step: the step between inputs and output.
        settings: those of the page, as its address has them, for the link to a lab.
        within: the indices of the fused calls that the step lies inside of.
    """
    code, mark = _code(step)
    return OperationCard(
        title=step.op,
        formula=formula_runs(step),
        code=code,
        mark=mark,
        badges=[Badge(check.label, check.holds, check.detail) for check in _checks(trace, step)],
        why=why(trace, step),
        objections=_objections(step),
        folded=tuple(_facts(step)),
        lab=lab_link(trace, step, settings),
        inside=_inside(step, within),
    )


def _objections(step: Step) -> tuple[str, ...]:
    """What in the shape comment of the line can't be true, and the axes to which the program gives two names."""
    sentences = tuple(disagreement.sentence for disagreement in step.axes_disagree)
    return (step.axes_contradiction, *sentences) if step.axes_contradiction else sentences


def _inside(step: Step, within: tuple[int, ...]) -> InnerSteps | None:
    inside, difference = step.inside, step.inside_difference
    if inside is None:
        return None
    sentence = _FUSED if difference is None else _FUSED_EXACT if difference == 0 else _FUSED_MEASURED
    names = [InnerStep(inner.name, _shape(inner), inner.index) for inner in inside.steps[:_MOST_INNER]]
    return InnerSteps(sentence.format(difference=number(difference or 0.0, 2)), names, (*within, step.index))


def _shape(step: Step) -> str:
    """The shape with the symbols that are known: ``B 2 · H 4``."""
    return sizes_text((None if symbol == "1" else symbol for symbol in step.axes), step.shape, " · ")


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
    """The lines of the expression, without their indent, and where it stands in the first of them."""
    source = step.source
    if source is None or source.span is None:
        return "", None
    first, start, last, end = source.span
    at, until = first - source.function_line, last - source.function_line
    if not 0 <= at <= until < len(source.code):
        return source.expression, None
    lines = source.code[at : until + 1]
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    close = end if last == first else len(lines[0])
    return "\n".join(line[indent:] for line in lines).rstrip(), (0, start - indent, close - indent)


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
    facts.append(("strides", describe_strides(step) or str(step.stride)))
    return facts
