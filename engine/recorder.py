"""Watches a call from outside and keeps what passed by.

While the call runs only references are kept; names, text and parents are worked out afterwards, and only when asked
(``engine.resolve``). The mode sees the calls people write (torch.overrides.TorchFunctionMode) on this thread alone and
leaves nothing behind.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from sys import _getframe
from types import FrameType, MappingProxyType
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from engine.config import Config
from engine.resolve import AxisNames, Call, Overwrite, Tape, resolve
from engine.trace import Labels, Trace

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

_PLAIN, _WRITES, _SKIP = 0, 1, 2
_OURS, _INNER, _THEIRS = 0, 1, 2


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
) -> Trace:
    """``record`` with what the caller knows about the result.

    ``axis_names`` says, by pattern of module path, which axis a symbol of a shape comment stands for there;
    ``config`` and ``labels`` go into the trace as they are.
    """
    recorder = _Recorder()
    with recorder:
        output = target(*args, **kwargs)
    recorder.forget_frames()
    inputs = _named_inputs(target, args, kwargs)
    called = tuple(recorder.called.values())
    tape = Tape(tuple(recorder.calls), tuple(recorder.overwrites), inputs, target, called, axis_names)
    return Trace(
        output, MappingProxyType(inputs), config, MappingProxyType(dict(labels)), _resolve=lambda: resolve(tape)
    )


class _Recorder(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.overwrites: list[Overwrite] = []
        self.called: dict[int, nn.Module] = {}
        self._module: nn.Module | None = None
        self._frame: FrameType | None = None
        self._inner: FrameType | None = None
        self._group = 0

    def forget_frames(self) -> None:
        """Lets go of the last frames, and with them of the callers' variables."""
        self._frame = self._inner = None

    # Runs once for every call the recorded program makes: no step here may take longer than it must.
    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kind = _KINDS.get(func)
        if kind is None:
            kind = _KINDS[func] = _kind(func)
        if kind is _WRITES or (kwargs and (kwargs.get("out") is not None or kwargs.get("inplace"))):
            return self._write(func, args, kwargs or {}, _getframe(1))
        result = func(*args, **kwargs) if kwargs else func(*args)
        if kind is not _SKIP and (result.__class__ is Tensor or _tensors(result)):
            self._keep(func, args, kwargs, result, _getframe(1))
        return result

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
        frame: FrameType | None = caller
        inner = None
        if caller is not self._frame:
            whose = _INNER
            while frame is not None:
                whose = _whose(frame.f_globals)
                if whose is _THEIRS or (whose is _OURS and frame.f_code not in _HANDING_ON):
                    break
                inner = frame
                frame = frame.f_back
            if frame is None or whose is _OURS:
                frame, inner = _torch_caller(caller), None
            if frame is not self._frame:
                self._frame = frame
                self._module = _module(frame)
        # One line of somebody's code can make many calls inside torch; a group is those of one execution of it.
        if inner is None or inner is not self._inner:
            self._group += 1
            self._inner = inner
            if inner is not None and self._module is None:
                module = _first_argument(inner)
                if isinstance(module, nn.Module):
                    self.called[id(module)] = module
        # A list may hold other things by the time it is looked at.
        for value in args:
            if value.__class__ is list:
                args = tuple([list(value) if value.__class__ is list else value for value in args])
                break
        if kwargs:
            for value in kwargs.values():
                if value.__class__ is list:
                    kwargs = {name: list(value) if value.__class__ is list else value for name, value in kwargs.items()}
                    break
        if frame is None:
            self.calls.append((func, args, kwargs, result, None, 0, None, self._group))
        else:
            self.calls.append((func, args, kwargs, result, frame.f_code, frame.f_lasti, self._module, self._group))


# Where one recording runs inside another, the outer one is called from here.
_HANDING_ON = (_Recorder.__torch_function__.__code__, _Recorder._write.__code__)
_KINDS: dict[Any, int] = {}
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
    return _PLAIN


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


def _whose(scope: dict[str, Any]) -> int:
    """Whose code runs with these globals: the recorder's, torch's (or einops'), or that of the people recording."""
    name = scope.get("__name__")
    whose = _SCOPES.get(name)
    if whose is None:
        inner = str(name).partition(".")[0] in ("torch", "einops")
        whose = _SCOPES[name] = _OURS if name == __name__ else _INNER if inner else _THEIRS
    return whose


def _torch_caller(frame: FrameType) -> FrameType | None:
    """The innermost frame that runs the recorded thing itself, when that is torch's own code."""
    caller: FrameType | None = frame
    while caller is not None and (caller.f_globals.get("__name__") in _PASSING_ON or caller.f_code in _HANDING_ON):
        caller = caller.f_back
    return None if caller is None or _whose(caller.f_globals) == _OURS else caller


def _module(frame: FrameType | None) -> nn.Module | None:
    """The module whose method is running: the nearest frame whose first argument is a module."""
    while frame is not None and _whose(frame.f_globals) != _OURS:
        first = _first_argument(frame)
        if isinstance(first, nn.Module):
            return first
        frame = frame.f_back
    return None


def _first_argument(frame: FrameType) -> Any:
    code = frame.f_code
    return frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor)


def _tensors(result: Any) -> bool:
    return _is_tensor(result) or (isinstance(result, (tuple, list)) and any(map(_is_tensor, result)))


def _named_inputs(target: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors given, each under the name of the parameter that took it."""
    while isinstance(target, partial):
        target, args, kwargs = target.func, (*target.args, *args), {**target.keywords, **kwargs}
    function = target.forward if isinstance(target, nn.Module) else target
    try:
        arguments: Mapping[str, Any] = inspect.signature(function).bind(*args, **kwargs).arguments
    except (TypeError, ValueError):  # a builtin without a signature
        arguments = {**{f"input{i}": value for i, value in enumerate(args)}, **kwargs}
    named: dict[str, Tensor] = {}
    waiting = [("self", getattr(target, "__self__", None)), *arguments.items()]
    while waiting:
        name, value = waiting.pop(0)
        if isinstance(value, Tensor):
            named[name] = value
        elif isinstance(value, (tuple, list)):
            waiting[:0] = [(f"{name}[{i}]", item) for i, item in enumerate(value)]
        elif isinstance(value, dict):
            waiting[:0] = [(str(key), item) for key, item in value.items()]
    return named
