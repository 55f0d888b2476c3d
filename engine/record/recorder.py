"""Watches a call from outside and keeps what passed by.

While the call runs only references are kept; names, text and parents are worked out afterwards, and only when asked
(``engine.record.build_steps``). The mode sees the calls people write (torch.overrides.TorchFunctionMode) on this
thread alone and leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from sys import _getframe
from types import CodeType, FrameType, MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from engine.config import Config
from engine.record import (
    fast_path,
    openers,  # noqa: F401  an opener is registered when its module is imported
)
from engine.record.build_steps import build_steps
from engine.record.failure.attach import explain_failure
from engine.record.failure.failure import Failure
from engine.record.recording import AxisNames, Call, Overwrite, Recording
from engine.record.trace import Labels, Step, Trace

# Calls that write into a tensor under a name that does not end in an underscore.
_AUGMENTED = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor", "lshift", "rshift")
_WRITING = frozenset({"__setitem__", *(f"__i{op}__" for op in _AUGMENTED)})
_HARMLESS = frozenset({"requires_grad_", "detach_", "share_memory_", "rename_"})
# Calls that may write into other arguments than their first, and the argument that says whether they do.
_WRITING_BESIDE = {"batch_norm": "training", "instance_norm": "use_input_stats", "embedding": "max_norm"}
# Getters that return a tensor nobody computed with.
_SKIPPED_GETTERS = frozenset({"grad", "_grad", "_base"})
# Layers of torch that only pass a call on; where nothing but torch is running, the frame beneath them is the caller.
_PASSING_ON = frozenset({"torch.overrides", "torch.nn.functional", "torch._tensor", "torch.functional", "torch._VF"})

# A call that no other call of the same line belongs to, in the place of a group.
_ALONE = 0
_REMEMBERED = 6  # frames
# Calls that take a list of tensors.
_LISTING = frozenset(("cat", "concat", "concatenate", "stack", "hstack", "vstack", "dstack", "einsum", "block_diag"))
_PLAIN, _WRITES, _SKIP, _LISTS = 0, 1, 2, 3
# What most of the other calls return, x.size(0) and x.dtype above all: known at a glance to hold no tensor.
_NO_TENSOR = frozenset((int, bool, float, str, type(None), torch.Size, torch.dtype, torch.device))
_OURS, _INNER, _THEIRS = 0, 1, 2
_KINDS: dict[Any, int] = {}


def record(target: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Trace:
    """Calls ``target(*args, **kwargs)`` and records every call inside it that returns a tensor.

    Works for anything callable: a module, a function, a bound method. Gradient mode, dtype and device stay as the
    caller has them. Tensors are kept by reference; only memory that an in-place call overwrites is copied, just
    before, because what was there would be gone.

    Raises whatever ``target`` raises.
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

    ``axis_names`` says, by pattern of module path, which axis a symbol of a shape comment stands for there;
    ``config`` and ``labels`` go into the trace as they are. Without ``keep_fast_path`` the modules of torch that have a
    fused path take their plain one.
    """
    recorder = _Recorder(keep_fast_path)

    output: Any = None
    failure: Failure | None = None
    steps: tuple[Step, ...] | None = None

    def trace() -> Trace:
        return Trace(
            output,
            config,
            MappingProxyType(dict(labels)),
            failure,
            _inputs=lambda: recording.inputs,
            _recorded=recording.recorded,
            _build_steps=lambda: build_steps(recording) if steps is None else steps,
        )

    called = recorder.called.values()
    recording = Recording(
        recorder.calls, recorder.overwrites, target, args, kwargs, called, axis_names, record_plain=_record_plain
    )
    try:
        with fast_path.kept(), recorder:
            output = target(*args, **kwargs)
    except Exception as error:
        with suppress(Exception):  # the program's own error comes first
            steps = build_steps(recording)
            failure = explain_failure(error, steps, recording, recorder.passes_on)
        with suppress(AttributeError):  # an exception with slots takes no attribute
            error.trace = trace()  # type: ignore[attr-defined]
        raise
    finally:
        recorder.let_go()
    return trace()


def _record_plain(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Trace:
    with torch.no_grad():
        return watch(function, args, kwargs, keep_fast_path=False)


class _Recorder(TorchFunctionMode):
    def __init__(self, keeps_fast_path: bool) -> None:
        super().__init__()
        self.keeps_fast_path = keeps_fast_path
        self.calls: list[Call] = []
        self.overwrites: list[Overwrite] = []
        self.called: dict[int, nn.Module] = {}
        self._frame: FrameType | None = None
        self._module: nn.Module | None = None
        self._running: list[tuple[FrameType | None, nn.Module | None]] = []
        self._inner: FrameType | None = None
        self._group = _ALONE
        # torch asks the mode itself, not its class; a plain function spares every call the binding of a method.
        self.__torch_function__ = self._watcher()  # type: ignore[method-assign]

    @property
    def passes_on(self) -> tuple[CodeType, ...]:
        """The functions through which every recorded call passes."""
        return self.__torch_function__.__code__, _Recorder._write.__code__

    def let_go(self) -> None:
        """Lets go of the last frames, and with them of the callers' variables."""
        self._frame = self._inner = None
        self._running.clear()
        del self.__torch_function__

    def _watcher(self) -> Callable[..., Any]:
        """What torch calls in the place of every function the recorded program calls.

        It runs once for each of them, so no step here may take longer than it must; what is rare is elsewhere.
        """
        kind_of, keep = _KINDS.get, self.calls.append
        frame: FrameType | None = None
        module: nn.Module | None = None

        def watch_call(func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
            nonlocal frame, module
            kind = kind_of(func)
            if kind is None:
                kind = _KINDS[func] = _kind(func)
            if kwargs:
                if kwargs.get("out") is not None or kwargs.get("inplace"):
                    kind = _WRITES
                if kind is _LISTS:
                    kwargs = {name: _as_it_is(value) for name, value in kwargs.items()}
            if kind is not _PLAIN:
                if kind is _WRITES:
                    return self._write(func, args, kwargs or {}, _getframe(1))
                if kind is _SKIP:
                    return func(*args)
                args = tuple(map(_as_it_is, args))
            result = func(*args, **kwargs) if kwargs else func(*args)
            what = type(result)
            if what is Tensor or (what not in _NO_TENSOR and _tensors(result)):
                caller = _getframe(1)
                if caller is frame:
                    keep((func, args, kwargs, result, caller.f_code, caller.f_lasti, module, _ALONE))
                else:
                    self._keep(func, args, kwargs, result, caller)
                    frame, module = self._frame, self._module
            return result

        # torch refuses what does not belong to the mode, as a class method would not.
        watch_call.__self__ = self  # type: ignore[attr-defined]
        return watch_call

    def _write(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], caller: FrameType) -> Any:
        changed = _targets(func, args, kwargs)
        kept = len(self.overwrites)
        for tensor in changed:
            self.overwrites.append(Overwrite.before(len(self.calls), tensor))
        try:
            result = func(*args, **kwargs)
        except BaseException:  # the recorded program may catch it and go on
            del self.overwrites[kept:]
            raise
        if _tensors(result):
            self._keep(func, args, kwargs, result, caller)
        elif changed:  # x[i] = y returns nothing; what it made is the x of afterwards
            self._keep(func, args, kwargs, changed, caller)
        return result

    def _keep(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None, result: Any, caller: FrameType
    ) -> None:
        """Keeps a call that came by way of torch's own code, or from another frame than the one before it."""
        frame: FrameType | None = caller
        inner = None
        current = self._frame
        while frame is not None and frame is not current:
            name = frame.f_globals.get("__name__")
            whose = _SCOPES.get(name)
            if whose is None:
                whose = _SCOPES[name] = _whose(name)
            if whose is not _INNER and (whose is _THEIRS or frame.f_code.co_name not in _HANDING_ON):
                if whose is _OURS:
                    frame = None
                break
            inner = frame
            frame = frame.f_back
            if frame is not None and frame.f_code is _CALL_IMPL:
                # Module.__call__ is two frames of torch; most inner calls come through it.
                inner = frame.f_back
                frame = inner and inner.f_back
        if frame is None:
            frame, inner = _torch_caller(caller), None
        if frame is not current:
            self._move_to(frame)
        group = _ALONE
        if inner is not None:
            # One line of somebody's code can make many calls inside torch; a group is those of one execution of it.
            if inner is not self._inner:
                self._group += 1
                self._inner = inner
                if self._module is None and isinstance(module := _first_argument(inner), nn.Module):
                    self.called[id(module)] = module
            group = self._group
        code, lasti = (None, 0) if frame is None else (frame.f_code, frame.f_lasti)
        self.calls.append((func, args, kwargs, result, code, lasti, self._module, group))

    def _move_to(self, frame: FrameType | None) -> None:
        """Goes on in another frame. Its module is looked up once, for that makes Python copy all its variables."""
        running = self._running
        for depth in range(len(running) - 1, -1, -1):
            if running[depth][0] is frame:
                del running[depth + 1 :]
                break
        else:
            running.append((frame, _module(frame)))
            # A frame that has returned is never come back to; so far down, most have.
            del running[:-_REMEMBERED]
        self._frame, self._module = running[-1]


