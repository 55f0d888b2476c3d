"""Recurrent networks on packed sequences: token by token, with fewer rows as the shorter sequences end."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.record.openers.plain_recurrence import Cell, Weights


def packed_recurrent(
    cell: Cell,
    data: Tensor,
    counts: Sequence[int],
    states: tuple[Tensor, ...],
    weights: Weights,
    num_layers: int,
    dropout: float,
    bidirectional: bool,
) -> tuple[Tensor, ...]:
    """All layers and directions of a recurrent network on packed sequences, the longest first.

    Args:
        cell: one token of it.
        data: (sum of counts, d): the first token of every sequence, then the second of those that have one, and so on.
        counts: how many sequences have each token.
        states: the first states, each (layers · directions, B, d_hidden).
        weights: of every direction of every layer, one after the other.
        num_layers: how many layers stand on one another.
        dropout: the chance of a number between two layers to be dropped.
        bidirectional: whether each reads the tokens from the end as well.

    Returns:
        The rows of the last layer, packed, and the last states.
    """
    directions = 2 if bidirectional else 1
    each = len(weights) // (num_layers * directions)
    rows = data
    last: list[tuple[Tensor, ...]] = []
    for layer in range(num_layers):
        sides = []
        for direction in range(directions):
            number = layer * directions + direction
            state = tuple(initial[number] for initial in states)
            own = weights[number * each : (number + 1) * each]
            outputs, state = _one_direction(cell, rows.split(list(counts)), counts, state, own, direction == 1)
            sides.append(torch.cat(outputs))
            last.append(state)
        rows = torch.cat(sides, dim=-1) if bidirectional else sides[0]
        if dropout > 0 and layer < num_layers - 1:
            rows = F.dropout(rows, dropout)
    return rows, *(torch.stack(parts) for parts in zip(*last, strict=True))


def _one_direction(
    cell: Cell,
    tokens: Sequence[Tensor],
    counts: Sequence[int],
    state: tuple[Tensor, ...],
    weights: Weights,
    is_backward: bool,
) -> tuple[list[Tensor], tuple[Tensor, ...]]:
    """The hidden state after every token, and the last states of all sequences (B, d_hidden)."""
    outputs: list[Tensor] = [tokens[0]] * len(tokens)
    for number in range(len(tokens) - 1, -1, -1) if is_backward else range(len(tokens)):
        # The sequences are in order of their lengths: those that have this token stand first.
        running = tuple(part[: counts[number]] for part in state)
        after = cell(tokens[number], running, weights)
        outputs[number] = after[0]
        state = tuple(
            torch.cat((new, part[counts[number] :])) if counts[number] < len(part) else new
            for new, part in zip(after, state, strict=True)
        )
    return outputs, state
