"""Queries that see no key at all."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from engine.findings.attentions import Attention
from engine.findings.finding import Suspicion, rule_of_attentions
from engine.findings.known import Known
from engine.findings.masks.inverted import is_inverted
from engine.ops.numerics import to_float64

_NAN = "{rows} of {all} rows have every key hidden: their weights are NaN, and so is all that is computed from them."
_EVEN = (
    "{rows} of {all} rows have every key hidden by a finite number: their weights are spread over keys that should not "
    "be seen."
)
_NOTHING = (
    "{rows} of {all} rows have every key hidden: there is nothing to mix, and what the call gives for them means "
    "nothing."
)


@rule_of_attentions(fix="let every query see one key at least, or drop the sequences that are padding alone")
def everything_hidden(known: Known, attention: Attention) -> Iterator[Suspicion]:
    """A row of scores that the mask hides whole."""
    visible = attention.visible
    if visible is None or not attention.hides or is_inverted(known, attention):
        return
    empty = ~visible.any(-1)
    count = int(empty.sum())
    if not count:
        return
    lost = bool(to_float64(attention.softmax.value).isnan().any())
    lost = lost and (attention.fused is None or bool(to_float64(attention.fused.value).isnan().any()))
    if not lost and not bool((empty & ~_unread(visible, attention)).any()):
        return
    shown = {"rows": count, "all": empty.numel()}
    endless = bool(to_float64(attention.softmax.inputs[0].value).isneginf().all(-1).any())
    sentence = (_NAN if lost else _NOTHING if endless else _EVEN).format(**shown)
    yield Suspicion(attention.seen(attention.hides[-1]), sentence, shown)


def _unread(visible: Tensor, attention: Attention) -> Tensor:
    """The rows of queries that nothing sees as a key either, as of padding beside tokens: they are not read."""
    length, keys = attention.lengths
    if length != keys:
        return visible.new_zeros(visible.shape[:-1])
    return ~visible.any(-2) & visible.any(-1).any(-1, keepdim=True)
