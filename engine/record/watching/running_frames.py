"""The functions of the recorded program that are running, and which modules they belong to.

Followed from call to call: a call is made by a frame that is known already, or by one that known frames have called.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType, FrameType

from torch import nn

from engine.record.recording import Execution
from engine.record.watching.call_frames import (
    CALL_IMPL,
    SCOPES,
    THEIRS,
    first_argument,
    own_module,
    torch_caller,
    whose,
)

ALONE = 0  # group id of a call that stands alone
# The forward of torch's modules that have no others inside, such as Linear; looking at each call's is not needed.
LEAVES: dict[int, CodeType] = {}
_tuple: Callable[..., Execution] = tuple.__new__  # in half the time of the class's own


class RunningFrames:
    """Where a recorded program is.

    Attributes:
        called: by id the modules that were called by code of no module.
    """

    def _follow(self, base: FrameType | None, block: FrameType | None) -> None:
        """Begins: ``base`` is the frame that the program is called from, ``block`` the one whose block it is."""
        self.called: dict[int, nn.Module] = {}
        self._base = base
        self._outside = Execution(None, None)
        # The frames that are running and were seen, the outermost first.
        self._running: dict[FrameType, Execution] = {}
        self._frame: FrameType | None = None
        self._execution = self._outside
        self._in_torch = False
        # The outermost frame of torch under the running one, and the one that a call came through.
        self._outer: FrameType | None = None
        self._torch_call = 1
        self._has_children = False
        self._inner: FrameType | None = None
        self._group = ALONE
        if block is not None:
            self._running[block] = Execution(block.f_code, own_module(block))

    def _let_go(self) -> None:
        """Lets go of the last frames, and with them of the callers' variables."""
        self._frame = self._outer = self._inner = self._base = None
        self._running.clear()

    def _is_at(self, frame: FrameType) -> bool:
        """Goes to a frame of the program that is running already, or that one of these has called as a module."""
        if self._in_torch or frame is self._base:
            return False
        running = self._running
        if frame in running:
            self._return_to(frame)
            return True
        new: list[tuple[FrameType, FrameType | None]] = []
        entered: FrameType | None = frame
        while entered not in running:
            if entered is None or SCOPES.get(entered.f_globals.get("__name__")) is not THEIRS:
                return False
            caller = entered.f_back
            if caller is not None and caller.f_code is CALL_IMPL:
                caller = caller.f_back
                new.append((entered, caller))
                caller = caller and caller.f_back
            else:
                new.append((entered, None))
            entered = caller
        self._return_to(entered)
        above, execution = entered, self._execution
        for entered, wrapped in reversed(new):
            module = first_argument(entered) if wrapped is None else wrapped.f_locals.get("self")
            if not isinstance(module, nn.Module):
                module = execution.module
            inside = (entered.f_code, module, 0, execution, above.f_lasti)
            running[entered] = execution = _tuple(Execution, inside)
            above = entered
        self._frame, self._execution = above, execution
        return True

    def _return_to(self, frame: FrameType) -> None:
        """Goes on in a frame that was seen; what was entered after it has returned."""
        running = self._running
        last, execution = running.popitem()
        while last is not frame:
            last, execution = running.popitem()
        running[frame] = execution
        self._frame, self._execution = frame, execution

    def _look_at(self, outer: FrameType, caller: FrameType) -> None:
        """Looks at the outermost frame of torch that the running line called: a layer, or a module made of others."""
        self._outer = outer
        self._torch_call += 1
        self._has_children = False
        call_impl = caller.f_back
        is_direct = call_impl is not None and call_impl.f_back is outer
        if is_direct and id(caller.f_code) in LEAVES and self._execution.module is not None:
            return
        module = first_argument(outer)
        if isinstance(module, nn.Module):
            self._has_children = bool(module._modules)
            if is_direct and not self._has_children:
                LEAVES[id(caller.f_code)] = caller.f_code
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
            return None, ALONE
        if frame is not self._frame:
            self._move_to(frame, in_torch=True)
        return frame, ALONE if inner is None else self._group_of(inner)

    def _move_to(self, frame: FrameType, in_torch: bool) -> None:
        """Goes on in another frame. Its module is looked up once, for that makes Python copy all its variables."""
        if frame in self._running:
            self._return_to(frame)
        else:
            self._enter(frame, in_torch)
        self._in_torch = in_torch

    def _enter(self, frame: FrameType, in_torch: bool) -> None:
        """Adds a frame to the running ones, and those between it and the nearest of them, its callers."""
        running, base = self._running, self._base
        new = [frame]
        caller = frame.f_back
        above: FrameType | None = None
        while caller is not None and caller is not base:
            if caller.f_code is CALL_IMPL and not in_torch:
                caller = caller.f_back and caller.f_back.f_back
                continue
            scope = SCOPES.get(caller.f_globals.get("__name__"))
            is_theirs = (whose(caller) if scope is None else scope) is THEIRS
            if is_theirs or in_torch:
                if caller in running:
                    above = caller
                    break
                if is_theirs:
                    new.append(caller)
            caller = caller.f_back
        execution: Execution | None = None
        if above is None:  # nothing that was seen is running any more
            running.clear()
        else:
            self._return_to(above)
            execution = self._execution
        for entered in reversed(new):
            module = own_module(entered)
            if module is None and execution is not None:
                module = execution.module
            torch_call = self._torch_call if in_torch and entered is frame else 0
            lasti = 0 if above is None else above.f_lasti
            running[entered] = execution = Execution(entered.f_code, module, torch_call, execution, lasti)
            above = entered
        self._frame, self._execution = frame, running[frame]
