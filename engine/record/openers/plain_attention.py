"""Attention in plain operations, as the documentation of torch.nn.functional writes it, one operation a line."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(query · keyᵀ · scale + mask) · value (torch.nn.functional.scaled_dot_product_attention).

    Args:
        query: (…, H, L, d_k).
        key, value: (…, H_kv, L_k, d_k) and (…, H_kv, L_k, d_v).
        attn_mask: broadcasts onto the scores: bool, True of what may be seen, or numbers to add.
        dropout_p: the chance of a weight to be dropped.
        is_causal: whether keys after the query are hidden.
        scale: what the products are multiplied by; 1 / √d_k without.
        enable_gqa: whether heads of queries share those of keys.

    Returns:
        The mixed values, (…, H, L, d_v).
    """
    if enable_gqa:
        key = key.repeat_interleave(query.size(-3) // key.size(-3), dim=-3)  # (B, H, L_k, d_k)
        value = value.repeat_interleave(query.size(-3) // value.size(-3), dim=-3)  # (B, H, L_k, d_v)
    factor = 1 / math.sqrt(query.size(-1)) if scale is None else scale
    key_t = key.transpose(-2, -1)  # (B, H, d_k, L_k)
    scores = query @ key_t  # (B, H, L, L_k)
    scaled = scores * factor  # (B, H, L, L_k)
    masked = _masked(scaled, attn_mask, is_causal)
    weights = masked.softmax(dim=-1)  # (B, H, L, L_k)
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        # Where a query sees no key at all torch gives 0, and a softmax of nothing but -inf gives NaN.
        weights = weights.masked_fill(~attn_mask.any(dim=-1, keepdim=True), 0.0)  # (B, H, L, L_k)
    if dropout_p > 0:
        weights = F.dropout(weights, dropout_p)  # (B, H, L, L_k)
    mixed = weights @ value  # (B, H, L, d_v)
    return mixed


def _masked(scaled: Tensor, attn_mask: Tensor | None, is_causal: bool) -> Tensor:
    if is_causal:
        pairs = torch.ones(scaled.shape[-2:], dtype=torch.bool, device=scaled.device)  # (L, L_k)
        later = pairs.triu(diagonal=1)  # (L, L_k)
        masked = scaled.masked_fill(later, -math.inf)  # (B, H, L, L_k)
        return masked
    if attn_mask is None:
        return scaled
    if attn_mask.dtype == torch.bool:
        # True takes part.
        hidden = ~attn_mask
        masked = scaled.masked_fill(hidden, -math.inf)  # (B, H, L, L_k)
        return masked
    masked = scaled + attn_mask  # (B, H, L, L_k)
    return masked


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Heads of attention between linear layers (torch.nn.functional.multi_head_attention_forward).

    Args:
        query, key, value: (L, B, d_model) and twice (L_k, B, d_model), or all without B.
        embed_dim_to_check, is_causal: not needed here; the mask of a causal call is given as well.
        num_heads: H.
        in_proj_weight, in_proj_bias: of the layers in front, one after the other.
        use_separate_proj_weight, q_proj_weight, k_proj_weight, v_proj_weight: the same layers one by one.
        bias_k, bias_v: a key and a value that are appended, (1, 1, d_model).
        add_zero_attn: whether a key and a value of zeros are appended.
        dropout_p, training: the chance of a weight to be dropped, where it trains.
        out_proj_weight, out_proj_bias: of the layer behind.
        key_padding_mask, attn_mask: (B, L_k), and (L, L_k) or (B·H, L, L_k); bool hides where True, numbers are added.
        need_weights, average_attn_weights: whether the weights are returned, and their mean over the heads.
        static_k, static_v: None.

    Returns:
        The output, (L, B, d_model), and the weights, (B, L, L_k) or (B, H, L, L_k), or None.

    Raises:
        NotImplementedError: static keys or values, which no module of torch gives.
    """
    if static_k is not None or static_v is not None:
        raise NotImplementedError("static keys and values")
    is_batched = query.dim() == 3
    if not is_batched:
        query, key, value = query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)  # (L, B, d_model)
    weights_in: Any = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else in_proj_weight
    query, key, value = _projected((query, key, value), weights_in, in_proj_bias)
    batch = query.size(1)
    if bias_k is not None and bias_v is not None:
        key = torch.cat((key, bias_k.expand(1, batch, -1)))  # (L_k, B, d_model)
        value = torch.cat((value, bias_v.expand(1, batch, -1)))  # (L_k, B, d_model)
    query = _heads(query, num_heads)
    key = _heads(key, num_heads)
    value = _heads(value, num_heads)
    if add_zero_attn:
        key = torch.cat((key, key.new_zeros(batch, num_heads, 1, key.size(-1))), dim=2)  # (B, H, L_k, d_k)
        value = torch.cat((value, value.new_zeros(batch, num_heads, 1, value.size(-1))), dim=2)  # (B, H, L_k, d_k)
    weights = _weights(query, key, attn_mask, key_padding_mask)
    if training and dropout_p > 0:
        weights = F.dropout(weights, dropout_p)  # (B, H, L, L_k)
    mixed = weights @ value  # (B, H, L, d_k)
    rows = mixed.permute(2, 0, 1, 3)  # (L, B, H, d_k)
    rows = rows.reshape(rows.size(0), batch, -1)  # (L, B, d_model)
    output = F.linear(rows, out_proj_weight, out_proj_bias)  # (L, B, d_model)
    if not is_batched:
        output = output.squeeze(1)  # (L, d_model)
    if not need_weights:
        return output, None
    if average_attn_weights:
        weights = weights.mean(dim=1)  # (B, L, L_k)
    return output, weights if is_batched else weights.squeeze(0)


def _projected(inputs: tuple[Tensor, Tensor, Tensor], weights: Any, bias: Tensor | None) -> tuple[Tensor, ...]:
    """Queries, keys and values; ``weights`` of the three layers in one tensor or apart."""
    query, key, value = inputs
    w_q, w_k, w_v = weights if isinstance(weights, tuple) else weights.chunk(3)  # (d_model, d_model)
    biases: Any = (None, None, None) if bias is None else bias.chunk(3)
    query = F.linear(query, w_q, biases[0])  # (L, B, d_model)
    key = F.linear(key, w_k, biases[1])  # (L_k, B, d_model)
    value = F.linear(value, w_v, biases[2])  # (L_k, B, d_model)
    return query, key, value


def _weights(query: Tensor, key: Tensor, attn_mask: Tensor | None, key_padding_mask: Tensor | None) -> Tensor:
    key_t = key.transpose(-2, -1)  # (B, H, d_k, L_k)
    scores = query @ key_t  # (B, H, L, L_k)
    scaled = scores / math.sqrt(query.size(-1))  # (B, H, L, L_k)
    masked = _with_masks(scaled, attn_mask, key_padding_mask)
    weights = masked.softmax(dim=-1)  # (B, H, L, L_k)
    return weights


def _heads(rows: Tensor, heads: int) -> Tensor:
    rows = rows.unflatten(-1, (heads, -1))  # (L, B, H, d_k)
    rows = rows.permute(1, 2, 0, 3)  # (B, H, L, d_k)
    return rows


def _with_masks(scaled: Tensor, attn_mask: Tensor | None, key_padding_mask: Tensor | None) -> Tensor:
    """Masks of bool hide where they are True, others are added; both end with keys that were appended."""
    masked = scaled
    batch, heads, _, keys = scaled.shape
    for mask, is_of_pairs in ((attn_mask, True), (key_padding_mask, False)):
        if mask is None:
            continue
        appended = keys - mask.size(-1)
        if appended:
            mask = F.pad(mask, (0, appended))
        if not is_of_pairs:
            mask = mask.view(-1, 1, 1, keys)  # (B, 1, 1, L_k)
        elif mask.dim() == 3:
            mask = mask.view(batch, heads, -1, keys)  # (B, H, L, L_k)
        masked = _hidden_or_added(masked, mask)
    return masked


def _hidden_or_added(scaled: Tensor, mask: Tensor) -> Tensor:
    if mask.dtype == torch.bool:
        masked = scaled.masked_fill(mask, -math.inf)  # (B, H, L, L_k)
        return masked
    masked = scaled + mask  # (B, H, L, L_k)
    return masked
