"""Whose code a frame of the interpreter runs, and which module's method it is."""

from __future__ import annotations

from types import FrameType
from typing import Any

from torch import nn

TORCH, THEIRS = 0, 1  # code of torch (or einops, or the recorder), and that of the people recording

_RECORDER = (
    *("engine.record.recorder", "engine.record.watching.call_recorder"),
    *("engine.record.watching.executed_text", "engine.record.watching.running_frames"),
)
_LIBRARIES = ("torch", "einops")
# Layers of torch that only pass a call on; where nothing but torch is running, the frame beneath them is the caller.
_PASSING_ON = frozenset(
    (*_RECORDER, "torch.overrides", "torch.nn.functional", "torch._tensor", "torch.functional", "torch._VF")
)
_CALL, CALL_IMPL = nn.Module._wrapped_call_impl.__code__, nn.Module._call_impl.__code__
# By name of a module, what ``whose`` found; looked up without a call where it counts.
SCOPES: dict[Any, int] = {}


def whose(frame: FrameType) -> int:
    """``TORCH`` or ``THEIRS``."""
    name = frame.f_globals.get("__name__")
    scope = SCOPES.get(name)
    if scope is None:
        is_library = name in _RECORDER or str(name).partition(".")[0] in _LIBRARIES
        scope = SCOPES[name] = TORCH if is_library else THEIRS
    return scope


def torch_caller(frame: FrameType, base: FrameType | None) -> tuple[FrameType | None, FrameType | None]:
    """The innermost frame of torch that does not only pass a call on, and the frame that it called on the way.

    Args:
        frame: where the call was made.
        base: where the recording began; None is returned for a call that was made with nothing between.
    """
    caller: FrameType | None = frame
    called = None
    while caller is not None and caller is not base and caller.f_globals.get("__name__") in _PASSING_ON:
        called, caller = caller, caller.f_back
    return (None if caller is base else caller), called


def own_module(frame: FrameType) -> nn.Module | None:
    """The module whose method a frame runs, None for a function of its own."""
    back = frame.f_back
    if back is not None and back.f_code is CALL_IMPL:
        # Python copies all variables of a frame to show one; Module.__call__ has the fewest.
        frame = back.f_back or back
    module = first_argument(frame)
    return module if isinstance(module, nn.Module) else None


def first_argument(frame: FrameType) -> Any:
    """The first argument of the function that a frame runs, None for one without."""
    code = frame.f_code
    return frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
