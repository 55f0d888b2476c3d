"""Multi-head attention, in the steps people learn it (paper, section 3.2)."""

import math

from torch import Tensor, nn


class MultiHeadAttention(nn.Module):
    """Every query looks at every key, in several heads side by side, and takes a mix of the values.

    ``query_input`` is (B, L, d_model), the tokens that ask; ``memory`` is (B, L_k, d_model), the tokens that are
    asked (the same ones in self-attention). ``mask`` is bool and broadcasts onto (B, H, L, L_k); True hides.
    Returns (B, L, d_model).
    """

    def __init__(self, d_model: int, heads: int, d_k: int, d_v: int) -> None:
        super().__init__()
        self.heads, self.d_k, self.d_v = heads, d_k, d_v
        self.w_q = nn.Linear(d_model, heads * d_k)
        self.w_k = nn.Linear(d_model, heads * d_k)
        self.w_v = nn.Linear(d_model, heads * d_v)
        self.w_o = nn.Linear(heads * d_v, d_model)

    def forward(self, query_input: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        batch, length = query_input.size(0), query_input.size(1)
        length_k = memory.size(1)

        query = self.w_q(query_input)  # (B, L, H*d_k)
        key = self.w_k(memory)  # (B, L_k, H*d_k)
        value = self.w_v(memory)  # (B, L_k, H*d_v)

        # Each row is cut into heads first; only then may heads move in front of the tokens.
        query = query.view(batch, length, self.heads, self.d_k)  # (B, L, H, d_k)
        key = key.view(batch, length_k, self.heads, self.d_k)  # (B, L_k, H, d_k)
        value = value.view(batch, length_k, self.heads, self.d_v)  # (B, L_k, H, d_v)

        query = query.permute(0, 2, 1, 3)  # (B, H, L, d_k)
        key = key.permute(0, 2, 1, 3)  # (B, H, L_k, d_k)
        value = value.permute(0, 2, 1, 3)  # (B, H, L_k, d_v)

        key_t = key.transpose(-2, -1)  # (B, H, d_k, L_k)
        scores = query @ key_t  # (B, H, L, L_k)
        # Keeps softmax out of its flat region, where it hardly learns (paper, section 3.2.1).
        scaled = scores / math.sqrt(self.d_k)  # (B, H, L, L_k)
        masked = scaled if mask is None else scaled.masked_fill(mask, float("-inf"))  # (B, H, L, L_k)
        weights = masked.softmax(dim=-1)  # (B, H, L, L_k)
        mixed = weights @ value  # (B, H, L, d_v)

        mixed = mixed.permute(0, 2, 1, 3)  # (B, L, H, d_v)
        # view needs the numbers of one row side by side in memory, and permute moved none.
        mixed = mixed.contiguous()  # (B, L, H, d_v)
        concat = mixed.view(batch, length, self.heads * self.d_v)  # (B, L, H*d_v)
        output = self.w_o(concat)  # (B, L, d_model)
        return output

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = """
        Q K V: query linear, key linear, value linear
        split heads: query view, key view, value view, query permute, key permute, value permute
        scores: key_t transpose, scores matmul
        scale: scaled div
        mask?: masked masked_fill
        softmax: weights softmax
        mix: mixed matmul
        merge: mixed permute, mixed contiguous, concat view
        W_O: output linear
    """
