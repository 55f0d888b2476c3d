"""What a fused call does inside: the same thing in plain operations, recorded when somebody asks for it.

A fused call is one kernel, or one function that hides its inner calls from the recorder. An opener says what such a
call is in plain PyTorch. It is registered under the operation's name, as ``Step.op`` has it::

    @opens("scaled_dot_product_attention")
    def open_attention(call: FusedCall) -> Trace:
        return call.record(plain_attention, *call.args, **call.kwargs)

The output of the trace it returns is compared with what the fused call returned. Openers stand in the modules of
``engine.record.openers``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from engine.ops.numerics import to_float64
from engine.record.recording import Recording, outputs_of

_BEFORE_DROPOUT = (
    "{op} dropped some of its weights at random, and which ones nobody can tell: the weights are those before that"
)


@dataclass(frozen=True)
class FusedCall:
    """One recorded call of a fused operation, as an opener gets it.

    Attributes:
        op: the operation's name, as ``Step.op`` has it.
        function: what was called.
        args, kwargs: what it was called with; tensors have the numbers they had when the call began.
        result: what it returned.
        module: the module whose ``forward`` made the call, None where there is none.
        module_tensors: the module's parameters and buffers by name, with the numbers they had when the call began.
        is_replayed: whether the random numbers that the call drew are drawn again while it is opened.
        record: ``record(function, *args, **kwargs)`` gives the trace of a function, without gradients, and on torch's
            plain path where torch could take a fused one.
    """

    op: str
    function: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    result: Any
    module: nn.Module | None
    module_tensors: Mapping[str, Tensor]
    is_replayed: bool
    record: Callable[..., Any]

    def before_dropout(self, trace: Any) -> Any:
        """The trace of the call without its dropout, with a note that says so."""
        return replace(trace, notes=(*trace.notes, _BEFORE_DROPOUT.format(op=self.op)))


# What an opener returns is a Trace, or None for a call that it cannot open.
Opener = Callable[[FusedCall], Any]
_OPENERS: dict[str, Opener] = {}


def opens(*operations: str) -> Callable[[Opener], Opener]:
    """Registers a function as the opener of these operations. It may return None for a call that it cannot open."""

    def register(opener: Opener) -> Opener:
        for operation in operations:
            if operation in _OPENERS:
                raise ValueError(f"{operation!r} has an opener already: {_OPENERS[operation].__qualname__}")
            _OPENERS[operation] = opener
        return opener

    return register


def open_call(recording: Recording, number: int, op: str, record_plain: Callable[..., Any]) -> Any:
    """The trace of call ``number`` of a recording in plain operations; None where its operation has no opener.

    Args:
        recording: what the call stands in.
        number: the call's.
        op: its operation's name.
        record_plain: see ``FusedCall.record``.
    """
    opener = _OPENERS.get(op)
    if opener is None:
        return None
    if number not in recording.insides:
        function, args, kwargs, result, execution, *_ = recording.calls[number]
        module, state = execution.module, recording.generators.get(number)
        tensors = {} if module is None else {**dict(module.named_parameters()), **dict(module.named_buffers())}
        call = FusedCall(
            op,
            function,
            recording.as_read(args, number),
            recording.as_read(kwargs or {}, number),
            result,
            module,
            recording.as_read(tensors, number),
            state is not None,
            record_plain,
        )
        # Looking into a call draws nothing from the generator that the program goes on with.
        with torch.random.fork_rng(devices=()):
            if state is not None:
                torch.set_rng_state(state)
            opened = opener(call)
        # Two threads may both record it; setdefault makes them agree on one.
        recording.insides.setdefault(number, opened)
    return recording.insides[number]


def largest_difference(value: Tensor, output: int, plain_output: Any) -> float | None:
    """The largest difference between an element of a fused result and of the plain one; None where they have no numbers
    to compare.

    Args:
        value: what the fused call returned, in position ``output`` among the tensors that it returned.
        plain_output: what the plain path returned.
    """
    plain = outputs_of(plain_output)
    if output >= len(plain) or plain[output].shape != value.shape or value.is_meta:
        return None
    fused, other = to_float64(value), to_float64(plain[output])
    same = (fused == other) | (fused.isnan() & other.isnan())
    difference = (fused - other).abs().masked_fill(same, 0.0)
    return float(difference.max()) if difference.numel() else 0.0
