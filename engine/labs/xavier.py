"""The weights that the labs draw for layers of their own."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn


def draw_xavier(modules: Iterable[nn.Module], draw: torch.Generator) -> None:
    """Draws the weight of every Linear among these modules, in their order, and sets its bias to 0.

    A weight is uniform within ±√(6 / (inputs + outputs)) (Glorot and Bengio 2010, equation 16).
    """
    for module in modules:
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight, generator=draw)
            nn.init.zeros_(module.bias)
