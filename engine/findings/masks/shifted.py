"""Causal masks that are off by one, or aligned to the wrong corner."""

from __future__ import annotations

from collections.abc import Iterator

from engine.findings.attentions import Attention
from engine.findings.finding import Suspicion, rule_of_attentions
from engine.findings.known import Known
from engine.ops import bind

_EARLY = "Query t sees keys up to t + {shift}: {shift} later than itself. A causal mask hides all later ones."
_LATE = "Query t sees keys up to t − {shift} and not itself: the first {shift} see nothing at all."
_CORNER = (
    "With {past} cached keys, query t sees keys up to t; it stands at position t + {past} and should see keys up to "
    "there. The causal mask is aligned to the upper left corner of ({length}, {keys})."
)
_FIX = "triu(diagonal=1) hides the later keys, and tril() keeps the others"
_FIX_CORNER = "is_causal=False for a single query; for several, tril(diagonal=L_k - L) as a mask"


@rule_of_attentions()
def causal_mask_shifted(known: Known, attention: Attention) -> Iterator[Suspicion]:
    """A query sees the next token, or not itself."""
    length, keys = attention.lengths
    reach = attention.reach
    if reach is None or length != keys or not attention.hides:
        return
    step = attention.seen(attention.hides[-1])
    for shift in (1, 2):
        if length >= shift + 3 and reach == [min(row + shift, keys - 1) for row in range(length)]:
            yield Suspicion(step, _EARLY.format(shift=shift), {"shift": shift}, _FIX)
        elif length >= shift + 3 and reach == [max(row - shift, -1) for row in range(length)]:
            yield Suspicion(step, _LATE.format(shift=shift), {"shift": -shift}, _FIX)


@rule_of_attentions()
def causal_mask_at_the_wrong_corner(known: Known, attention: Attention) -> Iterator[Suspicion]:
    """is_causal with a cache: the first query sees the first key alone."""
    length, keys = attention.lengths
    reach = attention.reach
    if reach != list(range(length)) or length >= keys or not (length > 1 or _is_causal(attention)):
        return
    shown = {"past": keys - length, "length": length, "keys": keys}
    step = attention.seen(attention.hides[-1])
    yield Suspicion(step, _CORNER.format(**shown), shown, _FIX_CORNER)


def _is_causal(attention: Attention) -> bool:
    if attention.fused is None:
        return False
    call = bind(attention.fused)
    return call is not None and call.value("is_causal", False) is True