_CALL, _CALL_IMPL = nn.Module._wrapped_call_impl.__code__, nn.Module._call_impl.__code__
# Where one recording runs inside another, the outer one is called from here.
_HANDING_ON = frozenset(("watch_call", "_write"))
_SCOPES: dict[Any, int] = {}


def _kind(func: Any) -> int:
    name = getattr(func, "__name__", "")
    if name == "__get__":
        return _SKIP if getattr(func.__self__, "__name__", "") in _SKIPPED_GETTERS else _PLAIN
    if name == "__set__":
        return _WRITES if getattr(func.__self__, "__name__", "") == "data" else _PLAIN
    if (
        name in _WRITING
        or name in _WRITING_BESIDE
        or (name.endswith("_") and not name.endswith("__") and name not in _HARMLESS)
    ):
        return _WRITES
    return _LISTS if name in _LISTING else _PLAIN


def _targets(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Tensor, ...]:
    """The tensors that a call writes into."""
    switch = _WRITING_BESIDE.get(getattr(func, "__name__", ""))
    found: Any
    if switch is not None:
        beside = (*args[1:], kwargs.get("running_mean"), kwargs.get("running_var"))
        found = beside if kwargs.get(switch) else ()
    elif kwargs.get("out") is not None:
        found = kwargs["out"]
    else:
        found = args[0] if args else next(filter(_tensors, kwargs.values()), ())
    return tuple(filter(_is_tensor, found if isinstance(found, (tuple, list)) else (found,)))


