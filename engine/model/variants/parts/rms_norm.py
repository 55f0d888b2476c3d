"""Normalisation by size alone (Zhang and Sennrich 2019)."""

import torch
from torch import Tensor, nn


class RMSNorm(nn.Module):
    """Every token's vector divided by its root mean square, then scaled by what was learned.

    Nothing is centred and nothing shifted. ``x`` is (B, L, d_model); returns the same shape.
    """

    def __init__(self, d_model: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))

    def forward(self, x: Tensor) -> Tensor:
        square = x.square()  # (B, L, d_model)
        mean = square.mean(dim=-1, keepdim=True)  # (B, L, 1)
        # eps keeps a vector of zeros from being divided by 0.
        safe = mean + self.eps  # (B, L, 1)
        size = safe.sqrt()  # (B, L, 1)
        normalised = x / size  # (B, L, d_model)
        scaled = normalised * self.weight  # (B, L, d_model)
        return scaled

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = """
        mean square: square square, mean mean
        divide: safe add, size sqrt, normalised div
        scale: scaled mul
    """
