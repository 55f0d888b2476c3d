"""Weights that add up to 1 over another axis than the keys'."""

from __future__ import annotations

from collections.abc import Iterator

from engine.findings.attentions import Attention
from engine.findings.finding import Suspicion, rule_of_attentions
from engine.findings.known import Known
from engine.ops import bind
from engine.ops.numerics import measurable, to_float64

_SENTENCE = (
    "The weights of a query add up to between {low:.3g} and {high:.3g} over its {keys} keys: softmax ran over axis "
    "{axis}, and the values are mixed along axis {expected}."
)


@rule_of_attentions(fix="softmax(dim=-1) on scores (…, L, L_k), so that each query's weights add up to 1")
def softmax_over_another_axis(known: Known, attention: Attention) -> Iterator[Suspicion]:
    """softmax along an axis that the mix of the values does not add up."""
    step = attention.softmax
    call = bind(step)
    dim = None if call is None else call.value("dim")
    if not isinstance(dim, int) or attention.weights.value.shape != step.value.shape:
        return
    axis, expected = dim % len(step.shape), attention.mix.axis
    if axis == expected or not measurable(step.value) or attention.weights is not step:
        return
    sums = to_float64(step.value).sum(expected)
    low, high = float(sums.min()), float(sums.max())
    if abs(low - 1) < 1e-2 and abs(high - 1) < 1e-2:
        return
    shown = {"low": low, "high": high, "keys": step.shape[expected], "axis": axis, "expected": expected}
    yield Suspicion(attention.seen(step), _SENTENCE.format(**shown), shown)
