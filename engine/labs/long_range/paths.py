"""The way of the first word to the last output: through how many steps, and how many numbers carry the words there.

Beside the column "maximum path length" in table 1 of "Attention Is All You Need" (section 4). A step is one use of a
layer or of a cell. The way is looked up in autograd's graph of what PyTorch really computed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engine.labs.long_range.autograd_graph import inputs_first, nodes_before
from engine.model.attention import MultiHeadAttention
from engine.runtime.threads import one_thread

KERNEL = 3


@dataclass(frozen=True)
class WordPath:
    """The shortest way of the first word to an output.

    Attributes:
        positions: the position whose state each step computes, in order; their count is the path's length. The
            output of the second RNN stands behind the last word.
        carried: how many numbers the last step reads of what stands before it.
    """

    positions: tuple[int, ...]
    carried: int

    @property
    def steps(self) -> int:
        """Uses of a layer or of a cell on the way."""
        return len(self.positions)


@one_thread()
def word_paths(length: int, width: int) -> dict[str, WordPath]:
    """The way of word 0 of ``length`` words, each ``width`` numbers, to the last output.

    Args:
        length: n, words of the sentence, at least 2.
        width: d_model, numbers of a word and of every state.

    Returns:
        ``attention``: one layer of self-attention. ``convolution``: causal layers with a kernel of ``KERNEL`` words, as
        many as it takes until the last output depends on word 0. ``rnn``: one torch.nn.RNNCell a word. ``bottleneck``:
        a second RNN that is given the last state of the first, and nothing else of the sentence.
    """
    words = [torch.zeros(1, width, requires_grad=True) for _ in range(length)]
    return {
        "attention": _attention(words),
        "convolution": _convolution(words),
        "rnn": _recurrent(words),
        "bottleneck": _bottleneck(words),
    }


def way_of(word: Tensor, output: Tensor, positions: Mapping[Any, int]) -> tuple[int, ...] | None:
    """The way from ``word``, a leaf, to ``output`` that computes the fewest states.

    Args:
        word: where the way begins.
        output: where it ends.
        positions: for the node of autograd that computed a state, the position of that state.

    Returns:
        The positions of the states on the way, in order; None where the output was not computed from the word.
    """
    ways: dict[Any, tuple[int, ...] | None] = {}
    for node in inputs_first(output.grad_fn):
        if getattr(node, "variable", None) is word:
            ways[node] = ()
            continue
        reached = [way for before in nodes_before(node) if (way := ways[before]) is not None]
        own = (positions[node],) if node in positions else ()
        ways[node] = min(reached, key=len) + own if reached else None
    return ways[output.grad_fn]


def _attention(words: list[Tensor]) -> WordPath:
    width = words[0].size(1)
    sentence = torch.stack(words, dim=1)
    output = MultiHeadAttention(width, 1, width, width)(sentence, sentence)
    way = way_of(words[0], output[:, -1], {output.grad_fn: len(words) - 1})
    return WordPath(way or (), sentence.numel())


def _recurrent(words: list[Tensor]) -> WordPath:
    states = _states(words)
    way = way_of(words[0], states[-1], {state.grad_fn: position for position, state in enumerate(states)})
    return WordPath(way or (), states[-1].numel())


def _bottleneck(words: list[Tensor]) -> WordPath:
    states = _states(words)
    begin = torch.zeros_like(words[0])
    states.append(nn.RNNCell(words[0].size(1), words[0].size(1))(begin, states[-1]))
    way = way_of(words[0], states[-1], {state.grad_fn: position for position, state in enumerate(states)})
    return WordPath(way or (), states[-2].numel())


def _convolution(words: list[Tensor]) -> WordPath:
    width, last = words[0].size(1), len(words) - 1
    below, positions = words, dict[Any, int]()
    for _ in range(math.ceil(last / (KERNEL - 1))):  # a layer lets a position see so many words further back
        below = convolved(nn.Conv1d(width, width, KERNEL), below)
        positions |= {state.grad_fn: position for position, state in enumerate(below)}
    way = way_of(words[0], below[last], positions)
    return WordPath(way or (), sum(word.numel() for word in words[-KERNEL:]))


def convolved(layer: nn.Conv1d, below: list[Tensor]) -> list[Tensor]:
    """A causal convolution, a position at a time, so that autograd's graph knows every state.

    Args:
        layer: the layer.
        below: a state (1, d_model) for each word; zeros stand before the first.

    Returns:
        A state (1, d_model) for each word: that of word l read those of words l − (kernel − 1) to l.
    """
    reach = layer.kernel_size[0] - 1
    padded = [torch.zeros_like(below[0])] * reach + below
    windows = (torch.stack(padded[at : at + reach + 1], dim=2) for at in range(len(below)))
    return [layer(window).squeeze(2) for window in windows]


def _states(words: list[Tensor]) -> list[Tensor]:
    width = words[0].size(1)
    cell = nn.RNNCell(width, width)
    states = [cell(words[0])]
    for word in words[1:]:
        states.append(cell(word, states[-1]))
    return states
