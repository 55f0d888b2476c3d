"""Calls that are one step together, because what lies between them has no shape to show.

``nn.TransformerEncoder`` leaves padding out where it can: it packs the rows of the batch into a nested tensor, whose
rows have lengths of their own, runs all its layers on that, and pads the result with zeros again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from engine.record.recording import Call, tensors_in, with_tensors

_PAD = "to_padded_tensor"
NAME = "transformer_encoder"


def folded(calls: Sequence[Call]) -> Sequence[Call]:
    """The calls with every packed run of an encoder as one call, in the place of its last; nothing else is changed."""
    if not any(call[0] is torch._nested_tensor_from_mask for call in calls):
        return calls
    folding = list(calls)
    for first, call in enumerate(calls):
        if call[0] is torch._nested_tensor_from_mask and isinstance(call[4].module, nn.TransformerEncoder):
            last = _end(calls, first)
            if last is not None:
                run = PackedRun(calls[first : last + 1])
                for number in range(first, last):
                    folding[number] = (*calls[number][:3], (), *calls[number][4:])
                folding[last] = (run, run.reads, None, *calls[last][3:])
    return folding


class PackedRun:
    """What an encoder does from packing its input to padding its output, as one function of the tensors it reads.

    Attributes:
        reads: those tensors: the input (B, L, D), where its tokens are (B, L), and the weights in the order of use.
    """

    __name__ = NAME

    def __init__(self, calls: Sequence[Call]) -> None:
        self._calls = calls
        results = {id(tensor) for call in calls for tensor in tensors_in(call[3])}
        read = [tensor for call in calls for tensor in tensors_in((call[1], call[2] or {}))]
        self.reads: tuple[Tensor, ...] = tuple(
            {id(tensor): tensor for tensor in read if id(tensor) not in results}.values()
        )

    def __call__(self, *tensors: Tensor) -> Tensor:
        values = {id(tensor): given for tensor, given in zip(self.reads, tensors, strict=True)}
        result: Any = None
        for func, args, kwargs, recorded, *_ in self._calls:
            result = func(*_replaced(args, values), **_replaced(kwargs or {}, values))
            values.update((id(old), new) for old, new in zip(tensors_in(recorded), tensors_in(result), strict=True))
        return result


def _replaced(value: Any, values: Mapping[int, Tensor]) -> Any:
    return with_tensors(value, lambda tensor: values.get(id(tensor), tensor))


def _end(calls: Sequence[Call], first: int) -> int | None:
    """The call that pads what call ``first`` packed."""
    module = calls[first][4].module
    for number in range(first + 1, len(calls)):
        if calls[number][4].module is module and getattr(calls[number][0], "__name__", "") == _PAD:
            return number
    return None
