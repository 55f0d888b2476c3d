"""Heads put side by side without moving them behind the tokens first."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from engine.findings.attentions import Attention
from engine.findings.finding import Suspicion, rule_of_attentions
from engine.findings.known import Known
from engine.findings.streams import changed_cells, forward, only_moves
from engine.record.trace import Step

_SENTENCE = (
    "{rows} rows of {name} hold the result of token {token}: the heads were put side by side where they lay in "
    "memory, one head after the other, and not token by token."
)


@rule_of_attentions(fix="move the heads back first: transpose(1, 2), then reshape(B, L, H * d_k)")
def heads_merged_without_moving_back(known: Known, attention: Attention) -> Iterator[Suspicion]:
    """A row of what goes into the output layer that holds results of several tokens."""
    mixed = attention.seen(attention.mixed)
    if mixed.value.dim() == 4 and mixed.shape == attention.mixed.shape:
        suspicion = _suspicion(known, mixed, _order(attention))
        if suspicion is not None:
            yield suspicion


def _order(attention: Attention) -> tuple[int, ...]:
    """The axes of what an attention gives in the order (B, H, L, d_v); a fused call gives them so."""
    return attention.mix.mixed.order if attention.fused is None else (0, 1, 2, 3)


def _suspicion(known: Known, mixed: Step, order: tuple[int, ...]) -> Suspicion | None:
    heads, length, d_v = (mixed.shape[axis] for axis in order[1:])
    merged = _merged(known, mixed, heads * d_v)
    if merged is None or heads == 1 or length == 1 or not known.unlike("heads_merged_without_moving_back", merged):
        return None
    for token in range(min(length, 4)):
        cells = torch.zeros(mixed.shape, dtype=torch.bool, device=mixed.device)
        cells.permute(order)[0, :, token] = True
        changed = changed_cells(known.replay, mixed, cells, merged)
        if changed is None:
            return None
        rows = int(_rows(changed, heads * d_v).sum())
        if rows > 1:
            known.look_again("heads_merged_without_moving_back", merged)
            return Suspicion(
                merged, _SENTENCE.format(rows=rows, name=merged.name, token=token), {"rows": rows, "token": token}
            )
    return None


def _rows(changed: Tensor, width: int) -> Tensor:
    return changed.reshape(-1, width).any(-1)


def _merged(known: Known, mixed: Step, width: int) -> Step | None:
    """The step that has all heads of a row side by side, made of ``mixed`` by moving alone."""
    for step in forward(known.trace, mixed):
        if not only_moves(step):
            return None
        if step.value.dim() < 4 and step.shape[-1] == width:
            return step
    return None
