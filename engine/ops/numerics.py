"""Which tensors have numbers that can be looked at, and how far rounding may move a number."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

# All that is measured is measured while somebody waits for a screen.
MOST_NUMBERS = 2_000_000


def memory_of(tensor: Tensor) -> torch.UntypedStorage | None:
    """The memory behind a tensor; None where it is not one plain block (sparse, functorch's wrappers and the like)."""
    try:
        return tensor.untyped_storage()
    except (NotImplementedError, RuntimeError):
        return None


def memory_shared(tensor: Tensor, other: Tensor) -> bool:
    """Whether two tensors lie in the same block of memory."""
    first, second = memory_of(tensor), memory_of(other)
    return first is not None and second is not None and first._cdata == second._cdata


def held_bytes(tensors: Iterable[Tensor]) -> int:
    """Bytes of the memory behind tensors, counting shared memory once."""
    held: dict[int, int] = {}
    for tensor in tensors:
        memory = memory_of(tensor)
        if memory is None:
            held[id(tensor)] = tensor.numel() * tensor.element_size()
        else:
            held[memory._cdata] = memory.nbytes()
    return sum(held.values())


def measurable(*values: object, most: int = MOST_NUMBERS) -> bool:
    """Whether these are tensors whose numbers can be looked at, and not too many of them."""
    return all(
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and not (value.is_meta or value.is_nested or value.is_quantized or value.is_complex())
        and value.dtype != torch.float4_e2m1fn_x2  # torch cannot even convert it
        and 0 < value.numel() <= most
        and memory_of(value) is not None
        for value in values
    )


def readable(value: Tensor) -> Tensor:
    """The same numbers in a dtype that torch sums and compares: float8 can only be converted."""
    return value.float() if value.dtype.is_floating_point and value.dtype.itemsize == 1 else value


def to_float64(value: Tensor) -> Tensor:
    """The same numbers in float64, on the CPU: MPS has no float64."""
    return value.detach().cpu().double()


def sizes(numbers: Tensor) -> Tensor:
    """How large numbers are, in float64; complex ones by their length."""
    return numbers.abs().double() if numbers.is_complex() else numbers.double().abs()


def rounding(dtype: torch.dtype, terms: int, magnitude: float) -> float:
    """How far a number of this dtype may be from its exact value, after so many terms of this total magnitude.

    (4 ε + terms · ε') · Σ|contribution|: four roundings to the dtype, and one to the accumulator for every term. The
    accumulator is float32 for the half precisions and the dtype itself for the others. Below the smallest normal
    numbers nothing is relative any more, so those are added. Whole numbers and truth values are exact.

    Args:
        dtype: of the number.
        terms: how many were added up.
        magnitude: the sum of their absolute values.
    """
    dtype = dtype.to_real() if dtype.is_complex else dtype
    if not dtype.is_floating_point:
        return 0.0
    own = torch.finfo(dtype)
    accumulator = torch.finfo(torch.float32) if own.bits < 32 else own
    relative = 4 * own.eps + terms * accumulator.eps
    return relative * magnitude + accumulator.tiny + own.tiny * own.eps


def tolerance(dtype: torch.dtype, terms: int, magnitude: Tensor) -> Tensor:
    """``rounding`` for many numbers at once.

    Args:
        dtype: of the numbers.
        terms: how many were added up for each.
        magnitude: for each the sum of their absolute values.

    Returns:
        A bound for each, in the shape of ``magnitude``.
    """
    return rounding(dtype, terms, 1.0) * magnitude + rounding(dtype, 0, 0.0)
