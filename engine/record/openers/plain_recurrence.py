"""nn.LSTM and nn.GRU in plain operations, token by token, as their documentation writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

# Of one direction of one layer: W_ih, W_hh, b_ih and b_hh where there are biases, W_hr where there is a projection.
Weights = Sequence[Tensor]
Cell = Callable[[Tensor, tuple[Tensor, ...], Weights], tuple[Tensor, ...]]
Direction = Callable[[Tensor, tuple[Tensor, ...], Weights, bool], tuple[Tensor, tuple[Tensor, ...]]]


def lstm_cell(x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> tuple[Tensor, ...]:
    """One token of nn.LSTM: the hidden state and the cell state after it, each (B, d_hidden).

    Args:
        x: the token of every sentence, (B, d).
        state: the hidden state and the cell state after the token before, each (B, d_hidden).
        weights: those of one direction of one layer.

    Returns:
        The state after this token.
    """
    hidden, cell = state
    # With proj_size the last weight, W_hr, makes the hidden state narrower.
    is_projected = hidden.size(-1) != cell.size(-1)
    w_ih, w_hh, b_ih, b_hh = _with_biases(weights[:-1] if is_projected else weights)
    gates = F.linear(x, w_ih, b_ih) + F.linear(hidden, w_hh, b_hh)  # (B, 4*d_hidden)
    input_part, forget_part, cell_part, output_part = gates.chunk(4, dim=-1)  # (B, d_hidden)
    input_gate = input_part.sigmoid()  # (B, d_hidden)
    forget_gate = forget_part.sigmoid()  # (B, d_hidden)
    candidate = cell_part.tanh()  # (B, d_hidden)
    output_gate = output_part.sigmoid()  # (B, d_hidden)
    kept = forget_gate * cell  # (B, d_hidden)
    added = input_gate * candidate  # (B, d_hidden)
    cell = kept + added  # (B, d_hidden)
    bounded = cell.tanh()  # (B, d_hidden)
    hidden = output_gate * bounded  # (B, d_hidden)
    if is_projected:
        hidden = F.linear(hidden, weights[-1])  # (B, proj_size)
    return hidden, cell


def gru_cell(x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> tuple[Tensor, ...]:
    """One token of nn.GRU: the hidden state after it, (B, d_hidden), from ``x``, ``state`` and ``weights`` as above."""
    (hidden,) = state
    w_ih, w_hh, b_ih, b_hh = _with_biases(weights)
    from_input = F.linear(x, w_ih, b_ih)  # (B, 3*d_hidden)
    from_hidden = F.linear(hidden, w_hh, b_hh)  # (B, 3*d_hidden)
    reset_x, update_x, new_x = from_input.chunk(3, dim=-1)  # (B, d_hidden)
    reset_h, update_h, new_h = from_hidden.chunk(3, dim=-1)  # (B, d_hidden)
    reset = (reset_x + reset_h).sigmoid()  # (B, d_hidden)
    update = (update_x + update_h).sigmoid()  # (B, d_hidden)
    candidate = (new_x + reset * new_h).tanh()  # (B, d_hidden)
    hidden = (1 - update) * candidate + update * hidden  # (B, d_hidden)
    return (hidden,)


def tanh_cell(x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> tuple[Tensor, ...]:
    """One token of nn.RNN with tanh, from ``x``, ``state`` and ``weights`` as ``gru_cell``."""
    return (_rnn_sum(x, state[0], weights).tanh(),)


def relu_cell(x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> tuple[Tensor, ...]:
    """One token of nn.RNN with ReLU, from ``x``, ``state`` and ``weights`` as ``gru_cell``."""
    return (_rnn_sum(x, state[0], weights).relu(),)


def recurrent(
    cell: Cell,
    source: Tensor,
    states: tuple[Tensor, ...],
    weights: Weights,
    num_layers: int,
    dropout: float,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, ...]:
    """All layers and directions of a recurrent network.

    Args:
        cell: one token of it.
        source: (L, B, d) or, with ``batch_first``, (B, L, d).
        states: the first states, each (layers · directions, B, d_hidden).
        weights: of every direction of every layer, one after the other.
        num_layers: how many layers stand on one another.
        dropout: the chance of a number between two layers to be dropped.
        bidirectional: whether each reads the tokens from the end as well.
        batch_first: whether the batch is the first axis.

    Returns:
        The rows of the last layer, and the last states.
    """
    rows = source.transpose(0, 1) if batch_first else source
    rows, last = through_layers(
        partial(_one_direction, cell), rows, states, weights, num_layers, dropout, bidirectional
    )
    output = rows.transpose(0, 1) if batch_first else rows
    return output, *last


def through_layers(
    run_direction: Direction,
    rows: Tensor,
    states: tuple[Tensor, ...],
    weights: Weights,
    num_layers: int,
    dropout: float,
    bidirectional: bool,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Rows through all layers and directions.

    Args:
        run_direction: runs one direction of one layer: from rows, first states, weights and whether it reads from the
            end, it makes the rows after it and its last states.
        rows: the tokens, (L, B, d) or packed.
        states, weights, num_layers, dropout, bidirectional: as ``recurrent`` takes them.

    Returns:
        The rows of the last layer, and the last states, each (layers · directions, B, d_hidden).
    """
    directions = 2 if bidirectional else 1
    each = len(weights) // (num_layers * directions)
    last: list[tuple[Tensor, ...]] = []
    for layer in range(num_layers):
        sides = []
        for direction in range(directions):
            number = layer * directions + direction
            state = tuple(initial[number] for initial in states)
            own = weights[number * each : (number + 1) * each]
            outputs, state = run_direction(rows, state, own, direction == 1)
            sides.append(outputs)
            last.append(state)
        rows = torch.cat(sides, dim=-1) if bidirectional else sides[0]
        if dropout > 0 and layer < num_layers - 1:
            rows = F.dropout(rows, dropout)
    return rows, tuple(torch.stack(parts) for parts in zip(*last, strict=True))


def _one_direction(
    cell: Cell, rows: Tensor, state: tuple[Tensor, ...], weights: Weights, is_backward: bool
) -> tuple[Tensor, tuple[Tensor, ...]]:
    outputs: dict[int, Tensor] = {}
    for token in range(rows.size(0) - 1, -1, -1) if is_backward else range(rows.size(0)):
        state = cell(rows[token], state, weights)
        outputs[token] = state[0]
    return torch.stack([outputs[token] for token in range(rows.size(0))]), state


def _with_biases(weights: Weights) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
    w_ih, w_hh, *biases = weights
    b_ih, b_hh = biases or (None, None)
    return w_ih, w_hh, b_ih, b_hh


def _rnn_sum(x: Tensor, hidden: Tensor, weights: Weights) -> Tensor:
    w_ih, w_hh, b_ih, b_hh = _with_biases(weights)
    total = F.linear(x, w_ih, b_ih) + F.linear(hidden, w_hh, b_hh)  # (B, d_hidden)
    return total
