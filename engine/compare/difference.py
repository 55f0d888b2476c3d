"""How far two tensors are apart, and how far their dtypes alone may take them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.ops.numerics import to_float64

_ROUNDINGS = 16  # how many of its own a result may be off by: terms are added in another order on another device


@dataclass(frozen=True)
class Difference:
    """How far two tensors of one shape are apart.

    Attributes:
        largest: the largest difference of two numbers; infinite where one is NaN or infinite and the other is not.
        relative: that over the largest number of the first tensor.
        share: of the elements, how many differ by more than rounding explains.
        index: where the largest difference is.
    """

    largest: float
    relative: float
    share: float
    index: tuple[int, ...]

    @property
    def agrees(self) -> bool:
        """Whether rounding explains all of it."""
        return self.share == 0


def difference(first: Tensor, second: Tensor, dtypes: tuple[torch.dtype, ...] = ()) -> Difference:
    """How far two tensors of one shape are apart.

    Args:
        first, second: the tensors.
        dtypes: further dtypes that the numbers went through.
    """
    if first.numel() == 0:
        return Difference(0.0, 0.0, 0.0, ())
    coarse = coarsest((first.dtype, second.dtype, *dtypes))
    a, b = (_real(value) for value in (first, second))
    same = (a == b) | (a.isnan() & b.isnan())
    apart = (a - b).abs().nan_to_num(nan=math.inf, posinf=math.inf).masked_fill(same, 0.0)
    size = float(a.masked_fill(~a.isfinite(), 0.0).abs().max())
    # A number is as exact as the largest of its tensor: sums cancel.
    beyond = apart > _ROUNDINGS * coarse * size
    at = int(apart.argmax())
    largest = float(apart.flatten()[at])
    relative = largest / size if size else (0.0 if largest == 0 else math.inf)
    index = tuple(int(coordinate) for coordinate in torch.unravel_index(torch.tensor(at), a.shape))
    return Difference(largest, relative, float(beyond.double().mean()), index[: first.dim()])


def is_rounded(first: Tensor, second: Tensor, dtype: torch.dtype) -> bool:
    """Whether each number of two tensors of one shape is the other rounded to a dtype, or to their own.

    Args:
        first, second: of one shape.
        dtype: the dtype to round to, that of the coarser program.

    Returns:
        Whether all numbers are, NaN beside NaN among them.
    """
    a, b = (_real(value) for value in (first, second))
    dtypes = (first.dtype, second.dtype, dtype)
    allowed = 2 * coarsest(dtypes) * a.abs() + _smallest(dtypes)
    same = (a == b) | (a.isnan() & b.isnan())
    return bool((same | ((a - b).abs() <= allowed)).all())


def coarsest(dtypes: tuple[torch.dtype, ...]) -> float:
    """The relative distance of two neighbouring numbers in the coarsest of some dtypes; 0 for whole numbers."""
    return max((torch.finfo(dtype).eps for dtype in dtypes if dtype.is_floating_point or dtype.is_complex), default=0.0)


def _smallest(dtypes: tuple[torch.dtype, ...]) -> float:
    """Below it numbers of the dtype with the fewest digits there are not rounded relative to their size."""
    return max((torch.finfo(dtype).tiny for dtype in dtypes if dtype.is_floating_point), default=0.0)


def _real(value: Tensor) -> Tensor:
    return torch.view_as_real(value.detach().cpu().resolve_conj()).double() if value.is_complex() else to_float64(value)
