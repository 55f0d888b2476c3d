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
from engine.record.recording import AxisNames, Call, Execution, Overwrite, Recording
from engine.record.watching.call_frames import (
    CALL_IMPL,
    SCOPES,
    THEIRS,
    first_argument,
    own_module,
    torch_caller,
    whose,
)
from engine.record.watching.call_kinds import (
    BECOMES_LIST,
    DRAWS,
    LEAVES_TORCH,
    LISTS,
    NO_TENSOR,
    PLAIN,
    SKIP,
    WRITES,
    as_it_is,
    kind_of_call,
)
from engine.record.watching.drawing_calls import generator_before
from engine.record.watching.writing_calls import holds_tensor, uncounted_tensors, written_tensors

_ALONE = 0  # group id of a call that stands alone
_KINDS: dict[Any, int] = {}
# The forward of torch's modules that have no others inside, such as Linear; looking at each call's is not needed.
_LEAVES: dict[int, CodeType] = {}


class CallRecorder(TorchFunctionMode):
    """Keeps every call of a thread.

    Args:
        keeps_fast_path: whether modules of torch that have a fused path take it where they would unrecorded.
        base: the frame that the recorded program is called from, None for a block.
        block: the frame whose block is recorded, None for a call.
    """

    def __init__(self, keeps_fast_path: bool, base: FrameType | None = None, block: FrameType | None = None) -> None:
        super().__init__()
        self.keeps_fast_path = keeps_fast_path
        self.calls: list[Call] = []
        self.overwrites: list[Overwrite] = []
        self.generators: dict[int, Tensor] = {}
        self.called: dict[int, nn.Module] = {}
        self.left: list[tuple[int, Tensor]] = []
        self.first_list: int | None = None
        self._base = base
        self._outside = Execution(None, None)
        # The frames that are running and were seen, the outermost first.
        self._running: list[tuple[FrameType, Execution]] = []
        self._frame: FrameType | None = None
        self._execution = self._outside
        self._in_torch = False
        # The outermost frame of torch under the running one, and the one that a call came through.
        self._outer: FrameType | None = None
        self._torch_call = 1
        self._has_children = False
        self._inner: FrameType | None = None
        self._group = _ALONE
        if block is not None:
            self._running.append((block, Execution(block.f_code, own_module(block))))
        # torch asks the mode itself, not its class; a plain function spares every call the binding of a method.
        self.__torch_function__ = self._watcher()  # type: ignore[method-assign]

    @property
    def passes_on(self) -> tuple[CodeType, ...]:
        """The functions through which every recorded call passes; in a traceback they hold the call that raised."""
        return self.__torch_function__.__code__, CallRecorder._write.__code__

    def finish(self, target: Any, args: Sequence[Any], kwargs: Mapping[str, Any], axis_names: AxisNames) -> Recording:
        """What was kept of a recorded program. Lets go of the last frames, and with them of the callers' variables."""
        self._frame = self._outer = self._inner = self._base = None
        self._running.clear()
        del self.__torch_function__
        # Most programs never pack a batch, and need not be searched for it.
        calls = folded(self.calls) if torch._nested_tensor_from_mask in _KINDS else self.calls
        inputs = (*args, *kwargs.values())
        called = tuple(self.called.values())
        roots = (target,) if isinstance(target, nn.Module) else (*called, *filter(_is_module, inputs))
        modules = [part for root in roots for part in parts_of(root)]
        if isinstance(target, nn.Module) and not self.overwrites:
            counts = WriteCounts.of_modules(self.calls, modules, inputs)
        else:
            counts = WriteCounts.of_function(self.calls, inputs)
        return Recording(
            *(calls, self.overwrites, target, args, kwargs, called, modules, axis_names, counts.changed),
            self.generators,
            self.left,
            self.first_list,
        )

    def _watcher(self) -> Callable[..., Any]:
        """What torch calls in the place of every function the recorded program calls.

        It runs once for each of them, so no step here may take longer than it must; what is rare is elsewhere.
        """
        kind_of, keep = _KINDS.get, self.calls.append
        frame: FrameType | None = None
        execution = self._outside

        def watch_call(func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
            nonlocal frame, execution
            kind = kind_of(func)
            if kind is None:
                kind = _KINDS[func] = kind_of_call(func)
            if kwargs:
                if kwargs.get("out") is not None or kwargs.get("inplace"):
                    kind = WRITES
                if kind is LISTS:
                    kwargs = {name: as_it_is(value) for name, value in kwargs.items()}
            if kind is not PLAIN:
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
            if what is Tensor or (what not in NO_TENSOR and holds_tensor(result)):
                caller = _getframe(1)
                if caller is frame and what is Tensor:
                    try:
                        count = result._version
                    except RuntimeError:  # made in inference mode
                        count = 0
                    keep((func, args, kwargs, result, execution, caller.f_lasti, _ALONE, count))
                else:
                    self.keep(func, args, kwargs, result, caller)
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
        """Keeps a call that came by way of torch's own code, or from another frame than the one before it."""
        frame: FrameType | None = caller
        outer = None
        base = self._base
        current = None if self._in_torch else self._frame
        if current is not None and id(caller.f_code) in _LEAVES and self._execution.module is not None:
            # Most come from a layer, such as Linear, that the running frame has just called.
            call_impl = caller.f_back
            wrapped = None if call_impl is None or call_impl.f_code is not CALL_IMPL else call_impl.f_back
            if wrapped is not None and wrapped.f_back is current and wrapped is not self._outer:
                self._outer = self._inner = wrapped
                self._torch_call += 1
                self._has_children = False
                self._group = group = self._group + 1
                self._append(func, args, kwargs, result, current.f_lasti, group)
                return
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
        group = _ALONE
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
        self.calls.append((func, args, kwargs, result, self._execution, lasti, group, count))

    def _look_at(self, outer: FrameType, caller: FrameType) -> None:
        """Looks at the outermost frame of torch that the running line called: a layer, or a module made of others."""
        self._outer = outer
        self._torch_call += 1
        self._has_children = False
        call_impl = caller.f_back
        is_direct = call_impl is not None and call_impl.f_back is outer
        if is_direct and id(caller.f_code) in _LEAVES and self._execution.module is not None:
            return
        module = first_argument(outer)
        if isinstance(module, nn.Module):
            self._has_children = bool(module._modules)
            if is_direct and not self._has_children:
                _LEAVES[id(caller.f_code)] = caller.f_code
            if self._execution.module is None:
                self.called[id(module)] = module

    def _group_of(self, inner: FrameType) -> int:
        """One line can make many calls inside torch; a group is those of one execution of it."""
        if inner is not self._inner:
            self._group += 1
            self._inner = inner
        return self._group

    def _move_into_torch(self, caller: FrameType) -> tuple[FrameType | None, int]:
        """Goes on in torch's own code: inside one of its modules of modules, or where nothing else is running."""
        frame, inner = torch_caller(caller, self._base)
        if frame is None:
            self._frame, self._execution, self._in_torch = None, self._outside, True
            return None, _ALONE
        if frame is not self._frame:
            self._move_to(frame, in_torch=True)
        return frame, _ALONE if inner is None else self._group_of(inner)

    def _move_to(self, frame: FrameType, in_torch: bool) -> None:
        """Goes on in another frame. Its module is looked up once, for that makes Python copy all its variables."""
        running = self._running
        for depth in range(len(running) - 1, -1, -1):
            if running[depth][0] is frame:
                del running[depth + 1 :]
                break
        else:
            self._enter(frame, in_torch)
        self._frame, self._execution = running[-1]
        self._in_torch = in_torch

    def _enter(self, frame: FrameType, in_torch: bool) -> None:
        """Adds a frame to the running ones, and those between it and the nearest of them, its callers."""
        running, base = self._running, self._base
        caller = frame.f_back
        wrapped = None if caller is None or in_torch or caller.f_code is not CALL_IMPL else caller.f_back
        if wrapped is not None:
            # A module that a known frame called, which most new ones are.
            caller = wrapped.f_back
            for known in range(len(running) - 1, -1, -1):
                if running[known][0] is caller:
                    del running[known + 1 :]
                    module = first_argument(wrapped)
                    inside = Execution(frame.f_code, module, 0, running[known][1], running[known][0].f_lasti)
                    running.append((frame, inside))
                    return
        new = [frame]
        caller = frame.f_back
        known = -1
        while caller is not None and caller is not base:
            if caller.f_code is CALL_IMPL and not in_torch:
                caller = caller.f_back and caller.f_back.f_back
                continue
            scope = SCOPES.get(caller.f_globals.get("__name__"))
            is_theirs = (whose(caller) if scope is None else scope) is THEIRS
            if is_theirs or in_torch:
                for known in range(len(running) - 1, -1, -1):
                    if running[known][0] is caller:
                        break
                else:
                    known = -1
                if known >= 0:
                    break
                if is_theirs:
                    new.append(caller)
            caller = caller.f_back
        # What ran above the common caller has returned.
        del running[known + 1 :]
        above: FrameType | None = None
        execution: Execution | None = None
        if running:
            above, execution = running[-1]
        for entered in reversed(new):
            module = own_module(entered)
            if module is None and execution is not None:
                module = execution.module
            torch_call = self._torch_call if in_torch and entered is frame else 0
            lasti = 0 if above is None else above.f_lasti
            inside = Execution(entered.f_code, module, torch_call, execution, lasti)
            running.append((entered, inside))
            above, execution = entered, inside


def _is_module(value: Any) -> TypeGuard[nn.Module]:
    return isinstance(value, nn.Module)
