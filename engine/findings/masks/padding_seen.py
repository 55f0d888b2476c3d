"""Padding that gets weight."""

from __future__ import annotations

from collections.abc import Iterator

from engine.findings.attentions import Attention
from engine.findings.finding import Suspicion, rule_of_attentions
from engine.findings.known import Known
from engine.findings.masks.inverted import is_inverted
from engine.findings.masks.padding import padding_keys
from engine.ops.numerics import measurable, to_float64

_SENTENCE = "{count} keys are padding, and queries give them up to {most:.3g} of their weight: nothing hides them."
_LEAST = 1e-6


@rule_of_attentions(
    fix="hide the padding: mask = (ids == pad)[:, None, None, :], and masked_fill(mask, -inf) before softmax"
)
def padding_gets_weight(known: Known, attention: Attention) -> Iterator[Suspicion]:
    """A query that is no padding looks at padding."""
    weights = attention.softmax.value
    padding = padding_keys(known, attention) if weights.dim() > 2 else None
    if padding is None or not measurable(weights) or is_inverted(known, attention):
        return
    if weights.shape[0] != padding.shape[0] or weights.shape[-1] != padding.shape[-1]:
        return
    shape = (padding.shape[0], *(1,) * (weights.dim() - 2), padding.shape[-1])
    given = to_float64(weights).masked_fill(~padding.reshape(shape), 0.0).nan_to_num(0.0).sum(-1)
    if weights.shape[-2] == weights.shape[-1]:
        # A query that is padding itself may look where it likes: nobody reads it.
        given = given.masked_fill(padding.reshape(padding.shape[0], *shape[1:-2], padding.shape[-1]), 0.0)
    most = float(given.max())
    if most > _LEAST:
        shown = {"count": int(padding.sum()), "most": most}
        step = attention.seen(attention.softmax)
        yield Suspicion(step, _SENTENCE.format(**shown), shown)
