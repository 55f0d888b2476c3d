"""Which scores attention must not see. True hides a position, as in torch.nn's boolean masks."""

import torch
from torch import Tensor, nn


class PaddingMask(nn.Module):
    """Hides the keys that are only padding, the same ones for every head and every query.

    ``tokens`` is (B, L_k); returns bool (B, 1, 1, L_k), which broadcasts onto scores (B, H, L, L_k).
    """

    def __init__(self, pad: int) -> None:
        super().__init__()
        self.pad = pad

    def forward(self, tokens: Tensor) -> Tensor:
        padding = tokens == self.pad  # (B, L_k)
        per_query = padding.unsqueeze(1)  # (B, 1, L_k)
        mask = per_query.unsqueeze(1)  # (B, 1, 1, L_k)
        return mask

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = """
        find padding: padding eq
        make room for heads: per_query unsqueeze, mask unsqueeze
    """


class CausalMask(nn.Module):
    """Hides the future: query t sees keys 0..t (paper, section 3.2.3).

    Returns bool (1, 1, T, T), the same for every sentence and every head.
    """

    def forward(self, tokens: Tensor) -> Tensor:
        length = tokens.size(1)
        ones = torch.ones(length, length, dtype=torch.bool, device=tokens.device)  # (T, T)
        future = ones.triu(diagonal=1)  # (T, T)
        per_head = future.unsqueeze(0)  # (1, T, T)
        mask = per_head.unsqueeze(0)  # (1, 1, T, T)
        return mask

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = """
        all pairs: ones ones
        keep the future: future triu
        make room for heads: per_head unsqueeze, mask unsqueeze
    """
