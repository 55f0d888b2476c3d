"""Masks of the other polarity: they hide what should be seen."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from engine.findings.attentions import Attention
from engine.findings.finding import Suspicion, rule_of_attentions
from engine.findings.known import Known
from engine.findings.masks.padding import padding_keys

_FUTURE = (
    "No query sees itself or an earlier token, and {seen} of {later} later ones are seen: the mask hides what should "
    "be seen."
)
_PADDING = "The keys that are seen are exactly the {count} of padding: the mask hides what should be seen."
_FIX = (
    "invert the mask with ~: True hides in masked_fill and nn.MultiheadAttention, and keeps in "
    "scaled_dot_product_attention"
)


@rule_of_attentions(fix=_FIX)
def mask_inverted(known: Known, attention: Attention) -> Iterator[Suspicion]:
    """Only later tokens are seen, or only padding."""
    suspicion = _later_only(attention) or _padding_only(known, attention)
    if suspicion is not None:
        yield suspicion


def is_inverted(known: Known, attention: Attention) -> bool:
    """Whether the mask of an attention has the other polarity."""
    return (_later_only(attention) or _padding_only(known, attention)) is not None


def _later_only(attention: Attention) -> Suspicion | None:
    visible = attention.visible
    length, keys = attention.lengths
    if visible is None or length != keys or length < 3 or not attention.hides:
        return None
    anywhere = visible.reshape(-1, length, keys).any(0)
    later = torch.ones(length, keys, dtype=torch.bool).triu(1)
    seen = int(anywhere[later].sum())
    if bool(anywhere[~later].any()) or seen < int(later.sum()):
        return None
    shown = {"seen": seen, "later": int(later.sum())}
    step = attention.seen(attention.hides[-1])
    return Suspicion(step, _FUTURE.format(**shown), shown)


def _padding_only(known: Known, attention: Attention) -> Suspicion | None:
    visible = attention.visible
    padding = None if visible is None or visible.dim() < 3 else padding_keys(known, attention)
    if visible is None or padding is None or not attention.hides:
        return None
    keys = visible.reshape(visible.shape[0], -1, visible.shape[-1]).any(1)
    if not bool((keys == padding).all()):
        return None
    shown = {"count": int(padding.sum())}
    step = attention.seen(attention.hides[-1])
    return Suspicion(step, _PADDING.format(**shown), shown)
