"""Heads that take every H-th feature of a row where they should take neighbouring ones."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from engine.findings.attentions import Attention
from engine.findings.finding import Suspicion, rule_of_attentions
from engine.findings.known import Known
from engine.findings.streams import changed_cells, head_operands, row_source
from engine.record.trace import Step

_SENTENCE = (
    "The first {d_k} features of {source} are dealt out to {heads} heads of {name}, {share} to each: a head takes "
    "every {heads}th feature of a row and not {d_k} neighbours."
)


@rule_of_attentions(fix="the head comes first in the split, as in rearrange(x, 'b l (h d) -> b h l d')")
def features_dealt_out_to_heads(known: Known, attention: Attention) -> Iterator[Suspicion]:
    """(d h) where (h d) is meant."""
    for operand in head_operands(attention)[:2]:
        parent = operand.parent
        if not isinstance(parent, Step) or parent.value.dim() != 4:
            continue
        d_k = int(operand.value.shape[-1])
        if not known.unlike("features_dealt_out_to_heads", parent):
            continue
        source = row_source(parent, 2 * d_k)
        if source is None or source.value.dim() > 3:
            continue
        cells = torch.zeros(source.value.shape, dtype=torch.bool, device=source.value.device)
        cells.reshape(-1, cells.shape[-1])[0, :d_k] = True
        changed = changed_cells(known.replay, source, cells, parent)
        if changed is None:
            continue
        # Features of each head that changed, at the position where most did.
        counts = operand.laid_out(changed).sum(-1).amax(-1).amax(0)  # (H)
        with_features = counts[counts > 0]
        if len(with_features) > 1 and bool((with_features < d_k).all()):
            known.look_again("features_dealt_out_to_heads", parent)
            sentence = _SENTENCE.format(
                d_k=d_k, source=source.name, heads=len(with_features), name=parent.name, share=int(with_features[0])
            )
            yield Suspicion(
                attention.seen(parent),
                sentence,
                {"heads": len(with_features), "features each": int(with_features[0]), "d_k": d_k},
            )
