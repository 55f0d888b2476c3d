"""The labs' own draws against the rule of the paper."""

from __future__ import annotations

import math

import torch
from torch import nn

from engine.labs.xavier import draw_xavier


def drawn(*layers: nn.Module, seed: int = 0) -> None:
    draw_xavier(layers, torch.Generator().manual_seed(seed))


def test_weights_are_uniform_between_the_bounds_of_the_rule_and_biases_are_zero():
    layer = nn.Linear(60, 40)
    drawn(layer)
    bound = math.sqrt(6 / (60 + 40))
    assert layer.weight.abs().max() <= bound
    assert layer.weight.abs().max() > 0.99 * bound
    assert abs(layer.weight.std().item() - bound / math.sqrt(3)) < 0.01 * bound
    assert layer.bias.tolist() == [0.0] * 40


def test_layers_are_drawn_in_order_and_others_are_left_alone():
    first, norm, second = nn.Linear(3, 3), nn.LayerNorm(3), nn.Linear(3, 3)
    drawn(first, norm, second)
    alone = nn.Linear(3, 3)
    drawn(alone)
    assert torch.equal(first.weight, alone.weight)
    assert not torch.equal(first.weight, second.weight)
    assert norm.weight.tolist() == [1.0, 1.0, 1.0]
