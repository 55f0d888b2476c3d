"""Hiding keys after softmax, by multiplying with 0, against hiding them before it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Afterwards:
    """One row of scores over L_k keys, the last of which are hidden in three ways.

    Attributes:
        scores, raised: (L_k), before and after the last, hidden key's score was raised.
        hidden: (L_k) bool.
        inside: (2, L_k), −∞ before softmax: the weights before and after.
        multiplied: (2, L_k), softmax over all keys and then times 0 where hidden.
        renormalised: (2, L_k), ``multiplied`` divided by its sum.
        slopes: (3, L_k), how each weight on the three ways, in this order, grows with the last key's score.
    """

    scores: Tensor
    raised: Tensor
    hidden: Tensor
    inside: Tensor
    multiplied: Tensor
    renormalised: Tensor
    slopes: Tensor


def afterwards(length: int, visible: int, raised: float, seed: int = 0) -> Afterwards:
    """Hides all but the first ``visible`` of L_k keys in three ways, and raises the last key's score by ``raised``.

    Args:
        length: how many keys, L_k.
        visible: how many of them are not hidden.
        raised: by how much the last key's score is raised.
        seed: of the scores.
    """
    scores = torch.randn(length, generator=torch.Generator().manual_seed(seed))
    hidden = torch.arange(length) >= visible
    bump = torch.zeros(length)
    bump[-1] = raised
    both = torch.stack([scores, scores + bump])
    ways = (_inside, _multiplied, _renormalised)
    # The derivative is asked for at the scores as they are, before the last one is raised.
    jacobians = [torch.autograd.functional.jacobian(lambda row, way=way: way(row, hidden), scores) for way in ways]
    inside, multiplied, renormalised = (way(both, hidden) for way in ways)
    return Afterwards(
        scores=both[0],
        raised=both[1],
        hidden=hidden,
        inside=inside,
        multiplied=multiplied,
        renormalised=renormalised,
        slopes=torch.stack([jacobian[:, -1] for jacobian in jacobians]),
    )


def _inside(scores: Tensor, hidden: Tensor) -> Tensor:
    return scores.masked_fill(hidden, -math.inf).softmax(dim=-1)


def _multiplied(scores: Tensor, hidden: Tensor) -> Tensor:
    return scores.softmax(dim=-1) * ~hidden


def _renormalised(scores: Tensor, hidden: Tensor) -> Tensor:
    weights = _multiplied(scores, hidden)
    return weights / weights.sum(dim=-1, keepdim=True)
