"""A mask of the keys (B, L) that lands on the pairs (L, L)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from engine.findings.attentions import Attention
from engine.findings.finding import Suspicion, rule_of_attentions
from engine.findings.known import Known
from engine.findings.masks.padding import behind, mask_operands
from engine.record.trace import Leaf, Step

_SENTENCE = (
    "{name} is ({batch}, {keys}) and is laid on the last two axes of the scores {scores}: row i hides keys from query "
    "i of every sequence, not from sequence i. It fits only because there are as many sequences as queries."
)


@rule_of_attentions(fix="mask[:, None, None, :], which is (B, 1, 1, L_k), so that the batch meets the batch")
def mask_of_keys_on_queries(known: Known, attention: Attention) -> Iterator[Suspicion]:
    """(B, L) broadcast onto (B, H, L, L) where B = L."""
    length, keys = attention.lengths
    shape = attention.scores.shape
    if attention.fused is not None or len(shape) < 3 or shape[0] != length or length < 2:
        return
    for parent in mask_operands(attention):
        if tuple(parent.value.shape) == (length, keys) and (_is_of_tokens(known, parent) or _is_of_keys(parent)):
            shown = {"name": parent.name, "batch": length, "keys": keys, "scores": shape}
            yield Suspicion(attention.masking[-1], _SENTENCE.format(**shown), shown)
            break


def _is_of_tokens(known: Known, parent: Step | Leaf) -> bool:
    """Whether a mask comes, number by number, from token ids that an embedding looks up."""
    ids = {id(step.inputs[0]) for step in known.trace.steps if step.op == "embedding" and step.inputs}
    steps = list(behind(parent))
    if any(step.op in ("arange", "triu", "tril") for step in steps):
        return False
    shape = parent.value.shape
    return any(id(other) in ids and other.value.shape == shape for step in steps for other in step.inputs)


def _is_of_keys(parent: Step | Leaf) -> bool:
    """Whether the rows of a mask look like sequences of several lengths: tokens first and padding after them."""
    value: Tensor = parent.value
    if value.is_meta or value.dim() != 2:
        return False
    shown = value.bool().cpu() if not value.is_floating_point() else (value.cpu() > -1)
    for rows in (shown, ~shown):
        counts = rows.sum(-1)
        is_prefix = bool((rows == (torch.arange(rows.shape[-1]) < counts[:, None])).all())
        rises = bool((counts[1:] >= counts[:-1]).all())
        if is_prefix and len(counts.unique()) > 1 and not rises and bool(counts.min() > 0) and _padded(counts, rows):
            return True
    return False


def _padded(counts: Tensor, rows: Tensor) -> bool:
    """Whether the lengths don't fall by one from row to row, as those of an inverted causal mask would."""
    falls = counts[:-1] - counts[1:]
    return not bool((falls == 1).all()) and int(counts.max()) <= rows.shape[-1]
