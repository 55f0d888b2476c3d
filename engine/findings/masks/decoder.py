"""A decoder whose tokens see those that come after them."""

from __future__ import annotations

from collections.abc import Iterator

from engine.findings.attentions import Attention
from engine.findings.finding import Suspicion, rule
from engine.findings.known import Known
from engine.record.trace import Step

_SENTENCE = (
    "Every one of {length} queries sees all keys, also those of later tokens, and what comes of it asks another "
    "sequence: this is a decoder, and nothing hides its future."
)


@rule(fix="hide the later tokens: masked_fill(torch.ones(L, L, dtype=bool).triu(1), -inf) before softmax")
def decoder_sees_the_future(known: Known) -> Iterator[Suspicion]:
    """Self-attention of a decoder, found by the attention to an encoder that follows it, with no causal mask."""
    asking = _asking_others(known) if known.embeddings else []
    for attention in known.attentions if asking else ():
        length, keys = attention.lengths
        if length != keys or length < 2 or attention.reach != [keys - 1] * length:
            continue
        if any(_is_decoder(known, attention, other) for other in asking):
            step = attention.seen(attention.softmax)
            shown = {"length": length}
            yield Suspicion(step, _SENTENCE.format(**shown), shown)


def _asking_others(known: Known) -> list[Attention]:
    """The attentions whose queries come from an attention that their keys and values do not come from."""
    mixed = sum({1 << attention.seen(attention.mixed).index for attention in known.attentions})
    asking = []
    for attention in known.attentions:
        query, key, value = map(known.behind, known.read_by(attention))
        if query & ~key & ~value & mixed:
            asking.append(attention)
    return asking


def _is_decoder(known: Known, attention: Attention, other: Attention) -> bool:
    """Whether another attention's queries come from this one, and its keys and values from another sequence."""
    mixed = attention.seen(attention.mixed)
    if other is attention or known.depends(mixed, other.seen(other.mixed)):
        return False
    query, key, value = known.read_by(other)
    if not known.depends(query, mixed) or known.depends(key, mixed) or known.depends(value, mixed):
        return False
    return any(not known.depends(key, tokens) for tokens in _tokens(known, attention))


def _tokens(known: Known, attention: Attention) -> Iterator[Step]:
    """The embeddings of token ids that an attention's queries and its keys come from."""
    query, key, _ = known.read_by(attention)
    for step in known.embeddings:
        is_read = known.depends(query, step) and known.depends(key, step)
        if is_read and tuple(step.shape[-2:-1]) == (attention.lengths[0],):
            yield step
