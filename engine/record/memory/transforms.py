"""Tensors on their way into and out of the transforms of torch.func, such as vmap and grad.

Inside a transform a program computes with wrappers of its tensors, and nothing that can be watched puts a tensor into
a wrapper or takes it out. Both lie in one block of memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import torch
from torch import Tensor

from engine.ops.numerics import memory_of
from engine.record.recording import Recording, tensors_in
from engine.record.trace import Leaf, Step

_functorch = torch._C._functorch
_UNKNOWN = "what a transform of torch.func does around its function was not watched, and can't be done again"


class Transforms:
    """The transforms of a recording.

    Args:
        recording: what the recorder kept.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    @cached_property
    def _are_used(self) -> bool:
        calls = self._recording.calls
        return any(_is_wrapper(tensor) for call in calls for tensor in tensors_in((call[1], call[3])))

    def other_side(self, tensor: Tensor, known: Iterable[Step | Leaf]) -> Step | Leaf | None:
        """What a tensor is on the other side of a transform; None for one that passed none.

        Args:
            tensor: one that no recorded call made.
            known: steps and leaves, those that come into question first.
        """
        if not self._are_used:
            return None
        block, is_wrapper = _block_inside(tensor), _is_wrapper(tensor)
        if block is None:
            return None
        for candidate in known:
            if (is_wrapper or _is_wrapper(candidate.value)) and _block_inside(candidate.value) == block:
                return candidate
        return None


def transform_name(*tensors: Tensor) -> str:
    """The operation that leads from one of these tensors to the other."""
    is_batch = any(_is_wrapper(tensor) and _functorch.is_batchedtensor(tensor) for tensor in tensors)
    return "vmap" if is_batch else "torch_func"


def not_watched() -> Tensor:
    """Stands for a call that could be made again.

    Raises:
        ValueError: always.
    """
    raise ValueError(_UNKNOWN)


def _is_wrapper(tensor: Tensor) -> bool:
    return bool(_functorch.is_functorch_wrapped_tensor(tensor))


def _block_inside(tensor: Tensor) -> int | None:
    """The block of memory behind what is wrapped."""
    while _is_wrapper(tensor):
        tensor = _functorch.get_unwrapped(tensor)
    memory = memory_of(tensor)
    return None if memory is None else memory._cdata
