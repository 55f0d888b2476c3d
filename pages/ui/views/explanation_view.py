"""What made a pinned number, as the stage shows it: every number that was read leads to what made that one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine import Leaf, Step, Trace, explain
from engine.explain.describe import describe_element
from engine.explain.explanation import Explanation
from engine.model.weights import is_drawn
from engine.ops.access import Index
from engine.ops.notation import format_element, number
from engine.ops.terms import Factor, Term
from engine.record.recording import outputs_of
from engine.wording import counted
from pages.ui.components.tensor_view.player_types import Breadcrumb, Cell, FactorLink, PinExplanation, TermLine
from pages.ui.state.url_step import Location, location_at

_MOST_TERMS = 64
_OTHER, _OTHERS = "The other one comes to {amount}.", "The {count} others come to {amount}."
# Where a number comes from that no operation of the trace made.
_SOURCES = {
    "buffer": "{element} = {value} is a number that the model keeps. No operation of this pass made it.",
    "input": "{element} = {value} came in from outside: no operation made it.",
    "constant": "{element} = {value} was made before this pass began: no operation that made it is known.",
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
_WEIGHT = "{element} = {value} is a weight of the model. No operation of this pass made it."
_TRAINED = (
    "{element} = {value} is a weight of the model. No operation of this pass made it: "
    "it was learned by training on dates."
)
_DRAWN = (
    "{element} = {value} is a weight of the model. No operation of this pass made it: "
    "it was drawn at random, with seed {seed}, when the model was built, and training would change it."
)
_FIXED = (
    "{element} = {value} is a weight of the model. No operation of this pass made it: "
    "every such weight of a layer norm is {start} when the model is built, and training would change it."
)
_INSIDE = "It was made inside this call. Click the number to walk in."
_OUTSIDE = "It is this number outside. Click it to walk to what made it."
_GIVEN = "{element} = {value} was given to the fused call {call}."
_DISAGREES = "recorded {recorded}, but these numbers give {again}"
_SAME = "recorded {recorded}; computed again from these numbers: the same"
_SAME_ROUNDED = "recorded {recorded}; computed again from these numbers {exact}, rounded to {dtype}: the same"
_SAME_WITHIN_ROUNDING = (
    "recorded {recorded}; computed again from these numbers {again}: the same within the rounding of {dtype}"
)


def explanation_of(
    location: Location, panel: int, index: Index, trail: Sequence[Cell], root: Trace | None = None
) -> PinExplanation:
    """What made a cell of a stage.

    Args:
        location: the step on the stage, and the trace it stands in.
        panel: the panel the cell is of: the step's inputs in order, then its output.
        index: the cell's index, an entry for each axis.
        trail: the cells that the person came through.
        root: the trace that the trail goes through; by default that of the step.

    Returns:
        The explanation; for a number that no operation made, where it comes from.
    """
    trace, step = location.trace, location.step
    tensor = (*step.inputs, step)[panel]
    breadcrumbs = tuple(_breadcrumb(root or trace, cell) for cell in trail)
    read = (tensor, *tensor.inputs) if isinstance(tensor, Step) else (tensor,)
    if refusal := next((each.unreadable for each in read if each.unreadable), None):
        return PinExplanation(name=format_element(tensor, index), sentence=refusal, trail=breadcrumbs)
    if isinstance(tensor, Step):
        explanation = _computed(location, explain(trace, tensor, index), breadcrumbs)
        return explanation if explanation.terms else _through_inside(location, tensor, index, explanation)
    if outer := _outer(location, tensor):
        return _from_outside(location, tensor, outer, index, breadcrumbs)
    element, value = describe_element(trace, tensor, index), number(tensor.value[index].item(), 7)
    sentence = _origin(trace, tensor, element, value)
    return PinExplanation(name=format_element(tensor, index), sentence=sentence, trail=breadcrumbs)


def _through_inside(location: Location, call: Step, index: Index, explained: PinExplanation) -> PinExplanation:
    """The way into a fused call whose own arithmetic is not known: the same element of what stands inside."""
    inside = call.inside
    outputs = [] if inside is None else outputs_of(inside.output)
    if inside is None or call.output >= len(outputs) or outputs[call.output].shape != call.value.shape:
        return explained
    inner_step = next((inner for inner in inside.steps[::-1] if inner.value is outputs[call.output]), None)
    if inner_step is None:
        return explained
    name = describe_element(inside, inner_step, index)
    cell = Cell(inner_step.index, index, None, (*location.within, call.index))
    link = FactorLink(name, number(inner_step.value[index].item(), 7), cell)
    return replace(explained, heading=_INSIDE, terms=[TermLine([link], "", 0.0)])


def _outer(location: Location, leaf: Leaf) -> Step | Leaf | None:
    """What a fused call was given where inside an input stands; None outside of fused calls."""
    if not location.calls:
        return None
    return next((parent for parent in location.calls[-1].inputs if parent.value is leaf.value), None)


def _from_outside(
    location: Location, leaf: Leaf, outer: Step | Leaf, index: Index, trail: Sequence[Breadcrumb]
) -> PinExplanation:
    call, within = location.calls[-1], location.within[:-1]
    if isinstance(outer, Step):
        cell = Cell(outer.index, index, None, within)
    else:
        cell = Cell(call.index, index, call.inputs.index(outer), within)
    value = number(leaf.value[index].item(), 7)
    sentence = _GIVEN.format(element=describe_element(location.trace, leaf, index), value=value, call=call.name)
    link = FactorLink(describe_element(location.trace, outer, index), value, cell)
    terms = [TermLine([link], "", 0.0)]
    return PinExplanation(format_element(leaf, index), sentence, heading=_OUTSIDE, terms=terms, trail=trail)


def _origin(trace: Trace, leaf: Leaf, element: str, value: str) -> str:
    """Where an element comes from that no operation of the trace made."""
    if leaf.kind != "parameter":
        return _SOURCES[leaf.kind].format(element=element, value=value)
    if trace.config is None:
        return _WEIGHT.format(element=element, value=value)
    if trace.config.weights == "trained":
        return _TRAINED.format(element=element, value=value)
    if is_drawn(leaf.name):
        return _DRAWN.format(element=element, value=value, seed=trace.config.seed)
    return _FIXED.format(element=element, value=value, start=number(leaf.value.flatten()[0].item()))


def _computed(location: Location, explained: Explanation, trail: Sequence[Breadcrumb]) -> PinExplanation:
    shown = explained.largest(_MOST_TERMS)
    return PinExplanation(
        name=format_element(explained.step, explained.index),
        sentence=explained.sentence,
        formula=explained.formula,
        arithmetic=explained.arithmetic,
        verdict=_verdict(explained),
        agrees=explained.agrees is not False,
        heading=_heading(explained.counts),
        terms=_lines(location, explained.step, shown.terms),
        rest=counted(shown.others, _OTHER, _OTHERS, amount=number(shown.rest)) if shown.others else "",
        trail=trail,
    )


def _verdict(explained: Explanation) -> str:
    if explained.recomputed is None:
        return ""
    recorded, again = number(explained.value, 9), number(explained.recomputed, 9)
    if not explained.agrees:
        return _DISAGREES.format(recorded=recorded, again=again)
    dtype = str(explained.step.dtype).removeprefix("torch.")
    exact = _visibly_exact(explained)
    if recorded == again and exact:
        return _SAME_ROUNDED.format(recorded=recorded, exact=exact, dtype=dtype)
    if recorded == again:
        return _SAME.format(recorded=recorded)
    return _SAME_WITHIN_ROUNDING.format(recorded=recorded, again=again, dtype=dtype)


def _visibly_exact(explained: Explanation) -> str:
    """The result before its rounding, where it looks different from the recorded number; else nothing."""
    if explained.exact is None or not explained.step.dtype.is_floating_point:
        return ""
    exact = number(float(explained.exact), 6)
    return "" if exact == number(float(explained.value), 6) else exact


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


def _lines(location: Location, step: Step, terms: Sequence[Term]) -> list[TermLine]:
    largest = max((abs(term.contribution) for term in terms), default=0.0)
    has_shares = len(terms) > 1 and 0 < largest < float("inf")
    return [
        TermLine(
            factors=[_factor(location, step, factor, term.digits) for factor in term.factors],
            amount=_amount(term) if len(terms) > 1 else "",
            share=_size(term) / largest if has_shares else 0.0,
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


def _factor(location: Location, step: Step, read: Factor, digits: int) -> FactorLink:
    value = number(read.value, digits)
    if isinstance(read.parent, Leaf) and read.parent.kind == "argument":
        return FactorLink("a number in the call", value, None)
    panel = next((panel for panel, shown in enumerate(location.step.inputs) if shown is read.parent), None)
    tensor: Step | Leaf
    if isinstance(read.parent, Step):
        tensor, cell = read.parent, Cell(read.parent.index, read.index, None, location.within)
    else:
        own = next(panel for panel, parent in enumerate(step.inputs) if parent is read.parent)
        tensor, cell = step.inputs[own], Cell(step.index, read.index, own, location.within)
    return FactorLink(describe_element(location.trace, tensor, read.index), value, cell, panel)


def _breadcrumb(root: Trace, cell: Cell) -> Breadcrumb:
    location = location_at(root, cell.within, cell.step)
    if location is None:
        raise ValueError(f"a trail goes through cells of this trace: got {cell}; nearest: none")
    trace, step = location.trace, location.step
    tensor = step if cell.panel is None else step.inputs[cell.panel]
    return Breadcrumb(
        format_element(tensor, cell.index), f"{describe_element(trace, tensor, cell.index)}, step {cell.step}"
    )
