"""Other attention weights with nearly the same output, found by gradient ascent.

The adversary of Jain and Wallace (NAACL 2019, section 4.2.2): weights as far from the model's as can be, as long as the
output stays within ε. As in their code, several starts at random are followed by Adam; the penalty on the output is
milder here, which leaves it room to come back.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.labs.encoder_to_decoder.one_text import CONFIG, answered, ids, understood
from engine.labs.explanation import distance, divergence, output_of, own_weights
from engine.runtime.forward import build_model
from engine.text import char_tokenizer

STARTS, STEPS = 8, 80
_RATE, _PENALTY, _SPREAD = 0.25, 10.0, 3.0


@dataclass(frozen=True, eq=False)
class Adversary:
    """The farthest weights that were found, beside the model's own. Compared and hashed by identity.

    Attributes:
        text, layers, heads, position: where they were looked for.
        source: the S tokens of the source, as displayed.
        own: (layers, heads, S), the model's weights.
        moved: (layers, heads, S), the others.
        weights_moved: their Jensen–Shannon divergence, the mean over layers and heads; 0 where nothing was found.
        output_moved: the total variation distance of the outputs.
        before: the likeliest characters with the model's weights, as displayed, with their probabilities.
        after: those with the weights that were found.
    """

    text: str
    layers: tuple[int, ...]
    heads: tuple[int, ...]
    position: int
    source: tuple[str, ...]
    own: Tensor
    moved: Tensor
    weights_moved: float
    output_moved: float
    before: tuple[tuple[str, float], ...]
    after: tuple[tuple[str, float], ...]


def adversary(
    text: str, layers: tuple[int, ...], heads: tuple[int, ...], position: int, bound: float, seed: int = 0
) -> Adversary:
    """Searches at one position of the model's answer, with the output's move at most ``bound``.

    Args:
        text: the source.
        layers, heads: the numbers of those whose weights are searched for.
        position: of the character of the answer, from 0.
        bound: the largest ``distance`` of the output's probabilities from the usual ones.
        seed: of the beginnings of the search.

    Raises:
        TextError: the text cannot be read.
    """
    batch = understood(text)
    model = build_model(CONFIG)
    answer = answered(model, ids(batch))
    own = own_weights(answer, position)[list(layers)][:, list(heads)]  # (layers, heads, S)
    usual = answer.reads[position].log_probabilities.exp()  # (1, V)
    draw = torch.Generator().manual_seed(seed)
    scores = (torch.randn(STARTS, *own.shape, generator=draw) * _SPREAD).requires_grad_()
    ascent = torch.optim.Adam([scores], lr=_RATE)
    best, farthest = own, 0.0
    for _ in range(STEPS):
        weights = scores.softmax(dim=-1)
        away = divergence(weights, own).mean(dim=(1, 2))
        output = output_of(model, answer, position, layers, heads, weights).exp()
        moved = distance(output, usual)
        allowed = away.detach().where(moved.detach() <= bound, 0.0)
        if allowed.max() > farthest:
            farthest, best = allowed.max().item(), weights[allowed.argmax()].detach()
        loss = (_PENALTY * (moved - bound).relu() - away).sum()
        ascent.zero_grad()
        loss.backward()
        ascent.step()
    with torch.no_grad():
        output = output_of(model, answer, position, layers, heads, best.unsqueeze(0)).exp()
    return Adversary(
        text,
        layers,
        heads,
        position,
        tuple(map(char_tokenizer.VOCABULARY.label, batch.source_ids[0])),
        own,
        best,
        divergence(best, own).mean().item(),
        distance(output, usual).item(),
        _likeliest(usual[0]),
        _likeliest(output[0]),
    )


def _likeliest(probabilities: Tensor) -> tuple[tuple[str, float], ...]:
    shares, tokens = probabilities.topk(3)
    return tuple(zip(map(char_tokenizer.VOCABULARY.label, tokens.tolist()), shares.tolist(), strict=True))
