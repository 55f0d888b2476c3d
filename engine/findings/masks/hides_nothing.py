"""Masks that leave weight on what they mark."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from engine.findings.attentions import Attention
from engine.findings.finding import Suspicion, rule_of_attentions
from engine.findings.known import Known
from engine.findings.masks.padding import mask_operands
from engine.ops import bind, canonical_name
from engine.ops.numerics import measurable, to_float64
from engine.record.trace import Step

_FILLED = (
    "{name} puts {number:g} where keys are to be hidden, and they keep up to {most:.3g} of the weight: e to the power "
    "of {number:g} is not 0."
)
_ADDED = "{name} adds {mask}, which is 0 or {number:g}: that moves a score by {number:g} at most, and hides nothing."
_FIX_FILLED = "masked_fill(mask, float('-inf'))"
_FIX_ADDED = "masked_fill(mask == 0, float('-inf')) in place of adding; a mask that is added is 0 or −inf"
_LEAST = 1e-3
_SMALL = 1e-3  # a number that was meant to be large, such as −1e-9


@rule_of_attentions()
def mask_hides_nothing(known: Known, attention: Attention) -> Iterator[Suspicion]:
    """A fill that is not low enough, and a mask of 0 and 1 that is added."""
    for step in attention.masking:
        suspicion = _filled(attention, step) if canonical_name(step.op) == "masked_fill" else None
        if canonical_name(step.op) == "add":
            suspicion = _added(attention, step)
        if suspicion is not None:
            yield suspicion
            break


def _filled(attention: Attention, step: Step) -> Suspicion | None:
    call = bind(step)
    weights = attention.softmax.value
    if call is None or "mask" not in call.args or not measurable(weights):
        return None
    mask, number = call.args["mask"].value, call.value("value")
    if not isinstance(mask, Tensor) or not isinstance(number, int | float) or mask.is_meta:
        return None
    if weights.shape != step.value.shape:
        return None
    marked = mask.cpu().expand(weights.shape)
    # A row that is marked whole has to give its weight to something.
    marked = marked & ~marked.all(-1, keepdim=True)
    most = float(to_float64(weights).nan_to_num(0.0)[marked].max()) if bool(marked.any()) else 0.0
    if most <= _LEAST or number < -100:
        return None
    shown = {"name": step.name, "number": float(number), "most": most}
    return Suspicion(attention.seen(step), _FILLED.format(**shown), shown, _FIX_FILLED)


def _added(attention: Attention, step: Step) -> Suspicion | None:
    read = [id(parent) for parent in step.inputs]
    for parent in mask_operands(attention):
        if id(parent) not in read or not measurable(parent.value):
            continue
        numbers = to_float64(parent.value).unique().tolist()
        other = [number for number in numbers if number]
        if len(numbers) == 2 and len(other) == 1 and (abs(other[0]) == 1 or abs(other[0]) < _SMALL):
            shown = {"name": step.name, "mask": parent.name, "number": other[0]}
            return Suspicion(attention.seen(step), _ADDED.format(**shown), shown, _FIX_ADDED)
    return None
