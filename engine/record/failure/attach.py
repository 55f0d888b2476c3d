"""Explains the exception of a recorded program, and gives it a note that says what failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from types import CodeType

from torch import nn

from engine.record.build_steps import op_name
from engine.record.failure.build_failure import build_failure
from engine.record.failure.failing_call import raised_at
from engine.record.failure.failure import Failure
from engine.record.recording import Recording
from engine.record.trace import Leaf, Step


def explain_failure(
    error: BaseException, steps: Sequence[Step], recording: Recording, passes_on: Iterable[CodeType]
) -> Failure | None:
    """What the recorded program raised, in words; None where nothing can be said.

    Args:
        error: the exception; its type and message stay as they are, and it gets a note.
        steps: every step before it.
        recording: what the steps were built from.
        passes_on: the recorder's functions through which every recorded call passes.
    """
    failure = None
    # Whatever goes wrong in explaining must not hide what the program raised.
    with suppress(Exception):
        failure = _failure(error, steps, recording, frozenset(passes_on))
        error.add_note(failure.note)
    return failure


def _failure(
    error: BaseException, steps: Sequence[Step], recording: Recording, passes_on: frozenset[CodeType]
) -> Failure:
    raised = raised_at(error.__traceback__, passes_on)
    leaves = [Leaf("input", name, tensor) for name, tensor in recording.inputs.items()]
    modules = [call[4].module for call in recording.calls if call[4].module is not None]
    target = recording.target if isinstance(recording.target, nn.Module) else next(iter(modules), None)
    for module in filter(None, (target, raised.module)):
        for kind, tensors in (("parameter", module.named_parameters()), ("buffer", module.named_buffers())):
            leaves += [Leaf(kind, name, tensor) for name, tensor in tensors]
    op = "" if raised.func is None else op_name(raised.func)
    return build_failure(error, raised, steps, leaves, op)
