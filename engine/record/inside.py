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
from typing import Any, Protocol

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
_OF_MODULES: set[str] = set()
_OF_LESS_WORK: set[str] = set()


def opens(*operations: str, module: bool = False, less_work: bool = False) -> Callable[[Opener], Opener]:
    """Registers a function as the opener of these operations. It may return None for a call that it cannot open.

    Args:
        operations: by the names that ``Step.op`` has.
        module: whether it needs the module that made the call, and not its arguments alone.
        less_work: whether torch does much less than the plain operations do, so that their cost is not the call's.
    """

    def register(opener: Opener) -> Opener:
        for operation in operations:
            if operation in _OPENERS:
                raise ValueError(f"{operation!r} has an opener already: {_OPENERS[operation].__qualname__}")
            _OPENERS[operation] = opener
        if module:
            _OF_MODULES.update(operations)
        if less_work:
            _OF_LESS_WORK.update(operations)
        return opener

    return register


def opener_of(operation: str) -> Opener | None:
    """The opener of an operation, None where it has none."""
    return _OPENERS.get(operation)


def has_opener(operation: str) -> bool:
    """Whether an opener is registered for the operation."""
    return operation in _OPENERS


def needs_module(operation: str) -> bool:
    """Whether the operation's opener needs the module that made the call."""
    return operation in _OF_MODULES


class Opening(Protocol):
    """The way into a call: called, it gives a Trace, or None for a call that cannot be opened."""

    def __call__(self) -> Any: ...

    @property
    def is_open(self) -> bool:
        """Whether its inside is there already, because somebody asked for it before."""

    def call(self) -> FusedCall | None:
        """The call, as an opener gets it; None where it has no opener or is not kept."""

    def once(self) -> Any:
        """What calling it gives, and where that was not there already it is not kept."""


@dataclass(frozen=True)
class RecordedOpening:
    """The way into call ``number`` of a recording.

    Attributes:
        recording: what the call stands in.
        number: the call's.
        op: its operation's name.
        record_plain: see ``FusedCall.record``.
    """

    recording: Recording
    number: int
    op: str
    record_plain: Callable[..., Any]

    def __call__(self) -> Any:
        call = self.call()
        insides = self.recording.insides
        if call is not None and self.number not in insides:
            # Two threads may both record it; setdefault makes them agree on one.
            insides.setdefault(self.number, self._opened(call))
        return insides.get(self.number)

    def once(self) -> Any:
        """Its inside, which is not kept where nobody has asked for it before."""
        if self.is_open:
            return self()
        call = self.call()
        return None if call is None else self._opened(call)

    def _opened(self, call: FusedCall) -> Any:
        state = self.recording.generators.get(self.number)
        # Looking into a call draws nothing from the generator that the program goes on with.
        with torch.random.fork_rng(devices=()):
            if state is not None:
                torch.set_rng_state(state)
            return _OPENERS[self.op](call)

    @property
    def is_open(self) -> bool:
        """Whether its inside is there already."""
        return self.number in self.recording.insides

    def call(self) -> FusedCall | None:
        """The call, as an opener gets it; None where its operation has none."""
        if self.op not in _OPENERS:
            return None
        function, args, kwargs, result, execution, *_ = self.recording.calls[self.number]
        module = execution.module
        tensors = {} if module is None else {**dict(module.named_parameters()), **dict(module.named_buffers())}
        return FusedCall(
            self.op,
            function,
            self.recording.as_read(args, self.number),
            self.recording.as_read(kwargs or {}, self.number),
            result,
            module,
            self.recording.as_read(tensors, self.number),
            self.number in self.recording.generators,
            self.record_plain,
        )


def flops_inside(op: str, opening: Opening) -> int | None:
    """What a fused call costs: what its plain operations do. None where those are not all known, or do much more."""
    if op in _OF_LESS_WORK:
        return None
    try:
        inside = opening.once()
    except (NotImplementedError, RuntimeError):  # on the meta device there are no numbers to open some calls with
        return None
    if inside is None or any(step.flops is None for step in inside.steps):
        return None
    return sum(int(step.flops) for step in inside.steps)


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
    fused, other = (each.detach().cpu() for each in (value, plain[output]))
    if not fused.is_complex() and not other.is_complex():
        fused, other = to_float64(fused), to_float64(other)
    same = (fused == other) | (fused.isnan() & other.isnan())
    difference = (fused - other).abs().masked_fill(same, 0.0)
    return float(difference.max()) if difference.numel() else 0.0
