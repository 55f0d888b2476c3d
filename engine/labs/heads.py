"""Heads cut from the features of a token and laid side by side again ("Attention Is All You Need", section 3.2.2)."""

from __future__ import annotations

from einops import rearrange
from torch import Tensor


def split_heads(rows: Tensor, heads: int) -> Tensor:
    """(B, L, H*d) with the heads of a token side by side, as (B, H, L, d). Copies nothing."""
    split: Tensor = rearrange(rows, "B L (H d) -> B H L d", H=heads)
    return split


def merge_heads(mixed: Tensor) -> Tensor:
    """(B, H, L, d) with the heads of a token side by side, as (B, L, H*d)."""
    concat: Tensor = rearrange(mixed, "B H L d -> B L (H d)")
    return concat
