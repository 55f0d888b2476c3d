"""Which sizes of attention must agree: every product tried with sizes that need not, and PyTorch's own errors."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from engine.labs.script_text import fill_in
from engine.labs.sizes_that_agree.attention_sizes import MOST, MOST_BATCH, MOST_HEADS, MOST_WIDTH, AttentionSizes
from engine.labs.sizes_that_agree.links import Link, mixed_link, output_link, scores_link, sum_link

_SCRIPT = Path(__file__).with_name("script.py")


@dataclass(frozen=True)
class Given:
    """Random tensors of these sizes.

    Attributes:
        query: (B, H, L, d_k).
        key: (B, H, L_k, d_k), its last size that of the keys.
        value: (B, H, L_k, d_v), its length that of the values.
        w_o: (d_model, H*d_v), as nn.Linear keeps it: what W_O gives, then what it takes.
        x: (B, L, d_model), what the output is added to.
    """

    query: Tensor
    key: Tensor
    value: Tensor
    w_o: Tensor
    x: Tensor


@dataclass(frozen=True)
class AttentionRun:
    """Attention from query, key and value to the residual, as far as it got.

    ``links`` are scores, mixed, output and summed; the last one is that which raised, if one did. ``weights`` is
    (B, H, L, L_k), None before there are scores.
    """

    given: Given
    links: tuple[Link, ...]
    weights: Tensor | None


def chain(sizes: AttentionSizes, seed: int = 0) -> AttentionRun:
    """Tries softmax(query key^T / √d_k) value (paper, equation 1), then W_O (section 3.2.2) and the residual."""
    given = tensors(sizes, seed)
    query, key, value, w_o, x = given.query, given.key, given.value, given.w_o, given.x
    scores = scores_link(query, key)
    if scores.value is None:
        return AttentionRun(given, (scores,), None)
    weights = (scores.value / math.sqrt(sizes.d_k)).softmax(dim=-1)
    mixed = mixed_link(weights, value)
    if mixed.value is None:
        return AttentionRun(given, (scores, mixed), weights)
    concat = mixed.value.permute(0, 2, 1, 3).contiguous().view(sizes.batch, sizes.queries, -1)
    output = output_link(concat, w_o, sizes)
    if output.value is None:
        return AttentionRun(given, (scores, mixed, output), weights)
    return AttentionRun(given, (scores, mixed, output, sum_link(x, output.value)), weights)


def tensors(sizes: AttentionSizes, seed: int = 0) -> Given:
    """Random tensors of these sizes, each the first part of one drawn at the largest size."""
    draw = torch.Generator().manual_seed(seed)
    rows = torch.randn(3, MOST_BATCH, MOST_HEADS, MOST, MOST, generator=draw)
    query, key, value = rows[:, : sizes.batch, : sizes.heads]
    w_o = torch.randn(MOST, MOST_WIDTH, generator=draw)
    x = torch.randn(MOST_BATCH, MOST, MOST, generator=draw)
    return Given(
        query=query[..., : sizes.queries, : sizes.d_k],
        key=key[..., : sizes.keys, : sizes.d_k_of_keys],
        value=value[..., : sizes.values, : sizes.d_v],
        w_o=w_o[: sizes.w_out, : sizes.w_in] / math.sqrt(sizes.w_in),
        x=x[: sizes.batch, : sizes.queries, : sizes.d_model],
    )


def working(sizes: AttentionSizes) -> AttentionSizes:
    """The same sizes with every rule kept: keys as wide as queries, as many values as keys, W_O between them."""
    return replace(
        sizes,
        d_k_of_keys=sizes.d_k,
        values=sizes.keys,
        w_in=sizes.heads * sizes.d_v,
        w_out=sizes.d_model,
    )


def code(sizes: AttentionSizes) -> str:
    """The experiment as a script."""
    return fill_in(
        _SCRIPT,
        B=sizes.batch,
        H=sizes.heads,
        L=sizes.queries,
        L_k=sizes.keys,
        L_v=sizes.values,
        d_k=sizes.d_k,
        d_k_of_keys=sizes.d_k_of_keys,
        d_v=sizes.d_v,
        w_in=sizes.w_in,
        w_out=sizes.w_out,
        d_model=sizes.d_model,
    )
