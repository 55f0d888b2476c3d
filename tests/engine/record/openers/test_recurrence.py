"""Recurrent networks open: token by token they give what torch's one call gave."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from engine import explain, ops, record
from engine.explain.walk import walk

OPTIONS = [
    {},
    {"bias": False},
    {"bidirectional": True},
    {"num_layers": 2},
    {"num_layers": 2, "bidirectional": True},
    {"batch_first": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("network", [nn.LSTM, nn.GRU, nn.RNN, lambda *a, **k: nn.RNN(*a, **k, nonlinearity="relu")])
def test_a_recurrent_network_opens_into_its_documented_formula(network, options):
    torch.manual_seed(0)
    module = network(3, 4, **options).double()
    x = torch.randn(5, 2, 3).double()
    trace = record(module, x)
    steps = [step for step in trace.steps if step.op in ("lstm", "gru", "rnn_tanh", "rnn_relu")]
    assert len(steps) == (3 if isinstance(module, nn.LSTM) else 2)
    assert max(step.inside_difference for step in steps) < 1e-14
    assert torch.equal(trace.output[0], module(x)[0])


def test_a_projected_state_opens():
    module = nn.LSTM(3, 4, proj_size=2).double()
    (*_, step) = record(module, torch.randn(5, 2, 3).double()).steps
    assert step.inside.steps
    assert step.inside_difference < 1e-14


def test_one_token_of_an_lstm_by_hand():
    module = nn.LSTM(1, 1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(0.5)
    step = next(step for step in record(module, torch.ones(1, 1, 1)).steps if step.op == "lstm")
    # gates = 0.5 · 1 + 0.5 + 0.5 · 0 + 0.5 = 1.5, each
    sigmoid, tanh = torch.tensor(1.5).sigmoid(), torch.tensor(1.5).tanh()
    assert torch.allclose(step.inside.find("cell").value, sigmoid * tanh)
    assert torch.allclose(step.value.squeeze(), sigmoid * (sigmoid * tanh).tanh())


@pytest.mark.parametrize("options", [{}, {"bidirectional": True}, {"batch_first": True}], ids=str)
@pytest.mark.parametrize("network", [nn.LSTM, nn.GRU, nn.RNN])
def test_dropout_between_layers_is_the_dropout_that_was_drawn(network, options):
    module = network(3, 4, num_layers=3, dropout=0.5, **options).double().train()
    torch.manual_seed(1)
    trace = record(module, torch.randn(5, 2, 3).double())
    opened = [step for step in trace.steps if step.inside is not None]
    assert max(step.inside_difference for step in opened) < 1e-14
    assert [step.op for step in opened[0].inside.steps].count("dropout") == 2
    assert opened[0].inside.notes == ()


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["LSTM", "GRU", "RNN"]),
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
    st.integers(1, 2),
    st.booleans(),
    st.booleans(),
)
def test_packed_sequences_open_too_and_the_walk_goes_through_them(kind, lengths, layers, bidirectional, batch_first):
    network = getattr(nn, kind)(3, 2, layers, bidirectional=bidirectional, batch_first=batch_first)

    def program(x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=batch_first, enforce_sorted=False)
        return pad_packed_sequence(network(packed)[0], batch_first=batch_first, padding_value=-1.0)[0]

    shape = (len(lengths), max(lengths)) if batch_first else (max(lengths), len(lengths))
    given, sizes = torch.randn(*shape, 3), torch.tensor(lengths)
    trace = record(program, given, sizes)
    assert torch.equal(trace.output, program(given, sizes))
    opened = [step for step in trace.steps if step.inside is not None]
    assert {step.op for step in opened} <= {"lstm", "gru", "rnn_tanh"}
    assert all(step.inside_difference < 1e-6 for step in opened)
    last = next(step for step in reversed(trace.steps) if step.value is trace.output)
    assert all(ops.reads(step) is not None for step in trace.steps if step not in opened)
    assert all(explain(trace, step, (0,) * step.value.dim()).agrees is not False for step in trace.steps)
    row = 0
    feature = last.shape[-1] - 1  # of the other direction, where there is one
    place = (row, 0, feature) if batch_first else (0, row, feature)
    walked = walk(trace, last, place)
    assert not walked.whole
    (leaf,) = [leaf for leaf in walked.leaves if leaf.tensor.name == "x"]
    rows = leaf.elements if batch_first else leaf.elements.transpose(0, 1)
    # The first token of a sequence reads that sequence alone, and of it only itself unless the other direction runs.
    assert rows[row, 0].all()
    assert not rows[[other for other in range(len(lengths)) if other != row]].any()
    assert bool(rows[row, 1:].any()) is (bidirectional and lengths[row] > 1)


@pytest.mark.parametrize(
    "cell", [nn.LSTMCell(3, 2), nn.GRUCell(3, 2), nn.RNNCell(3, 2), nn.RNNCell(3, 2, True, "relu")]
)
def test_cells_open_with_the_same_numbers(cell):
    trace = record(cell, torch.randn(4, 3))
    opened = [step for step in trace.steps if step.inside is not None]
    assert opened
    assert all(step.inside_difference < 1e-6 for step in opened)
