"""The mode that keeps the calls of a running program.

While the program runs only references are kept; names, text and parents are worked out afterwards, and only when asked
(``engine.record.build_steps``). The mode sees the calls people write (torch.overrides.TorchFunctionMode) on this
thread alone and leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from sys import _getframe
from types import CodeType, FrameType
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from engine.record.folded_calls import folded
from engine.record.later_writes import WriteCounts, parts_of
from engine.record.recording import AxisNames, Call, Overwrite, Recording
from engine.record.watching.call_frames import CALL_IMPL, SCOPES, THEIRS, whose
from engine.record.watching.call_kinds import (
    BECOMES_LIST,
    DRAWS,
    LEAVES_TORCH,
    LISTS,
    NO_TENSOR,
    SKIP,
    WRITES,
    as_it_is,
    kind_of_call,
)
from engine.record.watching.drawing_calls import generator_before
from engine.record.watching.running_frames import ALONE, LEAVES, RunningFrames
from engine.record.watching.writing_calls import holds_tensor, uncounted_tensors, written_tensors

# A function of torch.nn.functional, such as relu, hands itself on to the mode.
_HANDED_ON, _FUNCTIONAL = torch.overrides.handle_torch_function.__code__, vars(nn.functional)
_KINDS: dict[Any, int] = {}


class CallRecorder(RunningFrames, TorchFunctionMode):
    """Keeps every call of a thread.

    Args:
        keeps_fast_path: whether modules of torch that have a fused path take it where they would unrecorded.
        base: the frame that the recorded program is called from, None for a block.
        block: the frame whose block is recorded, None for a call.
    """

    def __init__(self, keeps_fast_path: bool, base: FrameType | None = None, block: FrameType | None = None) -> None:
        super().__init__()
        self._follow(base, block)
        self.keeps_fast_path = keeps_fast_path
        self.calls: list[Call] = []
        self.overwrites: list[Overwrite] = []
        self.generators: dict[int, Tensor] = {}
        self.left: list[tuple[int, Tensor]] = []
        self.first_list: int | None = None
        self.threads = 0
        self._uncounted: list[Any] = []
        # torch asks the mode itself, not its class; a plain function spares every call the binding of a method.
        self.__torch_function__ = self._watcher()  # type: ignore[method-assign]

    @property
    def passes_on(self) -> tuple[CodeType, ...]:
        """The functions through which every recorded call passes; in a traceback they hold the call that raised."""
        return self.__torch_function__.__code__, CallRecorder._write.__code__

    def finish(self, target: Any, args: Sequence[Any], kwargs: Mapping[str, Any], axis_names: AxisNames) -> Recording:
        """What was kept of a recorded program. Lets go of the last frames, and with them of the callers' variables.

        Args:
            target: the program.
            args, kwargs: what it was called with.
            axis_names: what the general axes of shape comments stand for, by pattern of module path.
        """
        self._let_go()
        del self.__torch_function__
        # Most programs never pack a batch, and need not be searched for it.
        calls = folded(self.calls) if torch._nested_tensor_from_mask in _KINDS else self.calls
        inputs = (*args, *kwargs.values())
        called = tuple(self.called.values())
        roots = (target,) if isinstance(target, nn.Module) else (*called, *filter(_is_module, inputs))
        parts = parts_of(roots)
        if isinstance(target, nn.Module) and not self.overwrites:
            counts = WriteCounts.of_modules(self.calls, parts, inputs, self._uncounted)
        else:
            counts = WriteCounts.of_function(self.calls, inputs)
        return Recording(
            *(calls, self.overwrites, target, args, kwargs, called, parts.modules, axis_names, counts.changed),
            self.generators,
            self.left,
            self.first_list,
            self.threads,
        )

    def _watcher(self) -> Callable[..., Any]:
        """What torch calls in the place of every function the recorded program calls.

        It runs once for each of them, so no step here may take longer than it must; what is rare is elsewhere.
        """
        kinds, keep = _KINDS, self.calls.append
        frame: FrameType | None = None
        execution = self._outside

        def watch_call(func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
            nonlocal frame, execution
            try:
                kind = kinds[func]
            except KeyError:
                kind = kinds[func] = kind_of_call(func)
            if kwargs:
                if kwargs.get("out") is not None or kwargs.get("inplace"):
                    kind = WRITES
                if kind is LISTS:
                    kwargs = {name: as_it_is(value) for name, value in kwargs.items()}
            if kind:  # is not PLAIN
                if kind is WRITES:
                    return self._write(func, args, kwargs or {}, _getframe(1))
                if kind is SKIP:
                    return func(*args)
                if kind is LEAVES_TORCH:
                    self.left.append((len(self.calls), args[0]))
                elif kind is BECOMES_LIST and self.first_list is None:
                    self.first_list = len(self.calls)
                args = tuple(map(as_it_is, args))
                if kind is DRAWS:
                    state = generator_before(func, args, kwargs or {})
                    if state is not None:
                        self.generators[len(self.calls)] = state
            result = func(*args, **kwargs) if kwargs else func(*args)
            what = type(result)
            if what is Tensor:
                caller = _getframe(1)
                if caller is frame:
                    try:
                        count = result._version
                    except RuntimeError:  # made in inference mode
                        count = 0
                    keep((func, args, kwargs, result, execution, caller.f_lasti, ALONE, count))
                    return result
            elif what in NO_TENSOR or not holds_tensor(result):
                return result
            self.keep(func, args, kwargs, result, _getframe(1))
            frame, execution = self._frame, self._execution
            return result

        # torch refuses what does not belong to the mode, as a class method would not.
        watch_call.__self__ = self  # type: ignore[attr-defined]
        return watch_call

    def _write(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], caller: FrameType) -> Any:
        changed = written_tensors(func, args, kwargs)
        kept = len(self.overwrites)
        for tensor in changed:
            self.overwrites.append(Overwrite.before(len(self.calls), tensor))
        for tensor in uncounted_tensors(func, args, kwargs):
            self.overwrites.append(Overwrite.before(len(self.calls), tensor, writes=False))
        try:
            result = func(*args, **kwargs)
        except BaseException:  # the recorded program may catch it and go on
            del self.overwrites[kept:]
            raise
        if holds_tensor(result):
            self.keep(func, args, kwargs, result, caller)
        elif changed:  # x[i] = y returns nothing; what it made is the x of afterwards
            self.keep(func, args, kwargs, changed, caller)
        return result

    def keep(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None, result: Any, caller: FrameType
    ) -> None:
        """Keeps a call that came by way of torch's own code, or from another frame than the one before it.

        Args:
            func: the function of torch that was called.
            args, kwargs: what it was called with.
            result: what it returned.
            caller: the frame that called it.
        """
        frame: FrameType | None = caller
        outer = None
        if id(caller.f_code) in LEAVES and (call_impl := caller.f_back) is not None and call_impl.f_code is CALL_IMPL:
            outer = call_impl.f_back
            frame = outer and outer.f_back
        elif caller.f_code is _HANDED_ON and (function := caller.f_back) and function.f_globals is _FUNCTIONAL:
            outer, frame = function, function.f_back
        # Most come from a function of the program itself, or from a layer, such as Linear, that it has just called.
        is_new = frame is not None and (outer is None or outer is not self._outer)
        if (
            frame is None
            or not is_new
            or not ((frame is self._frame and not self._in_torch) or self._is_at(frame))
            or (outer and self._execution.module is None)
        ):
            self._keep_through_torch(func, args, kwargs, result, caller)
            return
        group = ALONE
        if outer is not None:
            self._outer = self._inner = outer
            self._torch_call += 1
            self._has_children = False
            self._group = group = self._group + 1
        if type(result) is not Tensor:
            self._append(func, args, kwargs, result, frame.f_lasti, group)
            return
        try:
            count = result._version
        except RuntimeError:  # made in inference mode
            count = 0
        self.calls.append((func, args, kwargs, result, self._execution, frame.f_lasti, group, count))

    def _keep_through_torch(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None, result: Any, caller: FrameType
    ) -> None:
        """Keeps a call that may have come by way of any code of torch."""
        frame: FrameType | None = caller
        outer = None
        base = self._base
        current = None if self._in_torch else self._frame
        while frame is not None and frame is not current and frame is not base:
            scope = SCOPES.get(frame.f_globals.get("__name__"))
            if (whose(frame) if scope is None else scope) is THEIRS:
                break
            outer = frame
            frame = frame.f_back
            if frame is not None and frame.f_code is CALL_IMPL:
                # Module.__call__ is two frames of torch; most inner calls come through it.
                outer = frame.f_back
                frame = outer and outer.f_back
        group = ALONE
        if frame is None or frame is base or (outer is not None and outer is self._outer and self._has_children):
            frame, group = self._move_into_torch(caller)
        else:
            if frame is not current:
                self._move_to(frame, in_torch=False)
            if outer is not None:
                if outer is not self._outer:
                    self._look_at(outer, caller)
                if self._has_children:
                    frame, group = self._move_into_torch(caller)
                elif outer is self._inner:
                    group = self._group
                else:
                    self._inner = outer
                    self._group = group = self._group + 1
        self._append(func, args, kwargs, result, 0 if frame is None else frame.f_lasti, group)

    def _append(
        self,
        func: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any] | None,
        result: Any,
        lasti: int,
        group: int,
    ) -> None:
        count = None
        if type(result) is Tensor:
            try:
                count = result._version
            except RuntimeError:  # made in inference mode
                count = 0
        else:
            self._uncounted.append(result)
        self.calls.append((func, args, kwargs, result, self._execution, lasti, group, count))


def _is_module(value: Any) -> TypeGuard[nn.Module]:
    return isinstance(value, nn.Module)
