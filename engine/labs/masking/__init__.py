"""masked_fill on the scores: how masks broadcast, and what weight a hidden key is left with."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.model.masks import CausalMask, PaddingMask
from engine.text.tokenizer import PAD

D_K = 8
KINDS = ("padding", "causal", "both")
FILLS = {"−∞": -math.inf, "−1e9": -1e9, "−10": -10.0, "0": 0.0}
DTYPES = (torch.float32, torch.bfloat16, torch.float16)


@dataclass(frozen=True)
class Masked:
    """Scores of one attention before and after its mask.

    Attributes:
        scores: (B, H, T, S) with padding; (B, H, T, L_k) of T keys in the decoder's self-attention.
        mask: bool, True hides: (B, 1, 1, S) padding, (1, 1, T, L_k) causal, (B, 1, T, L_k) both.
        masked: the scores with ``fill`` where the mask is True.
        weights: softmax of ``masked`` along the keys.
        pads: (B) int, how many of the last keys of each sentence are padding.
        hidden: how many scores the mask hides.
        largest: the largest weight of a hidden key, 0 where nothing is hidden.
    """

    scores: Tensor
    mask: Tensor
    masked: Tensor
    weights: Tensor
    pads: Tensor
    hidden: int
    largest: float


@dataclass(frozen=True)
class Filled:
    """The largest weight that a hidden key keeps, for one filler in one dtype; or PyTorch's error."""

    fill: str
    dtype: str
    largest: float | None
    error: str = ""


def masked(
    kind: str, batch: int, heads: int, target: int, source: int, padded: int, fill: float = -math.inf, seed: int = 0
) -> Masked:
    """Random scores under a mask of the model; the last sentence ends with ``padded`` tokens of padding.

    ``kind`` is "padding" for cross-attention's (queries T, keys S), "causal" or "both" for the decoder's
    self-attention (queries and keys T).
    """
    keys = source if kind == "padding" else target
    tokens = torch.full((batch, keys), PAD + 1)
    if kind != "causal":
        tokens[-1, keys - min(padded, keys - 1) :] = PAD
    draw = torch.Generator().manual_seed(seed)
    query = torch.randn(batch, heads, target, D_K, generator=draw)
    key = torch.randn(batch, heads, keys, D_K, generator=draw)
    scores = query @ key.transpose(-2, -1) / math.sqrt(D_K)
    mask = mask_of(kind, tokens)
    filled = scores.masked_fill(mask, fill)
    weights = filled.softmax(dim=-1)
    under = weights.masked_select(mask)
    return Masked(
        scores=scores,
        mask=mask,
        masked=filled,
        weights=weights,
        pads=(tokens == PAD).sum(dim=-1),
        hidden=under.numel(),
        largest=under.max().item() if under.numel() else 0.0,
    )


def mask_of(kind: str, tokens: Tensor) -> Tensor:
    """The model's own mask of this kind for token ids (B, L_k)."""
    if kind == "padding":
        return PaddingMask(PAD)(tokens)
    if kind == "causal":
        return CausalMask()(tokens)
    return PaddingMask(PAD)(tokens) | CausalMask()(tokens)


def fillers(length: int = 8, seed: int = 0) -> tuple[Filled, ...]:
    """Every filler in every dtype on the same scores (T, L_k) under a causal mask."""
    scores = torch.randn(length, length, generator=torch.Generator().manual_seed(seed))
    mask = mask_of("causal", torch.full((1, length), PAD + 1))[0, 0]
    return tuple(_filled(scores.to(dtype), mask, fill) for fill in FILLS for dtype in DTYPES)


def _filled(scores: Tensor, mask: Tensor, fill: str) -> Filled:
    dtype = str(scores.dtype).removeprefix("torch.")
    try:
        weights = scores.masked_fill(mask, FILLS[fill]).softmax(dim=-1)
    except RuntimeError as error:
        return Filled(fill, dtype, None, str(error))
    return Filled(fill, dtype, weights.masked_select(mask).max().item())


