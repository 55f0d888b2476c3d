"""Rotary positions: a query and a key turned pair by pair, and what their product then knows of where they stand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engine.labs.script_text import fill_in

_SCRIPT = Path(__file__).with_name("script.py")
FAR = 1000
"""Words between two that stand far apart."""
BASES = (100, 10_000, 500_000, 1_000_000)
"""Of the frequencies: a small one, RoFormer's, that of Llama 3, that of Mixtral."""


@dataclass(frozen=True)
class Turns:
    """One query and one key, turned by the angles of their places.

    Attributes:
        frequencies: (F,), by how much each pair turns for every place, in radians.
        score: of the query at its place and the key at its own.
        moved: the same with both moved on alike.
        further: the same with the key alone moved on.
        length_before, length_after: of the query.
        other_convention: how far the score is from that of neighbours turned together, with the features reordered.
    """

    frequencies: Tensor
    score: float
    moved: float
    further: float
    length_before: float
    length_after: float
    other_convention: float

    @property
    def depends_on_distance_alone(self) -> bool:
        """Whether moving both on has left the score as it was, but for rounding."""
        return abs(self.moved - self.score) < 1e-9


def frequencies(d_k: int, base: int) -> Tensor:
    """The angle of each pair for one place, θ_i = base^(−2i / d_k), (F,) in float64."""
    return torch.tensor([base ** (-2 * pair / d_k) for pair in range(d_k // 2)], dtype=torch.float64)


def halves(x: Tensor, position: int, base: int) -> Tensor:
    """The features (d_k,) turned, feature i together with i + d_k / 2.

    Args:
        x: (d_k,), the features of a query or a key.
        position: where its token stands, from 0.
        base: θ of the frequencies, 10,000 in RoFormer (Su et al. 2021).
    """
    first, second = x.chunk(2)
    angle = position * frequencies(x.numel(), base)
    return torch.cat([first * angle.cos() - second * angle.sin(), second * angle.cos() + first * angle.sin()])


def neighbours(x: Tensor, position: int, base: int) -> Tensor:
    """The features (d_k,) turned, feature 2i together with 2i + 1.

    Args:
        x: (d_k,), the features of a query or a key.
        position: where its token stands, from 0.
        base: θ of the frequencies, 10,000 in RoFormer (Su et al. 2021).
    """
    pairs = torch.view_as_complex(x.view(-1, 2))
    angle = position * frequencies(x.numel(), base)
    return torch.view_as_real(pairs * torch.polar(torch.ones_like(angle), angle)).flatten()


def turns(d_k: int, base: int, query_place: int, key_place: int, moved_by: int) -> Turns:
    """Turns one query and one key of random numbers.

    Args:
        d_k: their features, an even number.
        base: of the frequencies.
        query_place, key_place: where they stand.
        moved_by: how far they are moved on.
    """
    query, key = torch.randn(2, d_k, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def score(turn: object, q: Tensor, k: Tensor, q_place: int, k_place: int) -> float:
        return float(turn(q, q_place, base) @ turn(k, k_place, base))  # type: ignore[operator]

    # What neighbours are in one convention are a half apart in the other.
    order = torch.arange(d_k).view(2, -1).T.flatten()
    as_they_stand = score(halves, query, key, query_place, key_place)
    return Turns(
        frequencies=frequencies(d_k, base),
        score=as_they_stand,
        moved=score(halves, query, key, query_place + moved_by, key_place + moved_by),
        further=score(halves, query, key, query_place, key_place + moved_by),
        length_before=float(query.norm()),
        length_after=float(halves(query, query_place, base).norm()),
        other_convention=abs(score(neighbours, query[order], key[order], query_place, key_place) - as_they_stand),
    )


def slowest_turn(d_k: int, base: int, positions: int = FAR) -> float:
    """How many whole turns the slowest pair makes over so many places.

    Args:
        d_k: how many features there are, two a pair.
        base: of the frequencies.
        positions: how many places it goes on.
    """
    return positions * float(frequencies(d_k, base)[-1]) / (2 * math.pi)


def agreement(d_k: int, base: int, distances: Sequence[int]) -> list[float]:
    """The mean over all pairs of cos(distance · θ): the score of a query with itself at each distance, where every pair
    is equally long, as a share of that at distance 0.

    Args:
        d_k, base: of ``slowest_turn``.
        distances: how many places apart query and key stand.
    """
    theta = frequencies(d_k, base)
    return [float((distance * theta).cos().mean()) for distance in distances]


def code(d_k: int, base: int, query_place: int, key_place: int, moved_by: int) -> str:
    """The experiment as a script.

    Args:
        d_k, base: of ``slowest_turn``.
        query_place, key_place: where both stand, from 0.
        moved_by: how many places both then go on.
    """
    return fill_in(_SCRIPT, d_k=d_k, base=base, query_place=query_place, key_place=key_place, moved_by=moved_by)
