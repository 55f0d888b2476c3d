"""Programs of many steps, to see that what is worked out of a trace grows with its steps alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine import Trace, record


class _Attending(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        scores = x @ x.mT  # (B, L, L)
        return x + scores.softmax(-1) @ x  # (B, L, D)


class _SideBySide(nn.Module):
    def __init__(self, blocks: int) -> None:
        super().__init__()
        self.table = nn.Embedding(7, 4)
        self.blocks = nn.ModuleList(_Attending() for _ in range(blocks))

    def forward(self, ids: Tensor) -> Tensor:
        x = self.table(ids)  # (B, L, D)
        for block in self.blocks:
            x = block(x)
        return x


def blocks_side_by_side(blocks: int) -> Trace:
    """The trace of a table and of so many small attentions, each a module of the model's own list."""
    torch.manual_seed(0)
    return record(_SideBySide(blocks), torch.arange(6).view(2, 3))
