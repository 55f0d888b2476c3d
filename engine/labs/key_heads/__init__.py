"""Grouped queries: fewer heads of keys and values than of queries, what that saves and what it leaves alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engine.labs.script_text import fill_in

_SCRIPT = Path(__file__).with_name("script.py")
_FLOAT = 4  # bytes


@dataclass(frozen=True)
class Grouped:
    """Attention whose query heads share key heads in groups, beside attention with a key head for every query head.

    Attributes:
        key: (H_kv, L, d_k), what is kept of the tokens.
        repeated: (H, L, d_k), a copy beside every query head that shares it.
        weights: (H, L, L_k).
        cache, whole_cache: numbers in the cache of keys and values of all heads, grouped and not.
        parameters, whole_parameters: of W_K and W_V.
        difference: of the output from that of attention whose key heads are such copies from the start.
        pooled_difference: relative distance of the output, where the key heads of a group are averaged into one, from
            the output with a head for every query head.
    """

    key: Tensor
    repeated: Tensor
    weights: Tensor
    cache: int
    whole_cache: int
    parameters: int
    whole_parameters: int
    difference: float
    pooled_difference: float


def grouped(kv_heads: int, group: int, length: int, d_k: int) -> Grouped:
    """Attention of random queries, keys and values.

    Args:
        kv_heads: heads of keys and values.
        group: heads of queries for each of them.
        length: tokens.
        d_k: width of a head.
    """
    heads = kv_heads * group
    draw = torch.Generator().manual_seed(0)
    query, whole_key, whole_value = torch.randn(3, heads, length, d_k, generator=draw)
    # Averaging the heads of a group is how such models were made of others (Ainslie et al. 2023, section 2.1).
    key, value = (x.view(kv_heads, group, length, d_k).mean(dim=1) for x in (whole_key, whole_value))
    repeated_key, repeated_value = (x.repeat_interleave(group, dim=0) for x in (key, value))
    weights, output = _attention(query, repeated_key, repeated_value)
    # The same by broadcasting: (H_kv, G, L, d_k) against (H_kv, 1, L, d_k), and no copy is made.
    in_groups = query.view(kv_heads, group, length, d_k)
    broadcast = _attention(in_groups, key.unsqueeze(1), value.unsqueeze(1))[1].view_as(output)
    whole = _attention(query, whole_key, whole_value)[1]
    d_model = heads * d_k
    return Grouped(
        key=key,
        repeated=repeated_key,
        weights=weights,
        cache=2 * kv_heads * length * d_k,
        whole_cache=2 * heads * length * d_k,
        parameters=2 * d_model * kv_heads * d_k,
        whole_parameters=2 * d_model * heads * d_k,
        difference=float((broadcast - output).abs().max()),
        pooled_difference=float((output - whole).norm() / whole.norm()),
    )


def cache_bytes(heads: int, d_k: int, lengths: Sequence[int]) -> list[int]:
    """The bytes of one layer's cache in float32 with so many heads of keys and values, for each length.

    Args:
        heads: how many heads of keys and values.
        d_k: the width of a key and of a value in a head.
        lengths: how many tokens are kept.
    """
    return [2 * heads * length * d_k * _FLOAT for length in lengths]


def code(kv_heads: int, group: int, length: int, d_k: int) -> str:
    """The experiment as a script.

    Args:
        kv_heads: how many heads of keys and values.
        group: how many heads of queries share one.
        length: how many tokens, L.
        d_k: the width of a query in a head.
    """
    return fill_in(_SCRIPT, H_kv=kv_heads, G=group, L=length, d_k=d_k)


def _attention(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    weights = (query @ key.transpose(-2, -1) / math.sqrt(query.size(-1))).softmax(dim=-1)
    return weights, weights @ value
