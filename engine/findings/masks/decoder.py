"""A decoder whose tokens see those that come after them."""

from __future__ import annotations

from collections.abc import Iterator

from engine.findings.attentions import Attention
from engine.findings.finding import Finding, rule
from engine.findings.known import Known
from engine.ops import canonical_name

_SENTENCE = (
    "Every one of {length} queries sees all keys, also those of later tokens, and what comes of it asks another "
    "sequence: this is a decoder, and nothing hides its future."
)
_FIX = "hide the later tokens: masked_fill(torch.ones(L, L, dtype=bool).triu(1), -inf) before softmax"


@rule
def decoder_sees_the_future(known: Known) -> Iterator[Finding]:
    """Self-attention of a decoder, found by the attention to an encoder that follows it, with no causal mask."""
    for attention in known.attentions:
        length, keys = attention.lengths
        if length != keys or length < 2 or attention.reach != [keys - 1] * length:
            continue
        if _reads_tokens(known, attention) and any(_follows(known, attention, other) for other in known.attentions):
            step = attention.seen(attention.softmax)
            shown = {"length": length}
            yield Finding("decoder_sees_the_future", step, _SENTENCE.format(**shown), shown, _FIX)


def _follows(known: Known, attention: Attention, other: Attention) -> bool:
    """Whether another attention's queries come from this one, and its keys and values do not."""
    mixed = attention.seen(attention.mixed)
    if other is attention or known.depends(mixed, other.seen(other.mixed)):
        return False
    query, key, value = known.read_by(other)
    return known.depends(query, mixed) and not known.depends(key, mixed) and not known.depends(value, mixed)


def _reads_tokens(known: Known, attention: Attention) -> bool:
    """Whether its queries come from an embedding of token ids that its keys come from as well."""
    query, key, _ = known.read_by(attention)
    return any(
        canonical_name(step.op) == "embedding" and known.depends(query, step) and known.depends(key, step)
        and tuple(step.shape[-2:-1]) == (attention.lengths[0],)
        for step in known.trace.steps
    )  # fmt: skip
