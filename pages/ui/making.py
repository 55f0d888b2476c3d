"""What made a pinned number, as the stage shows it: every number that went in is a way to walk on."""

from __future__ import annotations

from collections.abc import Sequence

from engine import Leaf, Step, Trace, explain
from engine.describe import describe_element
from engine.explain import Explanation
from engine.ops.notation import format_element, number
from engine.ops.terms import Factor as Read
from engine.ops.terms import Term
from pages.ui.tensor_view.parts import Index
from pages.ui.tensor_view.walking import Cell, Crumb, Factor, Made, TermLine

_MOST_TERMS = 64
_SOURCES = {
    "parameter": "is a weight of the model. No operation made it: it was drawn at random when the model was built, "
    "from the seed, and training would change it",
    "buffer": "is a number that the model keeps. No operation of this pass made it",
    "input": "came in from outside: no operation made it",
    "constant": "was made before this pass began: no operation of it is known here",
}


def made_of(trace: Trace, step: Step, panel: int, index: Index, trail: Sequence[Cell]) -> Made:
    """What made the cell ``index`` of a panel of this step's stage; ``trail`` is the way the person came."""
    tensor = (*step.inputs, step)[panel]
    crumbs = tuple(_crumb(trace, cell) for cell in trail)
    if isinstance(tensor, Step):
        return _computed(trace, step, explain(trace, tensor, index), crumbs)
    said = (
        f"{describe_element(trace, tensor, index)} = {number(tensor.value[index].item(), 7)} {_SOURCES[tensor.kind]}."
    )
    return Made(name=format_element(tensor, index), sentence=said, trail=crumbs)


def _computed(trace: Trace, stage: Step, made: Explanation, trail: Sequence[Crumb]) -> Made:
    shown = made.largest(_MOST_TERMS)
    return Made(
        name=format_element(made.step, made.index),
        sentence=made.sentence,
        formula=made.formula,
        arithmetic=made.arithmetic,
        verdict=_verdict(made),
        agrees=made.agrees is not False,
        heading=_heading(made.count, shown.terms),
        terms=_lines(trace, stage, made.step, shown.terms),
        rest=f"The {shown.others:,} others come to {number(shown.rest)}." if shown.others else "",
        trail=trail,
    )


def _verdict(made: Explanation) -> str:
    if made.recomputed is None:
        return ""
    recorded, again = number(made.value, 9), number(made.recomputed, 9)
    if not made.agrees:
        return f"recorded {recorded}, but these numbers give {again}"
    if recorded == again:
        return f"recorded {recorded}; computed again from these numbers: the same"
    dtype = str(made.step.dtype).removeprefix("torch.")
    return f"recorded {recorded}; computed again from these numbers {again}: the same within the rounding of {dtype}"


def _heading(count: int, terms: Sequence[Term]) -> str:
    if count == 1:
        return "It read this. Click a number to walk to what made it."
    kind = {"product": "products", "bias": "products"}.get(terms[0].role, "numbers")
    return f"It read {count:,} {kind}, the largest first. Click a number to walk to what made it."


def _lines(trace: Trace, stage: Step, step: Step, terms: Sequence[Term]) -> list[TermLine]:
    largest = max((abs(term.contribution) for term in terms), default=0.0)
    whole = len(terms) > 1 and 0 < largest < float("inf")
    return [
        TermLine(
            factors=[_factor(trace, stage, step, factor) for factor in term.factors],
            amount=_amount(term) if len(terms) > 1 else "",
            share=term.contribution / largest if whole else 0.0,
        )
        for term in terms
    ]


def _amount(term: Term) -> str:
    if term.share is not None:
        return f"{number(100 * term.share, 3)} %"
    return number(term.contribution)


def _factor(trace: Trace, stage: Step, step: Step, read: Read) -> Factor:
    value = number(read.value)
    if isinstance(read.parent, Leaf) and read.parent.kind == "argument":
        return Factor("a number in the call", value, None)
    panel = next((place for place, one in enumerate(stage.inputs) if one is read.parent), None)
    if isinstance(read.parent, Step):
        cell = Cell(read.parent.index, read.index)
    else:
        place = next(place for place, one in enumerate(step.inputs) if one is read.parent)
        cell = Cell(step.index, read.index, place)
    return Factor(describe_element(trace, read.parent, read.index), value, cell, panel)


def _crumb(trace: Trace, cell: Cell) -> Crumb:
    step = trace.steps[cell.step]
    tensor = step if cell.panel is None else step.inputs[cell.panel]
    return Crumb(format_element(tensor, cell.index), f"{describe_element(trace, tensor, cell.index)}, step {cell.step}")
