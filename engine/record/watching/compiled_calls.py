"""Calls of what torch.compile has compiled: each is one step, and its inside is the original function.

TorchDynamo looks at the modes that are active: it would compile the recorder along with the program, which it can't
when it is to compile everything (``fullgraph=True``, ``flex_attention``), and what it compiled would compute on other
paths than unrecorded. So recorders leave the stack of modes while compiled code runs. Dynamo sets its callback in the
interpreter just before that and takes it back just after; while a recording runs in any thread, the function that does
so is one that tells the recorders of its own thread.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType, FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import _get_current_function_mode_stack, _pop_mode, _push_mode

from engine.record.recording import tensors_in
from engine.record.watching import fast_path
from engine.record.watching.shared_change import SharedChange
from engine.record.watching.writing_calls import holds_tensor

NAME = "torch_compile"
_DYNAMO = "torch._dynamo.eval_frame"
_WRAPPER = "compile_wrapper"  # the function that torch.compile puts in the place of the one it is given
_WRAPPING = "torch._dynamo.external_utils"
_SETTERS = ("set_eval_frame", "_maybe_set_eval_frame")
_interpreter = torch._C._dynamo.eval_frame
_SET_CALLBACK = _interpreter.set_eval_frame

# By the frame that runs compiled code, all modes of its thread.
_aside: dict[FrameType, list[Any]] = {}


class CompiledCall:
    """The original of what was called, which stands in a recording for the compiled code.

    Args:
        original: the function, or a module's method, that was compiled.
        taken: how many arguments it was given by position; further ones are the parameters it used.
    """

    __name__ = NAME

    def __init__(self, original: Callable[..., Any], taken: int) -> None:
        self.original = original
        self.taken = taken

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return tensors_of(self.original(*args[: self.taken], **kwargs))


def _exchange(old: Callable[..., Any], new: Callable[..., Any]) -> None:
    for module in (_interpreter, sys.modules.get(_DYNAMO)):
        for name in _SETTERS:
            if getattr(module, name, None) is old:
                setattr(module, name, new)


def _set_callback(callback: Any) -> Any:
    """``set_eval_frame``, and before and after compiled code what recorders have to do then."""
    # Dynamo must not look at what follows.
    previous = _SET_CALLBACK(None)
    frame = sys._getframe(1)
    wrapper = frame.f_back if frame.f_code.co_name == _SETTERS[1] else frame
    if wrapper is not None and wrapper.f_code.co_name == _WRAPPER:
        if wrapper in _aside:
            _come_back(wrapper, _aside.pop(wrapper))
        elif any(hasattr(mode, "keeps_fast_path") for mode in _get_current_function_mode_stack()):
            variables = wrapper.f_locals
            if "cleanups" in variables and "call_succeeded" not in variables:
                _stand_aside(wrapper)
    _SET_CALLBACK(callback)
    return previous


# Nor at the function itself, which it would while its callback is still set.
_interpreter.set_code_exec_strategy(
    _set_callback.__code__,
    _interpreter._FrameExecStrategy(_interpreter._FrameAction.SKIP, _interpreter._FrameAction.DEFAULT),
)


def _stand_aside(wrapper: FrameType) -> None:
    modes = _get_current_function_mode_stack()
    _aside[wrapper] = modes
    _replace_modes([mode for mode in modes if not hasattr(mode, "keeps_fast_path")])
    # Dynamo knows torch's own has_torch_function, and no other.
    fast_path.KEPT.end()


def _come_back(wrapper: FrameType, modes: list[Any]) -> None:
    _replace_modes(modes)
    fast_path.KEPT.begin()
    variables = wrapper.f_locals
    if not variables.get("call_succeeded"):
        return
    original = variables["fn"]
    # torch wraps what is no function of the program's own, such as the call of a module.
    if isinstance(original, FunctionType) and original.__globals__["__name__"] == _WRAPPING:
        original = getattr(original, "__wrapped__", original)
    result = tensors_of(variables["result"])
    if not holds_tensor(result):
        return
    args = variables["args"]
    call = (CompiledCall(original, len(args)), (*args, *_parameters_of(original)), variables["kwargs"], result)
    for mode in modes:
        if hasattr(mode, "keeps_fast_path"):
            mode.keep(*call, wrapper)


def _replace_modes(modes: list[Any]) -> None:
    for _ in _get_current_function_mode_stack():
        _pop_mode()
    for mode in modes:
        _push_mode(mode)


def tensors_of(result: Any) -> Any:
    """A result as calls of torch have one: a tensor or a tuple of them."""
    if isinstance(result, Tensor):
        return result
    return tuple(tensors_in(vars(result) if hasattr(result, "__dict__") and not isinstance(result, dict) else result))


def _parameters_of(original: Any) -> tuple[Tensor, ...]:
    module = getattr(original, "__self__", original)
    return (*module.parameters(), *module.buffers()) if isinstance(module, nn.Module) else ()


def _watch() -> None:
    _exchange(_SET_CALLBACK, _set_callback)


def _give_back() -> None:
    # Dynamo may have been imported in the meantime, with the function that was there.
    _exchange(_set_callback, _SET_CALLBACK)


WATCHED = SharedChange(_watch, _give_back)
"""While it stands recorders stand aside for compiled code."""