_MASKS = {
    "padding": "padding",
    "causal": "future.view(1, 1, T, T)",
    "both": "padding | future  # (B, 1, 1, L_k) and (T, L_k) broadcast",
}


def code(
    kind: str,
    batch: int,
    heads: int,
    target: int,
    source: int,
    padded: int,
    fill: str = "−∞",
    *,
    place: int,
    left: int,
    visible: int,
    raised: int,
) -> str:
    """All experiments on masks as a script, with the same draws where a number depends on them.

    Args:
        kind, batch, heads, target, source, padded: of ``masked``.
        fill: one of ``FILLS``.
        place: which of the T target tokens is changed.
        left: how many of them are padding, on the left.
        visible: how many keys the row of the last part leaves visible.
        raised: by how much the last, hidden key's score is raised.
    """
    keys = source if kind == "padding" else target
    filler = 'float("-inf")' if math.isinf(FILLS[fill]) else f"{FILLS[fill]:g}"
    return f"""\
import torch

B, H, T, L_k, d_k = {batch}, {heads}, {target}, {keys}, {D_K}
padded, changed, left, visible, raised = {padded}, {place}, {left}, {visible}, {raised}
draw = torch.Generator().manual_seed(0)
query = torch.randn(B, H, T, d_k, generator=draw)
key = torch.randn(B, H, L_k, d_k, generator=draw)
scores = query @ key.transpose(-2, -1) / d_k**0.5
future = torch.ones(T, T, dtype=torch.bool).triu(diagonal=1)  # True hides: query t sees keys 0..t
padding = torch.zeros(B, 1, 1, L_k, dtype=torch.bool)
padding[-1, ..., L_k - padded :] = True                       # the last sentence ends with padding
mask = {_MASKS[kind]}
weights = scores.masked_fill(mask, {filler}).softmax(dim=-1)
hidden = weights[mask.expand_as(weights)]
print("a mask", tuple(mask.shape), "hides", hidden.numel(), "of", scores.numel(), "scores")
print("largest weight of a hidden key:", f"{{hidden.max().item():.4g}}")

def attention(x, mask):
    weights = (x @ x.T / 16**0.5).masked_fill(mask, float("-inf")).softmax(dim=-1)
    return weights @ x

x = torch.randn(T, 16, generator=draw)
other = x.clone()
other[changed] = torch.randn(16, generator=draw)
before, after = attention(x, future), attention(other, future)
print("rows that a changed token moves:", [t for t in range(T) if not torch.equal(before[t], after[t])])

empty = future | (torch.arange(T) < left)                     # padding on the left
for layer in range(3):
    x = attention(x, empty)                                   # from the second layer on 0 * NaN is NaN
    print("rows with NaN after layer", layer, "are", x.isnan().any(dim=-1).sum().item(), "of", T)

scores = torch.randn(T, generator=torch.Generator().manual_seed(0))
hidden = torch.arange(T) >= visible

def three_ways(scores):
    inside = scores.masked_fill(hidden, float("-inf")).softmax(dim=-1)
    multiplied = scores.softmax(dim=-1) * ~hidden             # by 0, after softmax
    return torch.stack([inside, multiplied, multiplied / multiplied.sum()])

higher = scores.clone()
higher[-1] += raised                                          # the score of a hidden key
ways = three_ways(scores)
changes = (three_ways(higher) - ways).abs().amax(dim=-1).tolist()
print("sum of the row multiplied by 0:", f"{{ways[1].sum().item():.4g}}")
print("divided by it, the row differs from that of -inf by", f"{{(ways[2] - ways[0]).abs().max().item():.4g}}")
for name, change in zip(("-inf", "multiplied", "renormalised"), changes):
    print(name, "lets a hidden score move a weight by", f"{{change:.4g}}")
"""
