"""The sinusoidal positional encoding: its waves, and what two positions have in common.

"Attention Is All You Need", section 3.5: PE(pos, 2i) = sin(ω_i pos) and PE(pos, 2i + 1) = cos(ω_i pos) with
ω_i = 10000^(−2i / d_model). From cos(a − b) = cos a cos b + sin a sin b follows PE(p) · PE(q) = Σ_i cos(ω_i (p − q)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.model.embedding import PositionalEncoding


@dataclass(frozen=True)
class Waves:
    """The encoding of the first ``L`` positions, in float64.

    Attributes:
        encoding: (L, d_model).
        product: (L, L), the encoding times its transpose.
        by_distance: (L), the mean along each diagonal of the product, by its distance from the main one.
        spread: (L), the largest minus the smallest number of each diagonal.
        theory: (L), Σ_i cos(ω_i · distance).
    """

    encoding: Tensor
    product: Tensor
    by_distance: Tensor
    spread: Tensor
    theory: Tensor


@dataclass(frozen=True)
class PositionShift:
    """One matrix that is to move every position ``steps`` on.

    Attributes:
        matrix: (d_model, d_model), turns every pair of features by the angle ω_i · steps.
        error: the largest difference between PE(pos) turned by it and PE(pos + steps), over all positions.
    """

    matrix: Tensor
    error: float


def waves(length: int, d_model: int) -> Waves:
    """The encoding that the model adds, and its product with itself."""
    encoding = _encoding(length, d_model)
    product = encoding @ encoding.T
    diagonals = [product.diagonal(distance) for distance in range(length)]
    distances = torch.arange(length, dtype=torch.float64)
    return Waves(
        encoding=encoding,
        product=product,
        by_distance=torch.stack([diagonal.mean() for diagonal in diagonals]),
        spread=torch.stack([diagonal.max() - diagonal.min() for diagonal in diagonals]),
        theory=torch.outer(distances, frequencies(d_model)).cos().sum(dim=1),
    )


def moved(length: int, d_model: int, steps: int) -> PositionShift:
    """Tries the matrix on every position that has one ``steps`` further on.

    Args:
        length: how many positions, L.
        d_model: how many features each has.
        steps: how many positions further on.
    """
    turns = []
    for angle in (frequencies(d_model) * steps).tolist():
        sine, cosine = math.sin(angle), math.cos(angle)
        turns.append(torch.tensor([[cosine, sine], [-sine, cosine]], dtype=torch.float64))
    # An odd width leaves the last sine without its cosine.
    matrix = torch.block_diag(*turns)[:d_model, :d_model]
    encoding = _encoding(length, d_model)
    reached = encoding[: length - steps] @ matrix.T
    return PositionShift(matrix, float((reached - encoding[steps:]).abs().max()))


def frequencies(d_model: int) -> Tensor:
    """ω_i of every pair of features, (F), as the paper writes them."""
    return torch.tensor([10000 ** (-even / d_model) for even in range(0, d_model, 2)], dtype=torch.float64)


def period(encoding: Tensor, pair: int) -> float:
    """After how many positions a pair of features repeats, from the angle between positions 0 and 1."""
    sine = float(encoding[1, 2 * pair])
    return 2 * math.pi / math.asin(sine)


def _encoding(length: int, d_model: int) -> Tensor:
    return PositionalEncoding()(torch.zeros(1, length, d_model, dtype=torch.float64))[0]
