"""How far the output moves when attention weights are exchanged for others: the tests of Jain and Wallace,
"Attention is not Explanation" (NAACL 2019), on the cross-attention of the trained model.

Weights are exchanged at one position of the model's own answer at a time, and what is measured is the distribution of
the character that follows there. As in their paper, weights are compared by the Jensen–Shannon divergence in nats, at
most ln 2, and outputs by the total variation distance, at most 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.labs.encoder_to_decoder.cached_decoder import LayerCache, read
from engine.labs.encoder_to_decoder.one_text import CONFIG, WrittenAnswer, answered, ids, understood
from engine.model.transformer import Transformer
from engine.runtime.forward import build_model
from engine.text import char_tokenizer

SHUFFLES = 100  # of each position, as in the paper's section 4.2.1
KINDS = ("shuffled", "uniform", "on one other character", "another head's")


@dataclass(frozen=True)
class Exchanged:
    """What one way of exchanging did, R times over the N positions of the answer.

    Attributes:
        position: (R) int, where in the answer.
        weights_moved: (R), Jensen–Shannon divergence of the weights, the mean over the heads that were exchanged.
        output_moved: (R), total variation distance of the distributions of the next character.
        kept: (R) bool, whether the most probable character stayed the same.
    """

    position: Tensor
    weights_moved: Tensor
    output_moved: Tensor
    kept: Tensor

    def at(self, position: int) -> Exchanged:
        """What it did at one position."""
        chosen = self.position == position
        columns = (self.position, self.weights_moved, self.output_moved, self.kept)
        return Exchanged(*(column[chosen] for column in columns))

    @property
    def medians(self) -> tuple[float, float]:
        """Of the weights' and of the output's move; of an even number, the mean of the two in the middle."""
        return self.weights_moved.quantile(0.5).item(), self.output_moved.quantile(0.5).item()


@dataclass(frozen=True)
class Exchanges:
    """Every way of exchanging the weights of some layers and heads.

    Attributes:
        source: the S tokens of the source, as displayed.
        answer: the N tokens that the model writes, as displayed.
        weights: (N, layers, H, S), as the model computes them.
        by_kind: for each of ``KINDS``.
    """

    source: tuple[str, ...]
    answer: tuple[str, ...]
    weights: Tensor
    by_kind: Mapping[str, Exchanged]


@torch.no_grad()
def exchanges(text: str, layers: tuple[int, ...], heads: tuple[int, ...], seed: int = 0) -> Exchanges:
    """Exchanges the weights of these heads in these layers, in every way, at every position.

    Args:
        text: the source.
        layers, heads: the numbers of those whose weights are exchanged.
        seed: of the orders that "shuffled" draws.

    Raises:
        TextError: the text cannot be read.
    """
    batch = understood(text)
    model = build_model(CONFIG)
    answer = answered(model, ids(batch))
    positions = range(len(answer.tokens))
    by_kind = {}
    for kind in KINDS:
        moves = []
        for position in positions:
            own = own_weights(answer, position)[list(layers)]  # (layers, H, S)
            others = _others(kind, own, seed + position)[:, :, list(heads)]  # (R, layers, heads, S)
            moves.append(_moves(model, answer, position, layers, heads, others))
        by_kind[kind] = Exchanged(*(torch.cat(column) for column in zip(*moves, strict=True)))
    weights = torch.stack([own_weights(answer, position) for position in positions])
    labels = tuple(map(char_tokenizer.VOCABULARY.label, batch.source_ids[0]))
    return Exchanges(labels, answer.labels, weights, by_kind)


def own_weights(answer: WrittenAnswer, position: int) -> Tensor:
    """The cross-attention weights (layers, H, S) that the model computes at a position of its answer."""
    return torch.stack([weights[0, :, 0] for weights in answer.reads[position].weights])


def output_of(
    model: Transformer,
    answer: WrittenAnswer,
    position: int,
    layers: Sequence[int],
    heads: Sequence[int],
    weights: Tensor,
) -> Tensor:
    """Log-probabilities (R, V) of the character at a position, with weights (R, layers, heads, S) in the place of those
    that the model computes for these heads of these layers.

    Args:
        model: that reads.
        answer: what it wrote, with the memory it read.
        position: of the character, from 0.
        layers, heads: the numbers of those whose weights are replaced.
        weights: (R, layers, heads, S), R sets of them.
    """
    count = len(weights)
    own = own_weights(answer, position)
    given = {
        layer: own[layer].expand(count, -1, -1).index_copy(1, torch.tensor(heads), weights[:, number]).unsqueeze(2)
        for number, layer in enumerate(layers)
    }
    kept = [
        LayerCache(*(tensor.expand(count, -1, -1, -1) for tensor in (c.key, c.value, c.memory_key, c.memory_value)))
        for c in answer.caches(position)
    ]
    token = torch.full((count, 1), answer.given[position])
    return read(model, token, answer.positions[:, position : position + 1], kept, given).log_probabilities


def divergence(first: Tensor, second: Tensor) -> Tensor:
    """The Jensen–Shannon divergence along the last axis in nats: 0 for equal ones, ln 2 where nothing overlaps."""
    middle = (first + second) / 2
    towards = torch.xlogy(first, first) - torch.xlogy(first, middle)
    back = torch.xlogy(second, second) - torch.xlogy(second, middle)
    return (towards + back).sum(dim=-1) / 2


def distance(first: Tensor, second: Tensor) -> Tensor:
    """The total variation distance along the last axis: half the sum of the absolute differences."""
    return (first - second).abs().sum(dim=-1) / 2


def _moves(
    model: Transformer,
    answer: WrittenAnswer,
    position: int,
    layers: Sequence[int],
    heads: Sequence[int],
    others: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    usual = answer.reads[position].log_probabilities  # (1, V)
    moved = output_of(model, answer, position, layers, heads, others)  # (R, V)
    own = own_weights(answer, position)[list(layers)][:, list(heads)]  # (layers, heads, S)
    return (
        torch.full((len(others),), position),
        divergence(others, own).mean(dim=(1, 2)),
        distance(moved.exp(), usual.exp()),
        moved.argmax(dim=-1) == usual.argmax(dim=-1),
    )


def _others(kind: str, own: Tensor, seed: int) -> Tensor:
    """What (R, layers, H, S) is put in the place of weights (layers, H, S)."""
    if kind == "shuffled":
        return _shuffled(own, seed)
    return {"uniform": _uniform, "on one other character": _elsewhere, "another head's": _other_heads}[kind](own)


def _shuffled(own: Tensor, seed: int) -> Tensor:
    """Each head's weights in random orders, one of its own each time."""
    draw = torch.Generator().manual_seed(seed)
    orders = torch.rand(SHUFFLES, *own.shape, generator=draw).argsort(dim=-1)
    return own.expand_as(orders).gather(-1, orders)


def _uniform(own: Tensor) -> Tensor:
    return torch.full_like(own, 1 / own.size(-1)).unsqueeze(0)


def _elsewhere(own: Tensor) -> Tensor:
    """All on one character that is not the one a head looks at most: 1, 2, 3 … places after that, and round."""
    length = own.size(-1)
    after = torch.arange(1, length).view(-1, 1, 1)
    targets = (own.argmax(dim=-1) + after) % length  # (S − 1, layers, H)
    return torch.nn.functional.one_hot(targets, length).to(own.dtype)


def _other_heads(own: Tensor) -> Tensor:
    """Those of the next head of the same layer, of the one after it, and so on."""
    return torch.stack([own.roll(-step, dims=1) for step in range(1, own.size(1))])
