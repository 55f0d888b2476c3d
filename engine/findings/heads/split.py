"""Heads split by a view that leaves the axes where they are."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from engine.findings.attention_products import HeadOperand
from engine.findings.attentions import Attention
from engine.findings.finding import Suspicion, rule_of_attentions
from engine.findings.known import Known
from engine.findings.streams import changed_cells, head_operands, row_source
from engine.record.trace import Step

_SENTENCE = (
    "Position {position} of {name} is another token in another head: changing row {row} of {source} changes "
    "positions {positions} of one head. The view cut the tokens' rows into heads without moving the axes."
)
_ROWS = 4  # tokens that are tried


@rule_of_attentions(fix="cut first, then move: view(B, L, H, d_k) and then transpose(1, 2)")
def heads_split_without_moving_axes(known: Known, attention: Attention) -> Iterator[Suspicion]:
    """A head's rows that are pieces of a few tokens, where each row should be a token of its own."""
    for operand in head_operands(attention):
        if not known.unlike("heads_split_without_moving_axes", operand.parent):
            continue
        suspicion = _suspicion(known, attention, operand)
        if suspicion is not None:
            known.look_again("heads_split_without_moving_axes", operand.parent)
            yield suspicion


def _suspicion(known: Known, attention: Attention, operand: HeadOperand) -> Suspicion | None:
    parent = operand.parent
    if not isinstance(parent, Step) or parent.value.dim() not in (3, 4):
        return None
    shape = operand.value.shape
    if len(shape) == 4 and shape[1] == 1:
        return None
    source = row_source(parent, 2 * shape[-1])
    if source is None or source.value.dim() > 3 or shape[-2] < 2:
        return None
    for row in _rows(source.value):
        cells = _row_cells(source.value, row)
        changed = changed_cells(known.replay, source, cells, parent)
        if changed is None:
            return None
        pattern = operand.laid_out(changed).any(-1).flatten(0, -2)  # (B·H, L)
        moved_heads = pattern[pattern.any(-1)]
        if len(moved_heads) and ((moved_heads.sum(-1) > 1).any() or (moved_heads != moved_heads[0]).any()):
            at = moved_heads[int(moved_heads.sum(-1).argmax())].nonzero().flatten().tolist()
            return Suspicion(
                attention.seen(_cut(parent)),
                _SENTENCE.format(position=at[0], name=parent.name, row=row, source=source.name, positions=at),
                {"row": row, "positions": at, "heads": len(moved_heads)},
            )
    return None


def _rows(value: Tensor) -> list[int]:
    """The tokens of the first sequence that are tried."""
    count = value.flatten(0, -2).shape[0]
    return list(range(min(_ROWS, count)))


def _row_cells(value: Tensor, row: int) -> Tensor:
    cells = torch.zeros(value.shape, dtype=torch.bool, device=value.device)
    cells.reshape(-1, value.shape[-1])[row] = True
    return cells


def _cut(parent: Step) -> Step:
    """The view that made the heads: the nearest step behind whose input has fewer axes."""
    node = parent
    while node.inputs and isinstance(node.inputs[0], Step) and node.inputs[0].value.dim() == node.value.dim():
        node = node.inputs[0]
    return node if node.inputs and node.inputs[0].value.dim() < node.value.dim() else parent
