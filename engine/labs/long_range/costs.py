"""What RNN and self-attention cost: FLOPs, and chains of operations that must wait for each other.

Beside table 1 of the paper (section 4): n²·d operations a layer against n·d², O(1) sequential operations against O(n),
and O(1) against O(n) as the longest path between two tokens.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from engine.labs.long_range.autograd_graph import inputs_first, nodes_before
from engine.model.attention import MultiHeadAttention
from engine.runtime.threads import one_thread

LENGTHS = tuple(2**power for power in range(1, 8))
# What only moves numbers, or hands them on.
_LAYOUT = ("View", "UnsafeView", "ReshapeAlias", "Permute", "Transpose", "T", "Expand", "Select", "Cat", "Stack")
_LAYOUT_NODES = frozenset(f"{name}Backward{version}" for name in _LAYOUT for version in (0, 1))


@dataclass(frozen=True)
class Flops:
    """FLOPs of one layer on one sentence, as torch.utils.flop_counter counts them: matrix products alone, 2 a term.

    Attributes:
        rnn, both: of torch.nn.RNN in one direction, and in both.
        between: of self-attention's two products between tokens, Q·Kᵀ and weights·V.
        attention: of all its products, with the projections W_Q, W_K, W_V and W_O.
    """

    rnn: int
    both: int
    between: int
    attention: int


@dataclass(frozen=True)
class DependencyChain:
    """Operations between the first token and the last output, counted in autograd's graph without pure layout.

    ``longest`` is how many must wait for each other: sequential operations. ``shortest`` is the path length.
    """

    longest: int
    shortest: int


def flops(length: int, width: int) -> Flops:
    """Counts while the layers run on a sentence (1, length, width)."""
    tokens = torch.zeros(1, length, width)
    rnn = _counted(nn.RNN(width, width, batch_first=True), tokens)
    both = _counted(nn.RNN(width, width, batch_first=True, bidirectional=True), tokens)
    attention = _counted(MultiHeadAttention(width, 1, width, width), tokens, tokens)
    return Flops(sum(rnn.values()), sum(both.values()), attention.get(torch.ops.aten.bmm, 0), sum(attention.values()))


@one_thread()
def flops_over_lengths(width: int) -> tuple[Flops, ...]:
    """``flops`` for every one of ``LENGTHS``."""
    return tuple(flops(length, width) for length in LENGTHS)


def crossing(lengths: tuple[int, ...], lower: tuple[int, ...], upper: tuple[int, ...]) -> float | None:
    """The length from which ``lower`` is at least ``upper``: on the straight line between the two measured lengths
    around it, both axes logarithmic. None where it never is; the first length where it always is."""
    for index, (low, high) in enumerate(zip(lower, upper, strict=True)):
        if low >= high:
            if index == 0 or low == high:
                return float(lengths[index])
            before = math.log(upper[index - 1] / lower[index - 1])
            share = before / (before + math.log(low / high))
            return lengths[index - 1] * (lengths[index] / lengths[index - 1]) ** share
    return None


@one_thread()
def chains(length: int, width: int) -> dict[str, DependencyChain]:
    """The chain from the first token to the last output of each layer. The RNN is one torch.nn.RNNCell a token."""
    cell, back = nn.RNNCell(width, width), nn.RNNCell(width, width)
    attention = MultiHeadAttention(width, 1, width, width)
    tokens = [torch.zeros(1, width, requires_grad=True) for _ in range(length)]
    forward = _states(cell, tokens)
    backward = _states(back, tokens[::-1])[::-1]
    sentence = torch.stack(tokens, dim=1)
    last = {
        "rnn": forward[-1],
        "both": torch.cat([forward[-1], backward[-1]], dim=1),
        "attention": attention(sentence, sentence)[:, -1],
    }
    return {name: chain(output, tokens[0]) for name, output in last.items()}


def chain(output: Tensor, token: Tensor) -> DependencyChain:
    """The longest and the shortest chain of operations from ``token``, a leaf, to ``output``.

    Raises:
        ValueError: the output was not computed from the token.
    """
    distances: dict[Any, tuple[int, int] | None] = {}
    for node in inputs_first(output.grad_fn):
        if getattr(node, "variable", None) is token:
            distances[node] = (0, 0)
            continue
        reached = [way for before in nodes_before(node) if (way := distances[before]) is not None]
        own = 0 if node.name() in _LAYOUT_NODES else 1
        distances[node] = (
            (max(way[0] for way in reached) + own, min(way[1] for way in reached) + own) if reached else None
        )
    way = distances[output.grad_fn]
    if way is None:
        raise ValueError("the output was not computed from the token")
    return DependencyChain(*way)


def _counted(layer: nn.Module, *inputs: Tensor) -> dict[Any, int]:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        layer(*inputs)
    return dict(counter.get_flop_counts()["Global"])


def _states(cell: nn.RNNCell, tokens: list[Tensor]) -> list[Tensor]:
    states = [cell(tokens[0])]
    for token in tokens[1:]:
        states.append(cell(token, states[-1]))
    return states
