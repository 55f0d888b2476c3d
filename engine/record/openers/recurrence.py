"""nn.LSTM, nn.GRU and nn.RNN, and their cells, one call of torch each: inside is their formula token by token."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor

from engine.record.inside import FusedCall, opens
from engine.record.openers import plain_recurrence
from engine.record.openers.packed_recurrence import packed_recurrent

_CELLS = {
    "lstm": plain_recurrence.lstm_cell,
    "gru": plain_recurrence.gru_cell,
    "rnn_tanh": plain_recurrence.tanh_cell,
    "rnn_relu": plain_recurrence.relu_cell,
}


@opens(*_CELLS)
def open_recurrence(call: FusedCall) -> Any:
    """A padded batch, or sequences packed by their lengths."""
    cell, args = _CELLS[call.op], call.args
    if len(args) != 9:
        return None
    is_packed = isinstance(args[3], list | tuple)  # the weights stand behind one tensor more
    if is_packed:
        data, counts, states, weights, _, num_layers, dropout, training, bidirectional = args
    else:
        data, states, weights, _, num_layers, dropout, training, bidirectional, batch_first = args
    drops = training and dropout > 0 and num_layers > 1
    first = (states,) if isinstance(states, Tensor) else tuple(states)
    chance = dropout if drops and call.is_replayed else 0.0
    if is_packed:
        network = partial(packed_recurrent, cell)
        trace = call.record(network, data, counts.tolist(), first, weights, num_layers, chance, bidirectional)
    else:
        network = partial(plain_recurrence.recurrent, cell)
        trace = call.record(network, data, first, weights, num_layers, chance, bidirectional, batch_first)
    return trace if call.is_replayed or not drops else call.before_dropout(trace)


@opens(*(f"{name}_cell" for name in _CELLS))
def open_cell(call: FusedCall) -> Any:
    """One token: ``nn.LSTMCell``, ``nn.GRUCell`` and ``nn.RNNCell``."""
    source, states, *weights = call.args
    first = (states,) if isinstance(states, Tensor) else tuple(states)
    given = [weight for weight in weights if weight is not None]
    return call.record(_alone, _CELLS[call.op.removesuffix("_cell")], source, first, given)


def _alone(cell: plain_recurrence.Cell, source: Tensor, states: tuple[Tensor, ...], weights: list[Tensor]) -> Any:
    after = cell(source, states, weights)
    return after if len(after) > 1 else after[0]
