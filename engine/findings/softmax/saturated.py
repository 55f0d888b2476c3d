"""Weights that are all on one key."""

from __future__ import annotations

from collections.abc import Iterator

from engine.findings.attentions import Attention
from engine.findings.finding import Suspicion, rule_of_attentions
from engine.findings.known import Known
from engine.ops.numerics import measurable, to_float64

_SENTENCE = (
    "{share:.0%} of the {rows} rows with two or more visible keys have a weight above {most}: softmax is in its flat "
    "region, where hardly anything is learned. The visible scores spread by {spread:.3g}."
)
_MOST = 0.999


@rule_of_attentions(fix="divide the scores by √d_k before softmax")
def saturated_softmax(known: Known, attention: Attention) -> Iterator[Suspicion]:
    """More than half of the rows have one weight of nearly 1."""
    value, visible = attention.softmax.value, attention.visible
    if visible is None or not measurable(value) or visible.shape != value.shape:
        return
    several = visible.sum(-1) >= 2
    rows = int(several.sum())
    top = to_float64(value).amax(-1)[several]
    share = float((top > _MOST).double().mean()) if rows else 0.0
    if share > 0.5:
        scores = to_float64(attention.softmax.inputs[0].value)[visible]
        shown = {"share": share, "rows": rows, "most": _MOST, "spread": float(scores.std())}
        sentence = _SENTENCE.format(**shown)
        yield Suspicion(attention.seen(attention.softmax), sentence, shown)
