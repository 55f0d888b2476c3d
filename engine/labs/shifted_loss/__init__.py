"""The loss of a language model: logits at t beside the label at t + 1, term by term, and the shift done twice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from engine.labs.script_text import fill_in

_SCRIPT = Path(__file__).with_name("script.py")
IGNORED = -100
"""The label of what shall not count, ``ignore_index`` of cross-entropy."""
_LIKES = 4.0  # what the right next token's logit is higher by: a model that has learned something


@dataclass(frozen=True)
class Losses:
    """One text with padding at its end, and the logits of a model that has learned to say the next token.

    Attributes:
        tokens: (T,), ids; 0 is padding.
        logits: (T, V).
        labels: (T,), of each position the token that follows, ``IGNORED`` where none follows that counts.
        terms: (T,), −log of the probability of the label; NaN where it is ignored.
        loss: the mean of the terms that count.
        of_torch: what ``cross_entropy`` says.
        padding_counted: the loss where padding is a label like any other.
        unshifted: the loss where each position is held to its own token.
        twice: the loss where labels were shifted by hand and by the model again.
    """

    tokens: Tensor
    logits: Tensor
    labels: Tensor
    terms: Tensor
    loss: float
    of_torch: float
    padding_counted: float
    unshifted: float
    twice: float

    @property
    def counted(self) -> int:
        """How many positions have a term."""
        return int((self.labels != IGNORED).sum())


def losses(length: int, vocabulary: int, padding: int, seed: int) -> Losses:
    """The losses of a random text.

    Args:
        length: tokens, padding included; at least three of them are none.
        vocabulary: how many ids there are.
        padding: how many of the last tokens are padding.
        seed: of the text and the logits.
    """
    draw = torch.Generator().manual_seed(seed)
    tokens = torch.randint(1, vocabulary, (length,), generator=draw)
    logits = torch.randn(length, vocabulary, generator=draw)
    tokens[length - padding :] = 0
    text = length - padding
    logits[torch.arange(text - 1), tokens[1:text]] += _LIKES
    labels = _shifted(tokens, tokens == 0)
    log_probabilities = logits.log_softmax(dim=-1)
    counts = labels != IGNORED
    picked = log_probabilities.gather(1, labels.clamp(min=0).unsqueeze(1)).squeeze(1)
    terms = torch.where(counts, -picked, torch.nan)
    return Losses(
        tokens=tokens,
        logits=logits,
        labels=labels,
        terms=terms,
        loss=float(terms[counts].mean()),
        of_torch=_loss(logits, labels),
        padding_counted=_loss(logits[:-1], tokens[1:]),
        unshifted=_loss(logits, torch.where(tokens == 0, IGNORED, tokens)),
        twice=_loss(logits, _shifted(labels, labels == IGNORED)),
    )


def code(length: int, vocabulary: int, padding: int, seed: int) -> str:
    """The experiment as a script.

    Args:
        length: how many tokens, T.
        vocabulary: how many tokens there are to choose from, V.
        padding: how many of the T are padding, at the end.
        seed: of ids and logits.
    """
    return fill_in(_SCRIPT, T=length, V=vocabulary, padding=padding, seed=seed)


def _shifted(labels: Tensor, ignored: Tensor) -> Tensor:
    """Every label one place earlier; nothing follows the last."""
    after = torch.where(ignored, IGNORED, labels)
    return torch.cat([after[1:], after.new_tensor([IGNORED])])


def _loss(logits: Tensor, labels: Tensor) -> float:
    return float(functional.cross_entropy(logits, labels, ignore_index=IGNORED))
