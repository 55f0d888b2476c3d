"""Attention in which several heads of queries share a head of keys and values (Ainslie et al. 2023)."""

import math

from torch import Tensor, nn

from engine.model.variants.parts.attention_heart import COMPARE_STAGES, MIX_STAGES, SPLIT_STAGES, compare, mix
from engine.model.variants.parts.key_value_cache import LayerKeyValues
from engine.model.variants.parts.rotary import RotateHalves, RotateInterleaved


class GroupedQueryAttention(nn.Module):
    """Self-attention of Llama, Mistral and Mixtral, with rotary positions and no biases.

    With one head of keys and values it is multi-query attention, with as many as of queries multi-head attention. ``x``
    is (B, L, d_model), ``mask`` broadcasts onto (B, H, L, L_k). Returns (B, L, d_model). With a ``cache`` the tokens of
    ``x`` look at those whose keys and values it keeps as well.
    """

    def __init__(self, d_model: int, heads: int, kv_heads: int, d_k: int, interleaved: bool) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.d_k = heads, kv_heads, d_k
        self.w_q = nn.Linear(d_model, heads * d_k, bias=False)
        self.w_k = nn.Linear(d_model, kv_heads * d_k, bias=False)
        self.w_v = nn.Linear(d_model, kv_heads * d_k, bias=False)
        self.w_o = nn.Linear(heads * d_k, d_model, bias=False)
        rotation = RotateInterleaved if interleaved else RotateHalves
        self.query_rotation = rotation()
        self.key_rotation = rotation()

    def forward(
        self, x: Tensor, cosine: Tensor, sine: Tensor, mask: Tensor, cache: LayerKeyValues | None = None
    ) -> Tensor:
        batch, length = x.size(0), x.size(1)
        query = self.w_q(x)  # (B, L, H*d_k)
        key = self.w_k(x)  # (B, L, H_kv*d_k)
        value = self.w_v(x)  # (B, L, H_kv*d_k)

        query = query.view(batch, length, self.heads, self.d_k)  # (B, L, H, d_k)
        key = key.view(batch, length, self.kv_heads, self.d_k)  # (B, L, H_kv, d_k)
        value = value.view(batch, length, self.kv_heads, self.d_k)  # (B, L, H_kv, d_k)

        query = query.permute(0, 2, 1, 3)  # (B, H, L, d_k)
        key = key.permute(0, 2, 1, 3)  # (B, H_kv, L, d_k)
        value = value.permute(0, 2, 1, 3)  # (B, H_kv, L, d_k)

        query = self.query_rotation(query, cosine, sine)
        key = self.key_rotation(key, cosine, sine)
        if cache is not None:
            key, value = cache.append(key, value)

        # A head of keys and values stands beside every head of queries that shares it.
        group = self.heads // self.kv_heads
        key = key.repeat_interleave(group, dim=1)  # (B, H, L_k, d_k)
        value = value.repeat_interleave(group, dim=1)  # (B, H, L_k, d_k)

        scores = compare(query, key)
        scaled = scores / math.sqrt(self.d_k)  # (B, H, L, L_k)
        concat = mix(scaled, value, mask)
        output = self.w_o(concat)  # (B, L, d_model)
        return output

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = f"""
        {SPLIT_STAGES}
        share keys and values: key repeat_interleave, value repeat_interleave
        {COMPARE_STAGES}
        scale: scaled div
        {MIX_STAGES}
        W_O: output linear
    """
