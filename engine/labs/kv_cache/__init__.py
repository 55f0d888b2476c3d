"""A cache of keys and values: tokens read one by one, with those of before kept or computed anew."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engine.labs.script_text import fill_in

_SCRIPT = Path(__file__).with_name("script.py")
D_K = 8
_FLOAT = 4  # bytes


@dataclass(frozen=True)
class CachedReading:
    """A text read token by token by one layer of attention, with a cache and without.

    Attributes:
        key_shapes: of the keys in the cache after each token, (B, H_kv, T, d_k).
        scores: (H, 1, T), of the last token alone, as a pass with a cache has them.
        whole: (H, T, T), of the same tokens read at once.
        difference: of the outputs of all tokens.
        rows_with, rows_without: how many rows of tokens W_Q, W_K and W_V were multiplied with, all passes together.
        nbytes: of the cache in the end, in float32.
    """

    key_shapes: tuple[tuple[int, ...], ...]
    scores: Tensor
    whole: Tensor
    difference: float
    rows_with: int
    rows_without: int
    nbytes: int


def reading(batch: int, length: int, kv_heads: int, group: int) -> CachedReading:
    """Reads a text of random vectors.

    Args:
        batch: texts.
        length: tokens.
        kv_heads: heads of keys and values.
        group: heads of queries for each of them.
    """
    heads, d_model = kv_heads * group, kv_heads * group * D_K
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(batch, length, d_model, generator=draw)
    w_q, w_k, w_v = (torch.randn(d_model, n * D_K, generator=draw) / d_model**0.5 for n in (heads, kv_heads, kv_heads))
    keys, values, outputs, shapes = None, None, [], []
    scores = torch.empty(0)
    for token in range(length):
        row = x[:, token : token + 1]
        new = [_split(row @ w, w.size(1) // D_K) for w in (w_k, w_v)]
        keys = new[0] if keys is None else torch.cat([keys, new[0]], dim=2)
        values = new[1] if values is None else torch.cat([values, new[1]], dim=2)
        shapes.append(tuple(keys.shape))
        scores, output = _attention(_split(row @ w_q, heads), keys, values, group)
        outputs.append(output)
    future = torch.ones(length, length, dtype=torch.bool).triu(diagonal=1)
    query, key, value = (_split(x @ w, w.size(1) // D_K) for w in (w_q, w_k, w_v))
    whole, at_once = _attention(query, key, value, group, future)
    return CachedReading(
        key_shapes=tuple(shapes),
        scores=scores[0],
        whole=whole[0],
        difference=float((torch.cat(outputs, dim=2) - at_once).abs().max()),
        rows_with=batch * length,
        rows_without=batch * length * (length + 1) // 2,
        nbytes=2 * batch * kv_heads * length * D_K * _FLOAT,
    )


def multiplications(length: int, kv_heads: int, group: int, *, cached: bool) -> list[int]:
    """The multiplications of reading each token of a text of this length: projections, scores and mix of one layer.

    Args:
        length: tokens of the whole text.
        kv_heads, group: as in ``reading``.
        cached: whether the keys and values of the tokens before are kept, or the text so far is read anew.
    """
    heads, d_model = kv_heads * group, kv_heads * group * D_K
    projections = d_model * (heads + 2 * kv_heads) * D_K
    between = 2 * heads * D_K
    if cached:
        return [projections + between * tokens for tokens in range(1, length + 1)]
    return [projections * tokens + between * tokens * tokens for tokens in range(1, length + 1)]


def code(batch: int, length: int, kv_heads: int, group: int) -> str:
    """The experiment as a script.

    Args:
        batch: how many sentences, B.
        length: how many tokens, T.
        kv_heads: how many heads of keys and values.
        group: how many heads of queries share one.
    """
    return fill_in(_SCRIPT, B=batch, T=length, H_kv=kv_heads, G=group)


def _split(rows: Tensor, heads: int) -> Tensor:
    return rows.view(rows.size(0), rows.size(1), heads, D_K).permute(0, 2, 1, 3)


def _attention(
    query: Tensor, key: Tensor, value: Tensor, group: int, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    key, value = key.repeat_interleave(group, dim=1), value.repeat_interleave(group, dim=1)
    scores = query @ key.transpose(-2, -1) / math.sqrt(D_K)
    masked = scores if mask is None else scores.masked_fill(mask, float("-inf"))
    return masked, masked.softmax(dim=-1) @ value
