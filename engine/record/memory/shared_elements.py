"""Where two tensors in one block of memory have elements in common, as an index of one of them.

A write through a view, such as ``cache[:, :t].copy_(key)``, changes ``cache`` under another name. What ``cache`` is
afterwards is ``cache[:, :t] = …``, and the index is worked out from where the elements of both lie.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

# Elements of a block of memory; looking for what is shared takes 8 bytes for each.
_MOST = 2**24


class SharedElements(NamedTuple):
    """The elements that two tensors have in common: ``read[read_key]`` lies where ``written[written_key]`` does.

    A key is ``()`` where all elements of its tensor are meant.
    """

    read_key: tuple[Any, ...]
    written_key: tuple[Any, ...]


def shared_elements(read: Tensor, written: Tensor) -> SharedElements | None:
    """The elements that two tensors of one block of memory have in common, None where they have none.

    Raises:
        ValueError: it can't be said: they have other dtypes, one of them has an element of memory twice, or the block
            is too large to look through.
    """
    ends = [_end(tensor) for tensor in (read, written)]
    if read.numel() == 0 or written.numel() == 0 or _begin(read) >= ends[1] or _begin(written) >= ends[0]:
        return None
    if read.dtype != written.dtype or max(ends) > _MOST or read.is_conj() or written.is_conj():
        raise ValueError("elements of other sizes, or too many of them")
    of_read, of_written = (_numbers(tensor, max(ends)) for tensor in (read, written))
    common = (of_read >= 0) & (of_written >= 0)
    count = int(common.sum())
    if not count:
        return None
    if count == written.numel():
        return SharedElements(_key(_layout(of_read, written), read), ())
    if count == read.numel():
        return SharedElements((), _key(_layout(of_written, read), written))
    return SharedElements(_key(of_read[common], read), _key(of_written[common], written))


def _numbers(tensor: Tensor, end: int) -> Tensor:
    """For every element of the block of memory its number among those of the tensor, -1 where it is none of them."""
    numbers = torch.full((end,), -1)
    _layout(numbers, tensor).copy_(torch.arange(tensor.numel()).reshape(tensor.shape))
    if int((numbers >= 0).sum()) != tensor.numel():
        raise ValueError("an expanded tensor has an element of memory more than once")
    return numbers


def _layout(block: Tensor, tensor: Tensor) -> Tensor:
    return block.as_strided(tensor.shape, tensor.stride(), _begin(tensor))


def _begin(tensor: Tensor) -> int:
    return int(tensor.storage_offset())


def _end(tensor: Tensor) -> int:
    """The element of memory after the last of the tensor's."""
    steps = zip(tensor.shape, tensor.stride(), strict=True)
    return _begin(tensor) + sum((size - 1) * stride for size, stride in steps) + 1


def _key(numbers: Tensor, tensor: Tensor) -> tuple[Any, ...]:
    """The index of the tensor that gives these of its elements, in slices where slices can say it."""
    indices = torch.unravel_index(numbers, tuple(tensor.shape))
    every = torch.arange(tensor.numel()).reshape(tensor.shape)
    for keeps_single in (True, False):
        key = tuple(_sliced(index, keeps_single) for index in indices)
        if None not in key:
            chosen = every[key]
            if chosen.shape == numbers.shape and torch.equal(chosen, numbers):
                return () if all(part == slice(0, size) for part, size in zip(key, tensor.shape, strict=True)) else key
    return tuple(indices)


def _sliced(index: Tensor, keeps_single: bool) -> slice | int | None:
    """The numbers of an index as a slice, or one number; None where their steps differ."""
    values = index.unique()
    first, last = int(values[0]), int(values[-1])
    if len(values) == 1:
        return slice(first, first + 1) if keeps_single else first
    step = int(values[1]) - first
    return slice(first, last + 1, step if step > 1 else None) if bool((values.diff() == step).all()) else None
