"""The sizes of the sliders, and the largest there are."""

from __future__ import annotations

from dataclasses import dataclass

# The largest sizes there are, so that a number stays what it was when its tensor grows.
MOST_BATCH, MOST_HEADS, MOST, MOST_WIDTH = 3, 4, 8, 32


@dataclass(frozen=True)
class AttentionSizes:
    """The sizes of the sliders.

    Attributes:
        batch, heads: B and H.
        queries, keys, values: how many of each there are.
        d_k: the width of a query in a head.
        d_k_of_keys: that of a key.
        d_v: that of a value.
        w_in, w_out: how many features W_O takes, and how many it gives.
        d_model: the width of x.
    """

    batch: int = 1
    heads: int = 2
    queries: int = 4
    keys: int = 6
    values: int = 6
    d_k: int = 3
    d_k_of_keys: int = 3
    d_v: int = 5
    w_in: int = 10
    w_out: int = 8
    d_model: int = 8
