"""The few numbers that sum up a tensor."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

# Elements looked at together. On the CPU as float64 they stay in the processor's cache, so memory is read once; a GPU
# has nothing to do before the last piece is done with.
_PIECE, _PIECE_ON_GPU = 2**15, 2**24
# What the mean's square may be of the mean of the squares: above it, their difference loses more than six of the
# sixteen digits of a float64.
_MOST_MEAN = 1 - 1e-6
_LEAST_SQUARES = 1e-290  # below it, squares begin to lose digits at the small end of a float64


@dataclass(frozen=True)
class Statistics:
    """Over the finite elements only, in float64; NaN and ±inf are counted beside. None where nothing is finite.

    ``std`` is that of the population (divided by n, not n − 1). Booleans count as 0 and 1.

    Attributes:
        min, max, mean, std: None where nothing is finite.
        zeros: how many elements are 0.
        nan, inf: how many are NaN, and ∞ or −∞.
    """

    min: float | None
    max: float | None
    mean: float | None
    std: float | None
    zeros: int
    nan: int
    inf: int


NOTHING = Statistics(None, None, None, None, 0, 0, 0)


def statistics(value: Tensor) -> Statistics:
    """Sums up a tensor of any dtype, rank and device.

    One on the meta device has no numbers to sum up, nor has one that is no plain grid of them (sparse, quantized).
    Complex numbers have no order: of them only the zeros, NaN and infinities are counted.
    """
    if value.is_meta or value.numel() == 0 or value.layout != torch.strided or value.is_quantized:
        return NOTHING
    if value.dtype == torch.float4_e2m1fn_x2:  # torch cannot even convert it
        return NOTHING
    with torch.no_grad():
        numbers = value.detach()
        if numbers.is_complex():
            counts = (int(mask.sum()) for mask in (numbers == 0, numbers.isnan(), numbers.isinf()))
            return Statistics(None, None, None, None, *counts)
        few = numbers.numel() <= _PIECE_ON_GPU
        together = _at_once(numbers) if numbers.is_cuda and numbers.is_floating_point() and few else None
        if together is not None:
            return together
        whole = _Sums()
        for piece in _in_memory_order(numbers).split(_PIECE_ON_GPU if numbers.is_cuda else _PIECE):
            # MPS has no float64; there the sum is taken on the CPU.
            whole.add((piece.cpu() if piece.device.type == "mps" else piece).double())
        return whole.statistics()


def _at_once(numbers: Tensor) -> Statistics | None:
    """By reductions over the whole tensor, which are waited for once and together: a GPU is slow to answer.

    None where the figures are not to be had this way: something is not finite, or the numbers lie so close together
    that their squares say too little of the distance between them.
    """
    wide = numbers.double()  # torch's reductions that add up in another dtype make this copy each for itself
    extremes, norm, others = wide.aminmax(), torch.linalg.vector_norm(wide), torch.linalg.vector_norm(wide, 0)
    low, high, total, length, nonzero = torch.stack((*extremes, wide.sum(), norm, others)).tolist()
    count = numbers.numel()
    mean, squares = total / count, length * length / count
    if not math.isfinite(mean) or not math.isfinite(squares) or (nonzero and not squares > _LEAST_SQUARES):
        return None
    if mean * mean > _MOST_MEAN * squares > 0:
        return None
    return Statistics(low, high, mean, math.sqrt(max(squares - mean * mean, 0)), count - int(nonzero), 0, 0)


@dataclass
class _Sums:
    """What is known of the pieces seen so far; ``squares`` are those of the distances from the mean."""

    count: int = 0
    low: float = math.inf
    high: float = -math.inf
    mean: float = 0.0
    squares: float = 0.0
    zeros: int = 0
    nan: int = 0
    inf: int = 0

    def add(self, numbers: Tensor) -> None:
        mean = numbers.sum().item() / numbers.numel()
        # An infinity or a NaN shows in the sum, so the common case costs no mask.
        if not math.isfinite(mean):
            self.nan += int(numbers.isnan().sum())
            self.inf += int(numbers.isinf().sum())
            numbers = numbers.masked_select(numbers.isfinite())
            if numbers.numel() == 0:
                return
            mean = (numbers / numbers.numel()).sum().item()  # huge numbers add up to infinity too
        count = numbers.numel()
        low, high = (extreme.item() for extreme in numbers.aminmax())
        apart = numbers - mean
        self.low, self.high = min(self.low, low), max(self.high, high)
        self.zeros += count - int(numbers.count_nonzero())
        # Two sets of numbers make one (Chan, Golub and LeVeque, 1979): no figure here is a difference of large sums.
        step = mean - self.mean
        share = count / (self.count + count)
        self.squares += apart.square_().sum().item() + step * (step * share * self.count)
        self.mean += step * share
        self.count += count

    def statistics(self) -> Statistics:
        if not self.count:
            return Statistics(None, None, None, None, 0, self.nan, self.inf)
        std = math.sqrt(self.squares / self.count)
        return Statistics(self.low, self.high, self.mean, std, self.zeros, self.nan, self.inf)


def _in_memory_order(numbers: Tensor) -> Tensor:
    """All elements in one row, without a copy where they fill their memory: their order does not matter here."""
    axes = sorted(range(numbers.dim()), key=numbers.stride, reverse=True)
    return numbers.permute(axes).reshape(-1)
