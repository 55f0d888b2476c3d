"""Rows of scores in which every key is hidden: what softmax makes of them, how far it spreads, and what helps."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.config import Config
from engine.labs.masking import mask_of
from engine.model.weights import build
from engine.text.tokenizer import PAD

_WORD = PAD + 3
_RIGHT = "pad on the right"


@dataclass(frozen=True)
class Empty:
    """A decoder's self-attention over T tokens, the first ``padded`` of which are padding.

    Attributes:
        mask: (T, L_k) bool, padding or future.
        masked: (T, L_k), scores with −∞ where hidden.
        weights: (T, L_k), their softmax.
        nan_rows: how many rows of each layer's output hold a NaN, first layer first.
        output: (T, d_model), what leaves the last layer.
    """

    mask: Tensor
    masked: Tensor
    weights: Tensor
    nan_rows: tuple[int, ...]
    output: Tensor


@dataclass(frozen=True)
class Remedy:
    """One way to do without NaN.

    Attributes:
        name: what it does, as code.
        weights: (T, L_k).
        sums: (T), what each row adds up to.
        share_of_words, share_of_padding: the largest share that the hidden keys get together, of a row that is a word,
            and of one that is padding.
        pads_right: whether the padding was moved to the end.
        nan_gradients: of the scores' gradients, how many are NaN, for a loss over all weights.
    """

    name: str
    weights: Tensor
    sums: Tensor
    share_of_words: float
    share_of_padding: float
    pads_right: bool
    nan_gradients: int


def empty(length: int, padded: int, layers: int, seed: int = 0) -> Empty:
    """Runs the model's decoder, layer by layer, on a target that is padded on the left.

    Args:
        length: how many tokens, T.
        padded: how many of them, on the left, are padding.
        layers: how many layers the decoder has.
        seed: of weights and tokens.
    """
    config = Config(
        batch=1, src_len=1, tgt_len=length, d_model=16, heads=2, encoder_layers=1, decoder_layers=layers, seed=seed,
        vocab_size=64, device="cpu",
    )  # fmt: skip
    model = build(config, PAD, torch.device("cpu"))
    target = _left_padded(length, padded)
    source = torch.tensor([[_WORD]])
    memory = model.encoder(model.source_position(model.source_embedding(source)), None)
    mask = model.decoder_mask(target)
    scores = _scores(length, seed)
    hidden = mask_of("both", target)[0, 0]
    rows, x = [], model.target_position(model.target_embedding(target))
    for layer in model.decoder.layers:
        x = layer(x, memory, mask, None)
        rows.append(int(x[0].isnan().any(dim=-1).sum()))
    masked = scores.masked_fill(hidden, -math.inf)
    return Empty(hidden, masked, masked.softmax(dim=-1), tuple(rows), x[0])


def remedies(length: int, padded: int, seed: int = 0) -> tuple[Remedy, ...]:
    """The same scores without NaN: cleaned afterwards, with a finite filler, and with no such row at all.

    PyTorch's documentation of scaled_dot_product_attention takes −inf for a hidden key; its own kernels give 0 for
    a row that is hidden whole, as ``nan_to_num`` does.

    Args:
        length, padded, seed: of ``empty``.
    """
    left = mask_of("both", _left_padded(length, padded))[0, 0]
    right = mask_of("both", _left_padded(length, padded).flip(-1))[0, 0]
    minus_infinity = torch.zeros(length, length).masked_fill(left, -math.inf)
    itself = left & ~torch.eye(length, dtype=torch.bool)
    ways: tuple[tuple[str, Tensor, Callable[[Tensor], Tensor]], ...] = (
        ("weights.nan_to_num(0)", left, lambda s: _soft(s, left, -math.inf).nan_to_num(0)),
        ("−∞ added, then nan_to_num(0)", left, lambda s: (s + minus_infinity).softmax(dim=-1).nan_to_num(0)),
        ("masked_fill(mask, -1e9)", left, lambda s: _soft(s, left, -1e9)),
        (_RIGHT, right, lambda s: _soft(s, right, -math.inf)),
        ("let a row see itself", left, lambda s: _soft(s, itself, -math.inf)),
    )
    return tuple(_remedy(name, _scores(length, seed), hidden, way) for name, hidden, way in ways)


def fused(length: int, padded: int, seed: int = 0) -> Tensor:
    """The rows (T, d_k) that torch's own scaled_dot_product_attention returns for such a mask.

    Args:
        length, padded, seed: of ``empty``.
    """
    query, key, value = torch.randn(3, 1, 1, length, 8, generator=torch.Generator().manual_seed(seed))
    seen = ~mask_of("both", _left_padded(length, padded))
    return torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=seen)[0, 0]


def _remedy(name: str, scores: Tensor, hidden: Tensor, way: Callable[[Tensor], Tensor]) -> Remedy:
    leaf = scores.clone().requires_grad_()
    weights = way(leaf)
    # Any loss will do whose slope differs from weight to weight.
    (weights * _scores(len(scores), seed=1)).sum().backward()
    assert leaf.grad is not None
    weights = weights.detach()
    shares = (weights * hidden).sum(dim=-1)
    padding = hidden.all(dim=0)  # a word is seen by its own row at least
    return Remedy(
        name=name,
        weights=weights,
        sums=weights.sum(dim=-1),
        share_of_words=shares[~padding].max().item(),
        share_of_padding=shares[padding].max().item(),
        pads_right=name == _RIGHT,
        nan_gradients=int(leaf.grad.isnan().sum()),
    )


def _soft(scores: Tensor, hidden: Tensor, fill: float) -> Tensor:
    return scores.masked_fill(hidden, fill).softmax(dim=-1)


def _left_padded(length: int, padded: int) -> Tensor:
    return torch.tensor([[PAD] * padded + [_WORD] * (length - padded)])


def _scores(length: int, seed: int) -> Tensor:
    return torch.randn(length, length, generator=torch.Generator().manual_seed(seed))
