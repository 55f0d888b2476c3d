"""nn.LSTM, nn.GRU and nn.RNN, one call of torch each: inside is their formula token by token."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor

from engine.record.inside import FusedCall, opens
from engine.record.openers import plain_recurrence

_CELLS = {
    "lstm": plain_recurrence.lstm_cell,
    "gru": plain_recurrence.gru_cell,
    "rnn_tanh": plain_recurrence.tanh_cell,
    "rnn_relu": plain_recurrence.relu_cell,
}


@opens(*_CELLS)
def open_recurrence(call: FusedCall) -> Any:
    """A padded batch; sequences packed by their lengths stay closed."""
    if len(call.args) != 9 or isinstance(call.args[2], Tensor):
        return None
    source, states, weights, _, num_layers, dropout, training, bidirectional, batch_first = call.args
    drops = training and dropout > 0 and num_layers > 1
    first = (states,) if isinstance(states, Tensor) else tuple(states)
    network = partial(plain_recurrence.recurrent, _CELLS[call.op])
    chance = dropout if drops and call.is_replayed else 0.0
    trace = call.record(network, source, first, weights, num_layers, chance, bidirectional, batch_first)
    return trace if call.is_replayed or not drops else call.before_dropout(trace)