def _whose(name: str | None) -> int:
    """Whose code a module of this name is: the recorder's, torch's (or einops'), or that of the people recording."""
    if name == __name__:
        return _OURS
    return _INNER if str(name).partition(".")[0] in ("torch", "einops") else _THEIRS


def _torch_caller(frame: FrameType) -> FrameType | None:
    """The innermost frame that runs the recorded thing itself, when that is torch's own code."""
    caller: FrameType | None = frame
    while caller is not None and (
        caller.f_globals.get("__name__") in _PASSING_ON or caller.f_code.co_name in _HANDING_ON
    ):
        caller = caller.f_back
    return None if caller is None or _is_ours(caller) else caller


def _module(frame: FrameType | None) -> nn.Module | None:
    """The module whose method is running: the nearest frame whose first argument is a module."""
    while frame is not None and not _is_ours(frame):
        back = frame.f_back
        if back is not None and back.f_code is _CALL_IMPL:
            # Python copies all variables of a frame to show one; Module.__call__ has the fewest.
            frame = back.f_back or back
            if frame.f_code is _CALL:
                return frame.f_locals["self"]
        first = _first_argument(frame)
        if isinstance(first, nn.Module):
            return first
        frame = back
    return None


def _is_ours(frame: FrameType) -> bool:
    return frame.f_globals.get("__name__") == __name__


def _first_argument(frame: FrameType) -> Any:
    code = frame.f_code
    return frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None


def _as_it_is(value: Any) -> Any:
    """A list as it is now; it may hold other things by the time the recording is looked at."""
    return list(value) if value.__class__ is list else value


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor)


def _tensors(result: Any) -> bool:
    return _is_tensor(result) or (isinstance(result, (tuple, list)) and any(map(_is_tensor, result)))
