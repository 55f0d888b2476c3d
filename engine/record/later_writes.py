"""Notices that memory which a recording refers to was written to after the recording ended.

Torch counts the writes into each tensor, for all views of it together. The counts are noted when a recording ends.
Not noticed is what torch does not count: writes through ``.data``, through numpy, and into tensors made in inference
mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from operator import attrgetter, itemgetter

import torch
from torch import Tensor, nn

from engine.record.recording import Call, tensors_in

_ARGS, _KWARGS, _RESULT = itemgetter(1), itemgetter(2), itemgetter(3)
_VERSION = attrgetter("_version")


class WriteCounts:
    """How often each tensor of a recording had been written to when the recording ended.

    Args:
        calls: those of the recording, in which each has the count of its result.
        tensors: those whose counts are looked up now; of the others the calls' counts hold.
    """

    def __init__(self, calls: Sequence[Call], tensors: Sequence[Tensor]) -> None:
        # Every recording ends here, so what is only needed when somebody asks is put in order then.
        self._calls = calls
        self._tensors = tensors
        self._parameters = [tensor for tensor in tensors if tensor.__class__ is nn.Parameter]
        with torch._C.DisableTorchFunction():  # an outer recording has no use for these getters
            try:
                self._versions = list(map(_VERSION, tensors))
            except RuntimeError:  # a tensor made in inference mode has none
                self._versions = list(map(_count, tensors))
            try:
                self._data_pointers = list(map(Tensor.data_ptr, self._parameters))
            except (RuntimeError, NotImplementedError):  # one of them is not one plain block of memory
                self._data_pointers = list(map(_address, self._parameters))

    @classmethod
    def of_modules(cls, calls: Sequence[Call], modules: Sequence[nn.Module], inputs: Sequence[object]) -> WriteCounts:
        """Those of modules in which nothing was written: their own tensors, and results as they were when made."""
        owned: list[Tensor | None] = []
        for module in modules:
            if module._parameters:
                owned += module._parameters.values()
            if module._buffers:
                owned += module._buffers.values()
        tensors = [tensor for tensor in owned if tensor is not None]
        tensors += tensors_in(inputs)
        tensors += chain.from_iterable(tensors_in(call[3]) for call in calls if call[7] is None)
        return cls(calls, tensors)

    @classmethod
    def of_function(cls, calls: Sequence[Call], inputs: Sequence[object]) -> WriteCounts:
        """Those of anything else: of all that it read and made."""
        return cls(calls, list(tensors_in([inputs, *map(_ARGS, calls), *map(_KWARGS, calls), *map(_RESULT, calls)])))

    def changed(self, tensor: Tensor) -> bool:
        """Whether the tensor was written to, or given other memory, since the recording ended."""
        key = id(tensor)
        if key in self._addresses and self._addresses[key] != _address(tensor):
            return True
        count = self._counts.get(key)
        if count is None:
            count = self._of_results.get(key)
        # Without a count it was made for the trace: a copy of what memory held.
        return count is not None and count != _count(tensor)

    @cached_property
    def _counts(self) -> dict[int, int]:
        return dict(zip(map(id, self._tensors), self._versions, strict=True))

    @cached_property
    def _addresses(self) -> dict[int, int]:
        return dict(zip(map(id, self._parameters), self._data_pointers, strict=True))

    @cached_property
    def _of_results(self) -> dict[int, int | None]:
        return {id(call[3]): call[7] for call in self._calls}


def parts_of(module: nn.Module) -> list[nn.Module]:
    """A module and all that it is made of. ``Module.modules`` takes three times as long, and every recording asks."""
    parts: dict[nn.Module, None] = {}
    queue: list[nn.Module | None] = [module]
    for part in queue:  # which grows on the way
        if part is None or part in parts:
            continue
        parts[part] = None
        if part._modules:
            queue += part._modules.values()
    return list(parts)


def _count(tensor: Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version


def _address(tensor: Tensor) -> int:
    """Where the numbers are; ``param.data = other`` and ``module.to(…)`` move a parameter without counting it."""
    try:
        return tensor.data_ptr()
    except (RuntimeError, NotImplementedError):  # not one plain block of memory
        return 0
