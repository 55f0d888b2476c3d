"""The decoder one token at a time, with the keys and values of what was read kept (a K/V cache).

It uses the modules of ``engine.model`` and leaves them as they are. A new token needs one query: the keys and values of
the tokens before it depend on nothing after them, because the causal mask hides it, and those of the memory on no token
of the target at all. For the layers of the paper's figure 1, which normalise after each part.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from engine.labs.heads import merge_heads, split_heads
from engine.model.attention import MultiHeadAttention
from engine.model.layers import DecoderLayer
from engine.model.transformer import Transformer


@dataclass(frozen=True)
class LayerCache:
    """What one decoder layer keeps.

    Attributes:
        key: (B, H, t, d_k), of the t tokens that were read, in masked self-attention.
        value: (B, H, t, d_v), of the same tokens.
        memory_key: (B, H, S, d_k), of the memory, in cross-attention.
        memory_value: (B, H, S, d_v), of the memory.
    """

    key: Tensor
    value: Tensor
    memory_key: Tensor
    memory_value: Tensor


@dataclass(frozen=True)
class TokenRead:
    """What reading one more token gave.

    Attributes:
        log_probabilities: (B, V), of the token that follows.
        caches: of every layer, this token included.
        queries: (B, H, 1, d_k) of every layer, that of masked self-attention and that of cross-attention.
        weights: (B, H, 1, S) of every layer's cross-attention.
    """

    log_probabilities: Tensor
    caches: tuple[LayerCache, ...]
    queries: tuple[tuple[Tensor, Tensor], ...]
    weights: tuple[Tensor, ...]


def encoded(model: Transformer, source: Tensor) -> Tensor:
    """The memory (B, S, d_model) of source ids (B, S) without padding."""
    return model.encoder(model.source_position(model.source_embedding(source)), None)


def positions(model: Transformer, length: int, like: Tensor) -> Tensor:
    """The positional encodings (1, T, d_model) of that many places: what is added to an embedding of zeros.

    Args:
        model: whose encoding it is.
        length: how many positions, T.
        like: (..., d_model), of the dtype and device that are wanted.
    """
    return model.target_position(like.new_zeros(1, length, like.size(-1)))


def begun(model: Transformer, memory: Tensor) -> tuple[LayerCache, ...]:
    """The caches before any token is read: keys and values of the memory (B, S, d_model), once for all steps."""
    caches = []
    for layer in _layers(model):
        cross = layer.cross_attention
        memory_key = split_heads(cross.w_k(memory), cross.heads)  # (B, H, S, d_k)
        memory_value = split_heads(cross.w_v(memory), cross.heads)  # (B, H, S, d_v)
        none_yet = (memory_key[:, :, :0], memory_value[:, :, :0])
        caches.append(LayerCache(*none_yet, memory_key, memory_value))
    return tuple(caches)


def read(
    model: Transformer,
    token: Tensor,
    position: Tensor,
    caches: Sequence[LayerCache],
    given: Mapping[int, Tensor] | None = None,
) -> TokenRead:
    """Reads one token (B, 1) at a place whose encoding is ``position`` (1, 1, d_model).

    Args:
        model: whose decoder reads.
        token: (B, 1), its id.
        position: (1, 1, d_model), the encoding of its position.
        caches: of every layer, the tokens before it.
        given: for some layers, by number, cross-attention weights (B, H, 1, S) in the place of the computed ones; what
            comes after them is computed as ever.
    """
    x = model.target_embedding(token) + position  # (B, 1, d_model)
    kept, queries, weights = [], [], []
    for number, (layer, cache) in enumerate(zip(_layers(model), caches, strict=True)):
        own, cross = layer.self_attention, layer.cross_attention

        query = split_heads(own.w_q(x), own.heads)  # (B, H, 1, d_k)
        key = torch.cat([cache.key, split_heads(own.w_k(x), own.heads)], dim=2)  # (B, H, t, d_k)
        value = torch.cat([cache.value, split_heads(own.w_v(x), own.heads)], dim=2)  # (B, H, t, d_v)
        # No mask: all keys that there are belong to this token or to ones before it.
        attended = _mixed(own, _weights(own, query, key), value)  # (B, 1, d_model)
        normed = layer.self_attention_norm(x + attended)  # (B, 1, d_model)

        asking = split_heads(cross.w_q(normed), cross.heads)  # (B, H, 1, d_k)
        cross_weights = (given or {}).get(number)
        cross_weights = (
            _weights(cross, asking, cache.memory_key) if cross_weights is None else cross_weights
        )  # (B, H, 1, S)
        informed = _mixed(cross, cross_weights, cache.memory_value)  # (B, 1, d_model)
        normed = layer.cross_attention_norm(normed + informed)  # (B, 1, d_model)

        x = layer.feed_forward_norm(normed + layer.feed_forward(normed))  # (B, 1, d_model)
        kept.append(LayerCache(key, value, cache.memory_key, cache.memory_value))
        queries.append((query, asking))
        weights.append(cross_weights)
    logits = model.projection(x[:, -1])  # (B, V)
    return TokenRead(logits.log_softmax(dim=-1), tuple(kept), tuple(queries), tuple(weights))


def _layers(model: Transformer) -> Sequence[DecoderLayer]:
    return cast(Sequence[DecoderLayer], model.decoder.layers)


def _weights(attention: MultiHeadAttention, query: Tensor, key: Tensor) -> Tensor:
    scores = query @ key.transpose(-2, -1)  # (B, H, 1, t)
    scaled = scores / math.sqrt(attention.d_k)  # (B, H, 1, t)
    return scaled.softmax(dim=-1)


def _mixed(attention: MultiHeadAttention, weights: Tensor, value: Tensor) -> Tensor:
    mixed = weights @ value  # (B, H, 1, d_v)
    return attention.w_o(merge_heads(mixed))
