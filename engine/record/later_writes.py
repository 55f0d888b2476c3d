"""Notices that memory which a recording refers to was written to after the recording ended.

Torch counts the writes into each tensor, for all views of it together. The counts are noted when a recording ends.
Not noticed is what torch does not count: writes through ``.data``, through numpy, and into tensors made in inference
mode.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from operator import attrgetter, itemgetter
from typing import NamedTuple

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
        parameters: those of them that are parameters.
    """

    def __init__(self, calls: Sequence[Call], tensors: Sequence[Tensor], parameters: Sequence[Tensor]) -> None:
        # Every recording ends here, so what is only needed when somebody asks is put in order then.
        self._calls = calls
        self._tensors = tensors
        self._parameters = parameters
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
    def of_modules(
        cls, calls: Sequence[Call], parts: Parts, inputs: Sequence[object], uncounted: Sequence[object]
    ) -> WriteCounts:
        """Those of modules in which nothing was written: their own tensors, and results as they were when made.

        Args:
            calls: those of the recording.
            parts: all that the recorded module is made of.
            inputs: what it was given.
            uncounted: the results that are no single tensor, so that their calls have no count.
        """
        parameters = [parameter for parameter in parts.parameters if parameter is not None]
        buffers = [buffer for buffer in parts.buffers if buffer is not None]
        return cls(calls, [*parameters, *buffers, *tensors_in((inputs, uncounted))], parameters)

    @classmethod
    def of_function(cls, calls: Sequence[Call], inputs: Sequence[object]) -> WriteCounts:
        """Those of anything else: of all that it read and made."""
        tensors = list(tensors_in([inputs, *map(_ARGS, calls), *map(_KWARGS, calls), *map(_RESULT, calls)]))
        return cls(calls, tensors, [tensor for tensor in tensors if tensor.__class__ is nn.Parameter])

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


class Parts(NamedTuple):
    """What modules are made of.

    Attributes:
        modules: they themselves and those inside them.
        parameters, buffers: their own; None in the place of one that a layer was made without, such as a bias.
    """

    modules: list[nn.Module]
    parameters: list[Tensor | None]
    buffers: list[Tensor | None]


def parts_of(roots: Iterable[nn.Module]) -> Parts:
    """All that modules are made of. ``Module.modules`` takes three times as long, and every recording asks."""
    modules = list(dict.fromkeys(roots))
    seen = set(modules)
    parameters: list[Tensor | None] = []
    buffers: list[Tensor | None] = []
    for module in modules:  # which grows on the way
        # An attribute of a module takes four times as long as an item of its dictionary.
        own = module.__dict__
        if "_modules" not in own:  # one of TorchScript's keeps them elsewhere
            own = {name: getattr(module, name) for name in ("_parameters", "_buffers", "_modules")}
        if own["_parameters"]:
            parameters += own["_parameters"].values()
        if own["_buffers"]:
            buffers += own["_buffers"].values()
        if own["_modules"]:
            new = [child for child in own["_modules"].values() if child is not None and child not in seen]
            seen.update(new)
            modules += dict.fromkeys(new)
    return Parts(modules, parameters, buffers)


def _count(tensor: Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version


def _address(tensor: Tensor) -> int:
    """Where the numbers are; ``param.data = other`` and ``module.to(…)`` move a parameter without counting it."""
    try:
        return tensor.data_ptr()
    except (RuntimeError, NotImplementedError):  # not one plain block of memory
        return 0
