"""masked_fill on the scores: how masks broadcast, and what weight a hidden key is left with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engine.labs.script_text import fill_in
from engine.model.masks import CausalMask, PaddingMask
from engine.text.tokenizer import PAD

_SCRIPT = Path(__file__).with_name("script.py")

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
class HiddenWeight:
    """The largest weight that a hidden key keeps, for one filler in one dtype; or PyTorch's error.

    Attributes:
        fill: what the score of a hidden key is filled with.
        dtype: of the scores.
        largest: the largest weight of a hidden key; None where PyTorch raised.
        error: what PyTorch raised, empty where it did not.
    """

    fill: str
    dtype: str
    largest: float | None
    error: str = ""


def masked(
    kind: str, batch: int, heads: int, target: int, source: int, padded: int, fill: float = -math.inf, seed: int = 0
) -> Masked:
    """Random scores under a mask of the model; the last sentence ends with ``padded`` tokens of padding.

    Args:
        kind: "padding" for cross-attention's (queries T, keys S), "causal" or "both" for the decoder's self-attention
            (queries and keys T).
        batch: how many sentences, B.
        heads: how many heads, H.
        target: how many tokens the decoder reads, T.
        source: how many the encoder reads, S.
        padded: how many tokens of the last sentence are padding.
        fill: what stands at the hidden scores.
        seed: of the scores.
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


def fillers(length: int = 8, seed: int = 0) -> tuple[HiddenWeight, ...]:
    """Every filler in every dtype on the same scores (T, L_k) under a causal mask."""
    scores = torch.randn(length, length, generator=torch.Generator().manual_seed(seed))
    mask = mask_of("causal", torch.full((1, length), PAD + 1))[0, 0]
    return tuple(_filled(scores.to(dtype), mask, fill) for fill in FILLS for dtype in DTYPES)


def _filled(scores: Tensor, mask: Tensor, fill: str) -> HiddenWeight:
    dtype = str(scores.dtype).removeprefix("torch.")
    try:
        weights = scores.masked_fill(mask, FILLS[fill]).softmax(dim=-1)
    except RuntimeError as error:
        return HiddenWeight(fill, dtype, None, str(error))
    return HiddenWeight(fill, dtype, weights.masked_select(mask).max().item())


def code(
    kind: str,
    batch: int,
    heads: int,
    target: int,
    source: int,
    padded: int,
    fill: str = "−∞",
    *,
    changed: int,
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
    return fill_in(
        _SCRIPT,
        B=batch,
        H=heads,
        T=target,
        L_k=source if kind == "padding" else target,
        d_k=D_K,
        kind=kind,
        fill=FILLS[fill],
        padded=padded,
        changed=changed,
        left=left,
        visible=visible,
        raised=raised,
    )
