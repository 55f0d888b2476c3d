"""GPT-2's attention: that of the 2017 paper among the tokens of one text, which can keep its keys and values."""

from __future__ import annotations

import math

from torch import Tensor, nn

from engine.model.variants.parts.attention_heart import COMPARE_STAGES, MIX_STAGES, SPLIT_STAGES, compare, mix
from engine.model.variants.parts.key_value_cache import LayerKeyValues


class CausalSelfAttention(nn.Module):
    """Every token looks at those before it and at itself, in several heads side by side.

    ``x`` is (B, L, d_model), ``mask`` broadcasts onto (B, H, L, L_k). Returns (B, L, d_model). With a ``cache`` the
    tokens of ``x`` look at those whose keys and values it keeps as well.
    """

    def __init__(self, d_model: int, heads: int, d_k: int) -> None:
        super().__init__()
        self.heads, self.d_k = heads, d_k
        self.w_q = nn.Linear(d_model, heads * d_k)
        self.w_k = nn.Linear(d_model, heads * d_k)
        self.w_v = nn.Linear(d_model, heads * d_k)
        self.w_o = nn.Linear(heads * d_k, d_model)

    def forward(self, x: Tensor, mask: Tensor, cache: LayerKeyValues | None = None) -> Tensor:
        batch, length = x.size(0), x.size(1)
        query = self.w_q(x)  # (B, L, H*d_k)
        key = self.w_k(x)  # (B, L, H*d_k)
        value = self.w_v(x)  # (B, L, H*d_k)

        query = query.view(batch, length, self.heads, self.d_k)  # (B, L, H, d_k)
        key = key.view(batch, length, self.heads, self.d_k)  # (B, L, H, d_k)
        value = value.view(batch, length, self.heads, self.d_k)  # (B, L, H, d_k)

        query = query.permute(0, 2, 1, 3)  # (B, H, L, d_k)
        key = key.permute(0, 2, 1, 3)  # (B, H, L, d_k)
        value = value.permute(0, 2, 1, 3)  # (B, H, L, d_k)
        if cache is not None:
            key, value = cache.append(key, value)

        scores = compare(query, key)
        # Keeps softmax out of its flat region, where it hardly learns (2017 paper, section 3.2.1).
        scaled = scores / math.sqrt(self.d_k)  # (B, H, L, L_k)
        concat = mix(scaled, value, mask)
        output = self.w_o(concat)  # (B, L, d_model)
        return output

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = f"""
        {SPLIT_STAGES}
        {COMPARE_STAGES}
        scale: scaled div
        {MIX_STAGES}
        W_O: output linear
    """
