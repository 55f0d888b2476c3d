"""``F.embedding_bag``: inside are the rows of every bag, and their sum, mean or largest numbers."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.record.inside import FusedCall, opens

# How F.embedding_bag takes its arguments; older calls have the table first.
_GIVEN = inspect.signature(F.embedding_bag)


@opens("embedding_bag")
def open_embedding_bag(call: FusedCall) -> Any:
    """Bags of a row each, or cut out of one long row at their offsets."""
    given = _GIVEN.bind(*call.args, **call.kwargs)
    given.apply_defaults()
    named = given.arguments
    if named["max_norm"] is not None:  # which changes the table on the way
        return None
    ids, table = named["input"], named["weight"]
    if ids.dtype.is_floating_point:
        ids, table = table, ids
    bags = _bags(ids, named["offsets"], named["include_last_offset"])
    padding = named["padding_idx"]
    padding = None if padding is None else padding % len(table)
    return call.record(embedding_bag, ids, table, bags, named["mode"], named["per_sample_weights"], padding)


def embedding_bag(
    ids: Tensor,
    table: Tensor,
    bags: list[slice],
    mode: str,
    weights: Tensor | None,
    padding: int | None,
) -> Tensor:
    """The rows of every bag made one (torch.nn.functional.embedding_bag).

    Args:
        ids: the rows' numbers, of all bags one after the other.
        table: (V, d_model).
        bags: where each bag stands among the ids.
        mode: "sum", "mean" or "max".
        weights: what each row is multiplied by, None for 1.
        padding: the number that counts as no row at all.

    Returns:
        (bags, d_model).
    """
    flat = ids.reshape(-1)
    rows = F.embedding(flat, table)  # (N, d_model)
    if weights is not None:
        rows = rows * weights.reshape(-1, 1)  # (N, d_model)
    results = []
    for bag in bags:
        own = rows[bag]
        if padding is not None:
            own = own[flat[bag] != padding]
        results.append(_of_bag(own, mode))
    return torch.stack(results)


def _of_bag(rows: Tensor, mode: str) -> Tensor:
    if not len(rows):
        return rows.new_zeros(rows.size(-1))
    if mode == "max":
        return rows.amax(0)
    return rows.mean(0) if mode == "mean" else rows.sum(0)


def _bags(ids: Tensor, offsets: Tensor | None, include_last_offset: bool) -> list[slice]:
    if offsets is None:
        length = ids.size(1)
        return [slice(number * length, (number + 1) * length) for number in range(ids.size(0))]
    starts = offsets.tolist()
    ends = starts[1:] if include_last_offset else [*starts[1:], len(ids)]
    return [slice(start, end) for start, end in zip(starts, ends, strict=False)]
