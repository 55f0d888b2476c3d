"""Why attention divides q·k by √d_k: how far the sums spread, and what softmax makes of them.

"Attention Is All You Need", section 3.2.1 and its footnote 4: where the components of q and k are independent with
mean 0 and variance 1, q·k is a sum of d_k products and has mean 0 and variance d_k.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engine.labs.script_text import fill_in

_SCRIPT = Path(__file__).with_name("script.py")

COMPONENTS = ("normal", "uniform", "+1 or −1", "one number repeated")
PAIRS = 4096  # of q and k, for every variance
SETS, QUERIES = 32, 16  # queries of one set look at the same keys
_AT_ONCE = 512  # pairs drawn at once, so that d_k in the thousands needs no gigabyte


@dataclass(frozen=True)
class Spread:
    """q·k of ``PAIRS`` pairs, each with a q and a k of its own.

    Attributes:
        d_k: how many components a q and a k have.
        products: (PAIRS) float64.
    """

    d_k: int
    products: Tensor

    @property
    def mean(self) -> float:
        """Of the products; 0 is expected."""
        return float(self.products.mean())

    @property
    def variance(self) -> float:
        """Of the products; d_k is expected of independent components."""
        return float(self.products.var(correction=0))

    @property
    def deviation(self) -> float:
        """The root of the variance."""
        return math.sqrt(self.variance)


@dataclass(frozen=True)
class Density:
    """How often numbers fall where: the middles of equal bins, and the share of numbers in each by its width."""

    middles: tuple[float, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Measures:
    """What rows of weights are like, over all ``SETS`` × ``QUERIES`` queries.

    Attributes:
        entropy: in bits, the mean over the queries.
        largest: the largest weight, the mean over the queries.
        score_gradient: ‖∂ weights / ∂ score‖ for one score that enters softmax, the median over all scores.
        query_gradient: ‖∂ weights / ∂ q‖ (Frobenius), the median over the queries.
        held_by_tenth: the part of all queries' ‖∂ weights / ∂ q‖ that the tenth with the largest holds.
    """

    entropy: float
    largest: float
    score_gradient: float
    query_gradient: float
    held_by_tenth: float


@dataclass(frozen=True)
class ScaledAttention:
    """Queries that look at keys, with and without the division.

    Attributes:
        scores: (SETS, QUERIES, L_k) float64, q·k.
        scaled: the same shape, scores / √d_k.
        weights: softmax of the scores, then of the scaled ones.
        measures: of the weights, in the same order.
    """

    scores: Tensor
    scaled: Tensor
    weights: tuple[Tensor, Tensor]
    measures: tuple[Measures, Measures]


def spread(d_k: int, components: str = "normal", seed: int = 0) -> Spread:
    """q·k of pairs drawn independently of each other.

    Args:
        d_k: how many components a q and a k have.
        components: how they are drawn: one of ``COMPONENTS``.
        seed: of the draw.
    """
    draw = torch.Generator().manual_seed(seed)
    parts = []
    for _ in range(PAIRS // _AT_ONCE):
        query = _drawn(components, (_AT_ONCE, d_k), draw, torch.float32)
        key = _drawn(components, (_AT_ONCE, d_k), draw, torch.float32)
        parts.append((query * key).sum(dim=-1).double())
    return Spread(d_k, torch.cat(parts))


def spreads(sizes: tuple[int, ...], components: str = "normal", seed: int = 0) -> tuple[Spread, ...]:
    """``spread`` for several d_k.

    Args:
        sizes: the d_k.
        components, seed: of ``spread``.
    """
    return tuple(spread(d_k, components, seed) for d_k in sizes)


def density(numbers: Tensor, bins: int = 40) -> Density:
    """A histogram of numbers within four standard deviations of their mean."""
    mean, reach = float(numbers.mean()), 4 * float(numbers.std(correction=0))
    low, high = mean - reach, mean + reach
    width = (high - low) / bins
    counts = torch.histc(numbers, bins, low, high)
    middles = tuple(low + width * (index + 0.5) for index in range(bins))
    return Density(middles, tuple((counts / (numbers.numel() * width)).tolist()))


def normal_density(x: float, variance: float) -> float:
    """The normal distribution of mean 0, which a sum of many independent products comes close to."""
    return math.exp(-x * x / (2 * variance)) / math.sqrt(2 * math.pi * variance)


def attention(d_k: int, keys: int, components: str = "normal", seed: int = 0) -> ScaledAttention:
    """Weights of queries over ``keys`` keys, in float64 so that the smallest gradients are numbers still.

    Args:
        d_k: how many components a q and a k have.
        keys: how many keys, L_k.
        components, seed: of ``spread``.
    """
    draw = torch.Generator().manual_seed(seed)
    query = _drawn(components, (SETS, QUERIES, d_k), draw, torch.float64)
    key = _drawn(components, (SETS, keys, d_k), draw, torch.float64)
    scores = query @ key.transpose(-2, -1)
    scaled = scores / math.sqrt(d_k)
    weights = (scores.softmax(dim=-1), scaled.softmax(dim=-1))
    measures = (_measures(weights[0], key, 1.0), _measures(weights[1], key, math.sqrt(d_k)))
    return ScaledAttention(scores, scaled, weights, measures)


def measures_over(
    sizes: tuple[int, ...], keys: int, components: str = "normal", seed: int = 0
) -> tuple[tuple[Measures, Measures], ...]:
    """Without and with the division, for several d_k.

    Args:
        sizes: the d_k.
        keys: how many keys, L_k.
        components, seed: of ``spread``.
    """
    return tuple(attention(d_k, keys, components, seed).measures for d_k in sizes)


def even(keys: int) -> Measures:
    """Of even weights, 1 / L_k each, from ∂ w_i / ∂ s_j = w_i (δ_ij − w_j); what it says of the queries is none."""
    return Measures(math.log2(keys), 1 / keys, math.sqrt(1 - 1 / keys) / keys, math.nan, math.nan)


def score_gradients(weights: Tensor) -> Tensor:
    """‖∂ weights / ∂ score‖ for every score, (..., L_k): the norm of a column of ∂ w_i / ∂ s_j = w_i (δ_ij − w_j)."""
    others = 1 - torch.eye(weights.size(-1), dtype=weights.dtype)
    # 1 − w is summed from the other weights: where w is nearly 1, subtracting would leave nothing but rounding.
    rest = weights @ others
    squares = weights.square() @ others
    return weights * (rest.square() + squares).sqrt()


def query_gradients(weights: Tensor, key: Tensor, divisor: float) -> Tensor:
    """‖∂ weights / ∂ q‖ for every query, (..., L), where ∂ w_i / ∂ q = w_i (k_i − Σ_j w_j k_j) / divisor.

    Args:
        weights: (..., L, L_k), of the attention.
        key: (..., L_k, d_k).
        divisor: what the scores were divided by.
    """
    mean = weights @ key
    distance = torch.cdist(mean, key, compute_mode="donot_use_mm_for_euclid_dist")
    return (weights * distance).square().sum(dim=-1).sqrt() / divisor


def code(d_k: int, keys: int, components: str = "normal", seed: int = 0) -> str:
    """The experiment as a script, with the same draws.

    Args:
        d_k, keys, components, seed: of ``attention``.
    """
    return fill_in(
        _SCRIPT,
        d_k=d_k,
        L_k=keys,
        components=components,
        seed=seed,
        pairs=PAIRS,
        pairs_at_once=_AT_ONCE,
        sets=SETS,
        queries=QUERIES,
    )


def _measures(weights: Tensor, key: Tensor, divisor: float) -> Measures:
    by_query = query_gradients(weights, key, divisor).flatten().sort(descending=True).values
    total = float(by_query.sum())
    tenth = float(by_query[: -(-by_query.numel() // 10)].sum())
    return Measures(
        entropy=float(torch.special.entr(weights).sum(dim=-1).mean()) / math.log(2),
        largest=float(weights.max(dim=-1).values.mean()),
        score_gradient=float(score_gradients(weights).median()),
        query_gradient=float(by_query.median()),
        held_by_tenth=tenth / total if total else math.nan,
    )


def _drawn(components: str, shape: tuple[int, ...], draw: torch.Generator, dtype: torch.dtype) -> Tensor:
    """Vectors along the last axis; every component has mean 0 and variance 1, and all but the last kind are
    independent."""
    if components == "uniform":
        return (torch.rand(shape, generator=draw, dtype=dtype) * 2 - 1) * math.sqrt(3)
    if components == "+1 or −1":
        return torch.randint(0, 2, shape, generator=draw).to(dtype) * 2 - 1
    if components == "one number repeated":
        return torch.randn((*shape[:-1], 1), generator=draw, dtype=dtype).expand(shape)
    return torch.randn(shape, generator=draw, dtype=dtype)
