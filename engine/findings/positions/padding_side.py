"""Padding before the tokens, where the positions count from the first place of every row."""

from __future__ import annotations

from collections.abc import Iterator

from engine.findings.finding import Suspicion, rule
from engine.findings.known import Known
from engine.findings.masks.padding import padding_keys
from engine.findings.positions.added import added_positions

_SENTENCE = (
    "Row {row} begins with {count} places of padding, and {name} gives every row the same positions: its first token "
    "gets position {count} in place of 0."
)


@rule(fix="pad behind the tokens, or count the tokens alone: (mask.cumsum(-1) - 1).clamp(min=0)")
def padding_on_the_other_side(known: Known) -> Iterator[Suspicion]:
    """Positions 0, 1, 2, … added to rows that are padded at the left."""
    added = added_positions(known)
    if added is None or added.axis != 1:
        return
    for attention in known.attentions:
        _, key, _ = known.read_by(attention)
        if attention.lengths[1] != added.step.shape[1] or not known.depends(key, added.step):
            continue
        padding = padding_keys(known, attention) if attention.scores.value.dim() > 2 else None
        if padding is None:
            continue
        first_token = (~padding).int().argmax(-1)
        rows = ((first_token > 0) & ~padding[:, -1]).nonzero().flatten()
        if len(rows):
            row = int(rows[0])
            shown = {"row": row, "count": int(first_token[row]), "name": added.step.name}
            yield Suspicion(added.step, _SENTENCE.format(**shown), shown)
            return
