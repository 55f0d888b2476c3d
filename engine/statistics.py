"""The few numbers that sum up a tensor."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Statistics:
    """Over the finite elements only, in float64; NaN and ±inf are counted beside. None where nothing is finite.

    ``std`` is that of the population (divided by n, not n − 1). Booleans count as 0 and 1.
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
    with torch.no_grad():
        numbers = value.detach()
        if numbers.is_complex():
            counts = (int(found.sum()) for found in (numbers == 0, numbers.isnan(), numbers.isinf()))
            return Statistics(None, None, None, None, *counts)
        # MPS has no float64; there the sum is taken on the CPU.
        numbers = (numbers.cpu() if numbers.device.type == "mps" else numbers).double()
        total = numbers.sum().item()
        nan = inf = 0
        # An infinity or a NaN shows in the sum, so the common case costs no mask.
        if total != total or total in (float("inf"), float("-inf")):
            nan = int(numbers.isnan().sum())
            inf = int(numbers.isinf().sum())
            numbers = numbers[numbers.isfinite()]
        if numbers.numel() == 0:
            return Statistics(None, None, None, None, 0, nan, inf)
        low, high = (extreme.item() for extreme in numbers.aminmax())
        std, mean = (moment.item() for moment in torch.std_mean(numbers, correction=0))
        return Statistics(low, high, mean, std, int((numbers == 0).sum()), nan, inf)
