"""Recurrent networks open: token by token they give what torch's one call gave."""

import pytest
import torch
from torch import nn

from engine import record

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
