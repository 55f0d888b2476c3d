"""Notices that memory which a recording refers to was written to after the recording ended.

Torch counts the writes into each tensor, for all views of it together. The counts are noted when a recording ends.
Not noticed is what torch does not count: writes through ``.data``, through numpy, and into tensors made in inference
mode.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain
from operator import attrgetter, itemgetter
from typing import Any

import torch
from torch import Tensor, nn

from engine.record.recording import Call, tensors_in

_TENSORS = frozenset((Tensor, nn.Parameter))
_CONTAINERS = frozenset((list, tuple, dict))
_ARGS, _KWARGS, _RESULT = itemgetter(1), itemgetter(2), itemgetter(3)
_VERSION = attrgetter("_version")


class WriteCounts:
    """How often each tensor of a recording had been written to when the recording ended.

    Args:
        calls: those of the recording, in which each has the count of its result.
        inputs: what the recorded program was given.
        has_writes: whether a call wrote into a tensor, so that counts of results may have grown since.
    """

    def __init__(self, calls: Sequence[Call], inputs: Iterable[object], has_writes: bool) -> None:
        # Runs at the end of every recording: what is done once a call is done by C code, and results are not touched
        # again, for they are no longer in the processor's cache.
        self._calls = calls
        keywords = (kwargs.values() for kwargs in map(_KWARGS, calls) if kwargs)
        read = [*chain.from_iterable(map(_ARGS, calls)), *chain.from_iterable(keywords), *inputs]
        by_id: dict[int, Any] = dict(zip(map(id, read), read, strict=True))
        if has_writes:
            by_id.update((id(call[3]), call[3]) for call in calls)
            outside = list(by_id.values())
        else:
            outside = list(map(by_id.__getitem__, by_id.keys() - set(map(id, map(_RESULT, calls)))))
            outside += [call[3] for call in calls if call[7] is None]
        self._results_count = not has_writes
        with torch._C.DisableTorchFunction():  # an outer recording has no use for these getters
            tensors: list[Tensor] = [value for value in outside if value.__class__ in _TENSORS]
            for container in (value for value in outside if value.__class__ in _CONTAINERS):
                tensors += tensors_in(container)
            try:
                self._counts = dict(zip(map(id, tensors), map(_VERSION, tensors), strict=True))
            except RuntimeError:  # a tensor made in inference mode has none
                self._counts = {id(tensor): _count(tensor) for tensor in tensors}
            parameters = [tensor for tensor in tensors if tensor.__class__ is nn.Parameter]
            self._addresses = {id(parameter): _address(parameter) for parameter in parameters}

    def changed(self, tensor: Tensor) -> bool:
        """Whether the tensor was written to, or given other memory, since the recording ended."""
        key = id(tensor)
        if key in self._addresses and self._addresses[key] != _address(tensor):
            return True
        count = self._counts.get(key)
        if count is None and self._results_count:
            count = self._of_results.get(key)
        # Without a count it was made for the trace: a copy of what memory held.
        return count is not None and count != _count(tensor)

    @cached_property
    def _of_results(self) -> dict[int, int | None]:
        return {id(call[3]): call[7] for call in self._calls}


def _count(tensor: Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version


def _address(tensor: Tensor) -> int:
    """Where the numbers are; ``param.data = other`` and ``module.to(…)`` move a parameter without counting it."""
    try:
        return tensor.data_ptr()
    except (RuntimeError, NotImplementedError):  # not one plain block of memory
        return 0
