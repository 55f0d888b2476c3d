"""Mistakes for which PyTorch raises no error, because the sizes happen to agree or because one of them is 1."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import linear

from engine.labs.sizes_that_agree import Given, tensors, working
from engine.labs.sizes_that_agree.attention_sizes import AttentionSizes
from engine.labs.sizes_that_agree.links import attempt


@dataclass(frozen=True)
class SilentMistake:
    """A wrong line, beside the right one.

    Attributes:
        right, wrong: both lines, as they are written.
        runs_when: which sizes let the wrong one run.
        means: what it computes then.
        axes: the symbols of the axes of what it makes.
        name: what it makes is called.
        correctly, mistaken: the functions that compute both.
    """

    right: str
    wrong: str
    runs_when: str
    means: str
    axes: tuple[str, ...]
    name: str
    correctly: Callable[[Given], Tensor]
    mistaken: Callable[[Given], Tensor]


@dataclass(frozen=True)
class Accident:
    """The result of a mistake beside that of the right line.

    Attributes:
        right: what the right line leads to.
        wrong: what the wrong one leads to, of the same shape; None where PyTorch raised.
        error: PyTorch's words, empty where it did not raise.
        difference: the largest difference of the two, 0 where there is no second.
        changed: how many numbers differ.
    """

    right: Tensor
    wrong: Tensor | None
    error: str
    difference: float
    changed: int


def accident(name: str, sizes: AttentionSizes, seed: int = 0) -> Accident:
    """Makes a mistake of ``MISTAKES`` with tensors whose sizes keep every rule.

    Args:
        name: of the mistake.
        sizes: which keep every rule.
        seed: of the tensors.
    """
    given, mistake = tensors(working(sizes), seed), MISTAKES[name]
    right = mistake.correctly(given)
    wrong, error = attempt(lambda: mistake.mistaken(given))
    if wrong is None:
        return Accident(right, None, error, 0.0, 0)
    return Accident(right, wrong, "", (wrong - right).abs().max().item(), int((wrong != right).sum()))


def _weights(query: Tensor, key_t: Tensor) -> Tensor:
    scores = query @ key_t
    return (scores / math.sqrt(query.size(-1))).softmax(dim=-1)


def _mixed(given: Given) -> Tensor:
    return _weights(given.query, given.key.transpose(-2, -1)) @ given.value


def _key_as_it_is(given: Given) -> Tensor:
    return _weights(given.query, given.key) @ given.value


def _weights_turned(given: Given) -> Tensor:
    return _weights(given.query, given.key.transpose(-2, -1)).transpose(-2, -1) @ given.value


def _one_sentence(given: Given) -> Tensor:
    return _weights(given.query, given.key[:1].transpose(-2, -1)) @ given.value[:1]


def _output(given: Given) -> Tensor:
    mixed = _mixed(given)
    concat = mixed.permute(0, 2, 1, 3).contiguous().view(mixed.size(0), mixed.size(2), -1)
    return linear(concat, given.w_o)


def _residual(given: Given) -> Tensor:
    return given.x + _output(given)


def _residual_of_one(given: Given) -> Tensor:
    return given.x[:, :1] + _output(given)


_HEADS, _ROWS = ("B", "H", "L", "d_v"), ("B", "L", "d_model")

MISTAKES = {
    "key not transposed": SilentMistake(
        "scores = query @ key.transpose(-2, -1)",
        "scores = query @ key",
        "there are as many keys as d_k",
        "A score then mixes one feature of all keys, and a weight goes to a feature where it should go to a token.",
        _HEADS,
        "mixed",
        _mixed,
        _key_as_it_is,
    ),
    "weights transposed": SilentMistake(
        "mixed = weights @ value",
        "mixed = weights.transpose(-2, -1) @ value",
        "there are as many queries as keys, as in self-attention",
        "Each token then takes what others gave to it, with weights that need not sum to 1.",
        _HEADS,
        "mixed",
        _mixed,
        _weights_turned,
    ),
    "keys of one sentence": SilentMistake(
        "weights(query, key) @ value",
        "weights(query, key[:1]) @ value[:1]",
        "always: a size of 1 is repeated along the batch (broadcasting)",
        "Every sentence then looks at the tokens of the first.",
        _HEADS,
        "mixed",
        _mixed,
        _one_sentence,
    ),
    "residual of one token": SilentMistake(
        "summed = x + output",
        "summed = x[:, :1] + output",
        "always: a size of 1 is repeated along the tokens (broadcasting)",
        "Every token then keeps the first one's x in place of its own.",
        _ROWS,
        "summed",
        _residual,
        _residual_of_one,
    ),
}
