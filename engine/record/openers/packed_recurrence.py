"""Recurrent networks on packed sequences: token by token, with fewer rows as the shorter sequences end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from engine.record.openers.plain_recurrence import Cell, Weights, through_layers


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
        cell, states, weights, num_layers, dropout, bidirectional: as ``recurrent`` takes them.
        data: (sum of counts, d): the first token of every sequence, then the second of those that have one, and so on.
        counts: how many sequences have each token.

    Returns:
        The rows of the last layer, packed, and the last states.
    """
    run_direction = partial(_one_direction, cell, counts)
    rows, last = through_layers(run_direction, data, states, weights, num_layers, dropout, bidirectional)
    return rows, *last


def _one_direction(
    cell: Cell, counts: Sequence[int], rows: Tensor, state: tuple[Tensor, ...], weights: Weights, is_backward: bool
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The hidden state after every token, packed, and the last states of all sequences (B, d_hidden)."""
    tokens = rows.split(list(counts))
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
    return torch.cat(outputs), state
