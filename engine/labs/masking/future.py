"""A token of the target changed, and which outputs of the decoder notice, with the causal mask and without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.config import Config
from engine.model.transformer import Transformer
from engine.model.weights import build
from engine.text.tokenizer import PAD

_FIRST = PAD + 3  # the first id that is a word
_SOURCE = 4


@dataclass(frozen=True)
class Changed:
    """The decoder's output before and after one of the tokens it reads was changed.

    Attributes:
        before, after: (T, d_model), the rows that leave the decoder's last layer.
        rows: which rows differ in any bit.
        influence: (T, L_k), how strongly each output row depends on each input row: the Frobenius norm of the Jacobian
            ∂ output[t] / ∂ input[k], before the change.
    """

    before: Tensor
    after: Tensor
    rows: tuple[int, ...]
    influence: Tensor


def changed(length: int, index: int, layers: int, causal: bool, seed: int = 0) -> Changed:
    """Runs the decoder of a model with seeded weights on T tokens, and again with another token at ``index``.

    Args:
        length: how many tokens, T.
        index: of the token that is changed.
        layers: how many layers the decoder has.
        causal: whether it has its causal mask.
        seed: of weights and tokens.
    """
    config = Config(
        batch=1,
        src_len=_SOURCE,
        tgt_len=length,
        d_model=16,
        heads=2,
        encoder_layers=1,
        decoder_layers=layers,
        causal_mask=causal,
        vocab_size=64,
        seed=seed,
        device="cpu",
    )
    model = build(config, PAD, torch.device("cpu"))
    target = _FIRST + torch.arange(length).unsqueeze(0)
    other = target.clone()
    other[0, index] = _FIRST + length
    memory = _memory(model)
    mask = model.decoder_mask(target)  # neither sentence has padding, so theirs is the same

    def decoded(placed: Tensor) -> Tensor:
        output: Tensor = model.decoder(placed, memory.expand(placed.size(0), -1, -1), mask, None)
        return output

    before, after = (decoded(_placed(model, tokens))[0] for tokens in (target, other))
    return Changed(
        before=before,
        after=after,
        rows=tuple(row for row in range(length) if not torch.equal(before[row], after[row])),
        influence=_influence(decoded, _placed(model, target)),
    )


def _influence(decoded: Callable[[Tensor], Tensor], placed: Tensor) -> Tensor:
    """(T, L_k) from the whole Jacobian: a batch with the same input for every number of the output, one backward."""
    length, d_model = placed.shape[1:]
    copies = placed.repeat(length * d_model, 1, 1).requires_grad_()
    numbers = decoded(copies).flatten(1).diagonal()  # the n-th number of the n-th copy
    (jacobian,) = torch.autograd.grad(numbers.sum(), copies)  # (T*d_model, L_k, d_model)
    return jacobian.view(length, d_model, length, d_model).square().sum(dim=(1, 3)).sqrt()


def _placed(model: Transformer, tokens: Tensor) -> Tensor:
    placed: Tensor = model.target_position(model.target_embedding(tokens))
    return placed


def _memory(model: Transformer) -> Tensor:
    source = _FIRST + torch.arange(_SOURCE).unsqueeze(0)
    memory: Tensor = model.encoder(model.source_position(model.source_embedding(source)), None)
    return memory
