"""Splitting the heads with view and permute, against viewing straight into the shape that is wanted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engine.labs.heads import merge_heads, split_heads
from engine.labs.script_text import fill_in

_SCRIPT = Path(__file__).with_name("script.py")


@dataclass(frozen=True)
class Routes:
    """The same rows, split into heads on two routes.

    Attributes:
        rows: (B, L, H, d_k), each token's row cut into heads: what a projection gives.
        permuted: (B, H, L, d_k), the heads moved in front of the tokens.
        viewed: (B, H, L, d_k), the numbers in the order in which they lie in memory.
        in_place: of all numbers, how many ``viewed`` has where ``permuted`` has them.
        owners: (H, L, d_k) int, whose feature stands where in ``viewed``: the token's number.
        weights: (B, H, L, L) of self-attention with queries and keys split on either route, ``permuted`` first.
        output_difference: the largest difference of the merged outputs, each merged by its own route backwards.
    """

    rows: Tensor
    permuted: Tensor
    viewed: Tensor
    in_place: int
    owners: Tensor
    weights: tuple[Tensor, Tensor]
    output_difference: float


def routes(batch: int, length: int, heads: int, d_k: int, seed: int = 0) -> Routes:
    """Splits rows (B, L, H*d_k) of random numbers on both routes, and lets attention work on either.

    Args:
        batch: how many sentences, B.
        length: how many tokens, L.
        heads: how many heads, H.
        d_k: the width of a query in a head.
        seed: of the numbers.
    """
    draw = torch.Generator().manual_seed(seed)
    query, key, value = torch.randn(3, batch, length, heads * d_k, generator=draw)
    numbered = torch.arange(query.numel()).view_as(query)
    permuted, viewed = split_heads(numbered, heads), _viewed(numbered, heads)
    by_permute = _attention(split_heads(query, heads), split_heads(key, heads), split_heads(value, heads))
    by_view = _attention(_viewed(query, heads), _viewed(key, heads), _viewed(value, heads))
    merged = merge_heads(by_permute[1])
    difference = (merged - by_view[1].reshape(batch, length, heads * d_k)).abs().max().item()
    return Routes(
        rows=query.view(batch, length, heads, d_k),
        permuted=split_heads(query, heads),
        viewed=_viewed(query, heads),
        in_place=int((permuted == viewed).sum()),
        owners=viewed[0] // (heads * d_k),
        weights=(by_permute[0], by_view[0]),
        output_difference=difference,
    )


@dataclass(frozen=True)
class HeadProducts:
    """One product of all heads at once, and a product for each head by itself.

    Attributes:
        query: (H, L, d_k), whole numbers.
        key_t: (H, d_k, L), the keys of whole numbers, transposed.
        at_once: (H, L, L), ``query @ key_t``.
        by_hand: (H, L, L), head after head.
    """

    query: Tensor
    key_t: Tensor
    at_once: Tensor
    by_hand: Tensor

    @property
    def same(self) -> bool:
        """Whether both ways give the same numbers."""
        return torch.equal(self.at_once, self.by_hand)


def head_products(length: int, heads: int, d_k: int, seed: int = 0) -> HeadProducts:
    """Multiplies small queries and keys of one sentence on both ways.

    Args:
        length: how many tokens, L.
        heads: how many heads, H.
        d_k: the width of a query in a head.
        seed: of the numbers.
    """
    draw = torch.Generator().manual_seed(seed)
    query, key = torch.randint(0, 5, (2, heads, length, d_k), generator=draw)
    key_t = key.transpose(-2, -1)
    by_hand = torch.stack([query[head] @ key[head].T for head in range(heads)])
    return HeadProducts(query, key_t, query @ key_t, by_hand)


def code(batch: int, length: int, heads: int, d_k: int) -> str:
    """The experiment as a script.

    Args:
        batch, length, heads, d_k: of ``routes``.
    """
    return fill_in(_SCRIPT, B=batch, L=length, H=heads, d_k=d_k)


def _viewed(rows: Tensor, heads: int) -> Tensor:
    batch, length, width = rows.shape
    return rows.view(batch, heads, length, width // heads)


def _attention(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    weights = (query @ key.transpose(-2, -1) / math.sqrt(query.size(-1))).softmax(dim=-1)
    return weights, weights @ value
