"""What made a pinned number, as the stage shows it: every number that went in is a way to walk on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine import Leaf, Step, Trace, explain
from engine.explain.describe import describe_element
from engine.explain.explanation import Explanation
from engine.model.weights import is_drawn
from engine.ops.access import Index
from engine.ops.notation import format_element, number
from engine.ops.terms import Factor, Term
from pages.ui.components.tensor_view.player_types import Breadcrumb, Cell, FactorLink, PinExplanation, TermLine

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


def explanation_of(trace: Trace, step: Step, panel: int, index: Index, trail: Sequence[Cell]) -> PinExplanation:
    """What made the cell ``index`` of a panel of this step's stage; ``trail`` is the way the person came."""
    tensor = (*step.inputs, step)[panel]
    breadcrumbs = tuple(_breadcrumb(trace, cell) for cell in trail)
    if isinstance(tensor, Step):
        return _computed(trace, step, explain(trace, tensor, index), breadcrumbs)
    position = describe_element(trace, tensor, index)
    sentence = f"{position} = {number(tensor.value[index].item(), 7)} {_origin(trace, tensor)}."
    return PinExplanation(name=format_element(tensor, index), sentence=sentence, trail=breadcrumbs)


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


def _computed(trace: Trace, stage: Step, explained: Explanation, trail: Sequence[Breadcrumb]) -> PinExplanation:
    shown = explained.largest(_MOST_TERMS)
    return PinExplanation(
        name=format_element(explained.step, explained.index),
        sentence=explained.sentence,
        formula=explained.formula,
        arithmetic=explained.arithmetic,
        verdict=_verdict(explained),
        agrees=explained.agrees is not False,
        heading=_heading(explained.counts),
        terms=_lines(trace, stage, explained.step, shown.terms),
        rest=f"The {shown.others:,} others come to {number(shown.rest)}." if shown.others else "",
        trail=trail,
    )


def _verdict(explained: Explanation) -> str:
    if explained.recomputed is None:
        return ""
    recorded, again = number(explained.value, 9), number(explained.recomputed, 9)
    if not explained.agrees:
        return f"recorded {recorded}, but these numbers give {again}"
    dtype = str(explained.step.dtype).removeprefix("torch.")
    if recorded == again and explained.exact is not None and _looks_rounded(explained):
        exact = number(explained.exact, 6)
        return f"recorded {recorded}; computed again from these numbers {exact}, rounded to {dtype}: the same"
    if recorded == again:
        return f"recorded {recorded}; computed again from these numbers: the same"
    return f"recorded {recorded}; computed again from these numbers {again}: the same within the rounding of {dtype}"


def _looks_rounded(explained: Explanation) -> bool:
    """Whether the sum that people make of what they see is another than the recorded number."""
    if explained.exact is None or not explained.step.dtype.is_floating_point:
        return False
    return number(float(explained.exact), 6) != number(float(explained.value), 6)


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
            share=term.contribution / largest if whole else 0.0,
        )
        for term in terms
    ]


def _amount(term: Term) -> str:
    if term.share is not None:
        return f"{number(100 * term.share, 3)} %"
    return number(term.contribution)


def _factor(trace: Trace, stage: Step, step: Step, read: Factor, digits: int) -> FactorLink:
    value = number(read.value, digits)
    if isinstance(read.parent, Leaf) and read.parent.kind == "argument":
        return FactorLink("a number in the call", value, None)
    panel = next((panel for panel, shown in enumerate(stage.inputs) if shown is read.parent), None)
    tensor: Step | Leaf
    if isinstance(read.parent, Step):
        tensor, cell = read.parent, Cell(read.parent.index, read.index)
    else:
        own = next(panel for panel, parent in enumerate(step.inputs) if parent is read.parent)
        tensor, cell = step.inputs[own], Cell(step.index, read.index, own)
    return FactorLink(describe_element(trace, tensor, read.index), value, cell, panel)


def _breadcrumb(trace: Trace, cell: Cell) -> Breadcrumb:
    step = trace.steps[cell.step]
    tensor = step if cell.panel is None else step.inputs[cell.panel]
    return Breadcrumb(
        format_element(tensor, cell.index), f"{describe_element(trace, tensor, cell.index)}, step {cell.step}"
    )
