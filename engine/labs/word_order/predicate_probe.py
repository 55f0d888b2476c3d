"""An encoder trained to tell who bites whom, with and without positional encoding.

``dog bites cat`` and ``cat bites dog`` have the same tokens. Where the encoder's mean output cannot tell them apart, a
classifier gives both the same probability p, and their mean loss −(log p + log(1 − p)) / 2 is at least log 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.labs.small_encoder import D_MODEL, SmallEncoder
from engine.runtime.threads import one_thread

NOUNS, STEPS, RATE = 24, 40, 0.01
_DOG, _BITES, _FIRST_NOUN = 3, 4, 5


@dataclass(frozen=True)
class ProbeTraining:
    """The result of one training run.

    Attributes:
        losses: the loss before each step, on the sentences of half of the nouns.
        right: how many sentences of the other nouns are answered rightly in the end.
        sentences: how many there are.
    """

    losses: tuple[float, ...]
    right: int
    sentences: int


def trained(layers: int, *, encoding: bool, seed: int = 0) -> ProbeTraining:
    """Trains encoder and classifier by Adam on ``dog bites X`` and ``X bites dog``; asks about nouns X not seen.

    An answer that favours neither counts as wrong.

    Args:
        layers: how many encoder layers.
        encoding: whether positions are added.
        seed: of weights and batches.
    """
    with one_thread(), torch.enable_grad():
        model = SmallEncoder(layers, seed)
        classifier = torch.zeros(D_MODEL, requires_grad=True)
        seen, unseen = _sentences(range(NOUNS // 2)), _sentences(range(NOUNS // 2, NOUNS))
        optimiser = torch.optim.Adam([*model.parameters(), classifier], lr=RATE)
        losses = []
        for _ in range(STEPS):
            tokens, dog_bites = seen
            logits = model(tokens, encoding=encoding).mean(dim=1) @ classifier
            loss = nn.functional.binary_cross_entropy_with_logits(logits, dog_bites)
            losses.append(loss.item())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        tokens, dog_bites = unseen
        with torch.no_grad():
            logits = model(tokens, encoding=encoding).mean(dim=1) @ classifier
    return ProbeTraining(tuple(losses), int((logits * (2 * dog_bites - 1) > 0).sum()), len(tokens))


def _sentences(nouns: range) -> tuple[Tensor, Tensor]:
    """Token ids (B, L), and for each sentence 1 where the dog bites and 0 where it is bitten."""
    biting = torch.tensor([[_DOG, _BITES, _FIRST_NOUN + noun] for noun in nouns])
    return torch.cat([biting, biting.flip(1)]), torch.cat([torch.ones(len(nouns)), torch.zeros(len(nouns))])
