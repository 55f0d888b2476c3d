"""``as_strided``, which looks at memory with strides of its own: inside are the elements that lie there."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from engine.record.inside import FusedCall, opens

_MOST = 2**24  # elements of memory that are looked through


def _given(input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> None:
    """How as_strided takes its arguments."""


@opens("as_strided")
def open_as_strided(call: FusedCall) -> Any:
    """The elements of the tensor itself; None where the strides lead to memory that is none of its elements."""
    given = inspect.signature(_given).bind(*call.args, **call.kwargs).arguments
    x, size, stride = given["input"], given["size"], given["stride"]
    if x.is_meta or not x.numel() or not all(size):
        return None
    begin = int(x.storage_offset())
    offset = given.get("storage_offset")
    offset = 0 if offset is None else offset - begin
    ends = [_end(x.shape, x.stride(), 0), _end(size, stride, offset)]
    if offset < 0 or max(ends) > _MOST:
        return None
    numbers = torch.full((max(ends),), -1)
    numbers.as_strided(x.shape, x.stride()).copy_(torch.arange(x.numel()).reshape(x.shape))
    index = numbers.as_strided(size, stride, offset)
    return call.record(elements_at, x, index.clone()) if bool((index >= 0).all()) else None


def elements_at(x: Tensor, index: Tensor) -> Tensor:
    """The elements of a tensor by their numbers, counted along its last axis first.

    Args:
        x: any shape.
        index: any shape, of whole numbers.

    Returns:
        The shape of ``index``.
    """
    return x.reshape(-1)[index]


def _end(size: Sequence[int], stride: Sequence[int], offset: int) -> int:
    """The element of memory after the last."""
    return offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True)) + 1
