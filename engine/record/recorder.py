"""Records what a call or a block of a program computes, from outside.

Nothing that is recorded computes anything else than it does unrecorded, and nothing is left behind afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from sys import _getframe
from types import CodeType, MappingProxyType, TracebackType
from typing import Any, Self

import torch

from engine.config import Config
from engine.record import openers  # noqa: F401  an opener is registered when its module is imported
from engine.record.build_steps import build_steps, modules_of
from engine.record.failure.attach import explain_failure
from engine.record.failure.failure import Failure
from engine.record.recording import AxisNames, Recording
from engine.record.trace import Labels, Step, Trace
from engine.record.trace_file.module_facts import module_facts
from engine.record.trace_file.run_modes import RunModes, present_modes
from engine.record.watching import compiled_calls, executed_text, fast_path, other_threads
from engine.record.watching.call_recorder import CallRecorder
from engine.record.watching.unwatched import in_threads, made_of_lists, unwatched

_NOT_ENDED = "a recording has its trace when its block has ended: read it after the with block"


def record(target: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Trace:
    """Calls ``target(*args, **kwargs)`` and records every call inside it that returns a tensor.

    Tensors are kept by reference; only memory that an in-place call overwrites is copied, just before, because what
    was there would be gone. What ``target`` computes is what it computes unrecorded, bit for bit.

    Args:
        target: anything callable: a module, a function, a bound method. Gradient mode, dtype and device stay as the
            caller has them.
        args, kwargs: what it is called with.

    Returns:
        The trace; its ``output`` is what ``target`` returned.

    Raises:
        Whatever ``target`` raises, unchanged; the exception's ``trace`` has every step before it.
    """
    return watch(target, args, kwargs)


def watch(
    target: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any] = MappingProxyType({}),
    *,
    axis_names: AxisNames = (),
    config: Config | None = None,
    labels: Mapping[str, Labels] = MappingProxyType({}),
    keep_fast_path: bool = True,
) -> Trace:
    """``record`` with what the caller knows about the result.

    Args:
        target: anything callable.
        args, kwargs: what it is called with.
        axis_names: by pattern of module path, which axis a symbol of a shape comment stands for there.
        config: the settings of the built-in Transformer, for the trace.
        labels: what stands along an axis, for the trace.
        keep_fast_path: whether modules of torch that have a fused path take it where they would unrecorded.

    Returns:
        The trace of the call.

    Raises:
        Whatever ``target`` raises, as ``record`` does.
    """
    modes = present_modes()
    recorder = CallRecorder(keep_fast_path, base=_getframe())
    output = None
    try:
        with fast_path.KEPT, executed_text.NOTED, compiled_calls.WATCHED, other_threads.STARTS, recorder:
            output = target(*args, **kwargs)
    except BaseException as error:
        passes_on = recorder.passes_on
        _failed_trace(error, recorder.finish(target, args, kwargs, axis_names), modes, passes_on, config, labels)
        raise
    return _trace(recorder.finish(target, args, kwargs, axis_names), modes, output, config, labels)


class RecordedBlock:
    """A block of a program under ``with recording() as rec:``."""

    def __init__(self) -> None:
        self._trace: Trace | None = None
        self._recorder: CallRecorder | None = None
        self._entered = ExitStack()
        self._modes = present_modes()

    @property
    def trace(self) -> Trace:
        """What the block did, also when it raised. Its ``output`` is None.

        Raises:
            RuntimeError: the block has not ended.
        """
        if self._trace is None:
            raise RuntimeError(_NOT_ENDED)
        return self._trace

    def __enter__(self) -> Self:
        self._trace = None
        self._recorder = CallRecorder(True, block=_getframe(1))
        self._modes = present_modes()
        with ExitStack() as entered:
            for change in (fast_path.KEPT, executed_text.NOTED, compiled_calls.WATCHED, other_threads.STARTS):
                entered.enter_context(change)
            entered.enter_context(self._recorder)
            self._entered = entered.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._entered.close()
        if self._recorder is not None:
            passes_on = self._recorder.passes_on
            kept = self._recorder.finish(None, (), {}, ())
            self._recorder = None
            modes = self._modes
            self._trace = _trace(kept, modes, None) if error is None else _failed_trace(error, kept, modes, passes_on)


def recording() -> RecordedBlock:
    """Records a block of a program: ``with recording() as rec: ...``; afterwards ``rec.trace`` has its steps.

    An exception leaves the block unchanged; ``rec.trace`` and the exception's ``trace`` have every step before it.

    Returns:
        The block, to be entered by ``with``; it has no trace before it was left.
    """
    return RecordedBlock()


def _trace(
    kept: Recording,
    modes: RunModes,
    output: Any,
    config: Config | None = None,
    labels: Mapping[str, Labels] = MappingProxyType({}),
    failure: Failure | None = None,
    steps: tuple[Step, ...] | None = None,
) -> Trace:
    return Trace(
        output,
        config,
        MappingProxyType(dict(labels)),
        failure,
        notes=(
            *unwatched(kept.target, kept.modules),
            *made_of_lists(kept.calls, kept.first_list),
            *in_threads(kept.threads),
        ),
        modes=modes,
        _inputs=lambda: kept.inputs,
        _recorded=kept.recorded,
        _build_steps=lambda: build_steps(kept, record_plain) if steps is None else steps,
        _modules=lambda: module_facts(modules_of(kept)),
    )


def _failed_trace(
    error: BaseException,
    kept: Recording,
    modes: RunModes,
    passes_on: Iterable[CodeType],
    config: Config | None = None,
    labels: Mapping[str, Labels] = MappingProxyType({}),
) -> Trace:
    """The steps before an exception, which it carries as ``trace`` unless the program gave it one of its own."""
    steps, failure = None, None
    # Ctrl-C and the end of a process want no explanation, and no error of ours may hide the program's own.
    with suppress(Exception):
        if isinstance(error, Exception):
            steps = build_steps(kept, record_plain)
            failure = explain_failure(error, steps, kept, passes_on)
    trace = _trace(kept, modes, None, config, labels, failure, steps)
    if isinstance(getattr(error, "trace", None), Trace | None):
        with suppress(Exception):  # a class with __slots__ takes no attribute
            error.trace = trace  # type: ignore[attr-defined]
    return trace


def record_plain(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Trace:
    """Records a function for the inside of a fused call: without gradients, and on torch's plain path."""
    with torch.no_grad():
        return watch(function, args, kwargs, keep_fast_path=False)
