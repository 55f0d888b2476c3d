"""What made a pinned number, as the stage shows it: every number that went in is a way to walk on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine import Leaf, Step, Trace, explain
from engine.explain.describe import describe_element
from engine.explain.explanation import Explanation
from engine.model.weights import is_drawn
from engine.ops.access import Index
from engine.ops.notation import format_element, number
from engine.ops.terms import Factor as Read
from engine.ops.terms import Term
from pages.ui.components.tensor_view.player_types import Cell, Crumb, Factor, Made, TermLine

_MOST_TERMS = 64
_SOURCES = {
    "buffer": "is a number that the model keeps. No operation of this pass made it",
    "input": "came in from outside: no operation made it",
    "constant": "was made before this pass began: no operation of it is known here",
}
_HEADINGS = {
    "one": "It read this. Click a number to walk to what made it.",
    "numbers": "It read {count:,} numbers, the largest first. Click a number to walk to what made it.",
    "products": "It read {count:,} products, the largest first. Click a number to walk to what made it.",
    "product and bias": "It read 1 product and a bias, the largest first. Click a number to walk to what made it.",
    "products and bias": "It read {count:,} products and a bias, the largest first. "
    "Click a number to walk to what made it.",
}
# Where a weight comes from. Of a model from elsewhere neither how it began nor whether it was trained is known.
_WEIGHT = "is a weight of the model. No operation of this pass made it"
_TRAINED = "is a weight of the model. No operation of this pass made it: it was learned by training on dates"
_DRAWN = (
    "is a weight of the model. No operation of this pass made it: it was drawn at random, with seed {seed}, when the "
    "model was built, and training would change it"
)
_FIXED = (
    "is a weight of the model. No operation of this pass made it: every such weight of a layer norm is {value} when "
    "the model is built, and training would change it"
)


def made_of(trace: Trace, step: Step, panel: int, index: Index, trail: Sequence[Cell]) -> Made:
    """What made the cell ``index`` of a panel of this step's stage; ``trail`` is the way the person came."""
    tensor = (*step.inputs, step)[panel]
    crumbs = tuple(_crumb(trace, cell) for cell in trail)
    if isinstance(tensor, Step):
        return _computed(trace, step, explain(trace, tensor, index), crumbs)
    position = describe_element(trace, tensor, index)
    sentence = f"{position} = {number(tensor.value[index].item(), 7)} {_origin(trace, tensor)}."
    return Made(name=format_element(tensor, index), sentence=sentence, trail=crumbs)


def _origin(trace: Trace, leaf: Leaf) -> str:
    if leaf.kind != "parameter":
        return _SOURCES[leaf.kind]
    if trace.config is None:
        return _WEIGHT
    if trace.config.weights == "trained":
        return _TRAINED
    drawn = is_drawn(leaf.name)
    return (
        _DRAWN.format(seed=trace.config.seed) if drawn else _FIXED.format(value=number(leaf.value.flatten()[0].item()))
    )


def _computed(trace: Trace, stage: Step, made: Explanation, trail: Sequence[Crumb]) -> Made:
    shown = made.largest(_MOST_TERMS)
    return Made(
        name=format_element(made.step, made.index),
        sentence=made.sentence,
        formula=made.formula,
        arithmetic=made.arithmetic,
        verdict=_verdict(made),
        agrees=made.agrees is not False,
        heading=_heading(made.counts),
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
    dtype = str(made.step.dtype).removeprefix("torch.")
    if recorded == again and _looks_rounded(made):
        exact = number(made.exact, 6)
        return f"recorded {recorded}; computed again from these numbers {exact}, rounded to {dtype}: the same"
    if recorded == again:
        return f"recorded {recorded}; computed again from these numbers: the same"
    return f"recorded {recorded}; computed again from these numbers {again}: the same within the rounding of {dtype}"


def _looks_rounded(made: Explanation) -> bool:
    """Whether the sum that people make of what they see is another than the recorded number."""
    if made.exact is None or not made.step.dtype.is_floating_point:
        return False
    return number(float(made.exact), 6) != number(float(made.value), 6)


def _heading(counts: Mapping[str, int]) -> str:
    """What was read, counted; nothing where nothing was read."""
    count = sum(counts.values())
    if count <= 1:
        return _HEADINGS["one"] if count else ""
    products, biases = counts.get("product", 0), counts.get("bias", 0)
    if products + biases < count or not products:
        return _HEADINGS["numbers"].format(count=count)
    if biases:
        return _HEADINGS["product and bias" if products == 1 else "products and bias"].format(count=products)
    return _HEADINGS["products"].format(count=products)


def _lines(trace: Trace, stage: Step, step: Step, terms: Sequence[Term]) -> list[TermLine]:
    largest = max((abs(term.contribution) for term in terms), default=0.0)
    whole = len(terms) > 1 and 0 < largest < float("inf")
    return [
        TermLine(
            factors=[_factor(trace, stage, step, factor, term.digits) for factor in term.factors],
            amount=_amount(term) if len(terms) > 1 else "",
            share=_size(term) / largest if whole else 0.0,
        )
        for term in terms
    ]


def _size(term: Term) -> float:
    """What the length of its bar stands for: a complex number has no sign."""
    return abs(term.contribution) if isinstance(term.contribution, complex) else term.contribution


def _amount(term: Term) -> str:
    if term.share is not None:
        return f"{number(100 * term.share, 3)} %"
    return number(term.contribution)


def _factor(trace: Trace, stage: Step, step: Step, read: Read, digits: int) -> Factor:
    value = number(read.value, digits)
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
