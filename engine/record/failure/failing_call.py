"""The call that raised, read from the traceback while its frames are still there, and trials of what would work.

The recorder passes every call on, so the call that raised stands in the recorder's own frame of the traceback. Nothing
is kept for this while the program runs.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CodeType, TracebackType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from engine.record.failure.failure import FailedOperand

# Frames of these are nobody's program, but for the engine's models and labs, which are programs like any other.
_LIBRARIES = frozenset(("torch", "einops", "engine"))
# Where recurrent layers of torch look at what they are given.
_RECURRENT_CHECKS = frozenset(("check_input", "check_hidden_size"))
_RECORDED_PARTS = ("engine.model", "engine.labs")


class RaisedAt(NamedTuple):
    """Where an exception was raised.

    Attributes:
        code: the program's own code object that was running, None where only torch was.
        lasti: the offset of its instruction.
        func: what the recorder was passing on; None where no call of torch raised.
        args: its arguments.
        kwargs: its named arguments.
        variables: the variables of the innermost frame of a library that looks at what it was given: einops at a
            pattern, a recurrent layer at sizes.
        module: the module whose method was running, None outside of one.
    """

    code: CodeType | None
    lasti: int
    func: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    variables: Mapping[str, Any]
    module: nn.Module | None


def raised_at(traceback: TracebackType | None, passes_on: frozenset[CodeType]) -> RaisedAt:
    """Where the exception with this traceback was raised.

    Args:
        traceback: the exception's own.
        passes_on: the recorder's functions through which every recorded call passes.
    """
    code: CodeType | None = None
    lasti = 0
    func: Any = None
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    variables: Mapping[str, Any] = {}
    module: nn.Module | None = None
    while traceback is not None:
        frame = traceback.tb_frame
        name = str(frame.f_globals.get("__name__"))
        library = name.partition(".")[0]
        if frame.f_code.co_argcount and frame.f_code.co_varnames[0] == "self":
            first = frame.f_locals.get("self")
            module = first if isinstance(first, nn.Module) else module
        if frame.f_code in passes_on:
            values = frame.f_locals
            func, args, kwargs = values["func"], values["args"], values["kwargs"] or {}
        elif library not in _LIBRARIES or name.startswith(_RECORDED_PARTS):
            code, lasti = frame.f_code, traceback.tb_lasti
            func, args, kwargs, variables = None, (), {}, {}
        elif (isinstance(module, nn.RNNBase) and frame.f_code.co_name in _RECURRENT_CHECKS) or (
            library == "einops" and "pattern" in frame.f_code.co_varnames
        ):
            variables = dict(frame.f_locals)
        traceback = traceback.tb_next
    return RaisedAt(code, lasti, func, args, kwargs, variables, module)


@dataclass(frozen=True, eq=False)
class FailingCall:
    """A call that raised, as the rules of this folder read it.

    Attributes:
        op: the operation's usual name.
        func: what was called.
        args: its positional arguments.
        kwargs: its named arguments.
        operands: its tensors in the order in which they were given, those inside lists one by one.
        expression: the program's text of the call.
        message: what torch said.
    """

    op: str
    func: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    operands: tuple[FailedOperand, ...]
    expression: str
    message: str

    def works(self, changes: Mapping[int, Callable[[Tensor], Tensor]], **kwargs: Any) -> bool:
        """Whether torch takes the same call with these operands changed; computed on the meta device, without numbers.

        Args:
            changes: number of an operand → what is done to it.
            kwargs: named arguments that are given other values.
        """
        try:
            self.shape_with(changes, **kwargs)
        except Exception:
            return False
        return True

    def shape_with(self, changes: Mapping[int, Callable[[Tensor], Tensor]], **kwargs: Any) -> tuple[int, ...]:
        """The shape that the same call has with these operands changed; raises what torch raises."""
        counter = iter(range(len(self.operands)))

        def replaced(value: Any) -> Any:
            if isinstance(value, Tensor):
                number = next(counter)
                return changes.get(number, lambda tensor: tensor)(on_meta(value))
            if type(value) in (tuple, list):
                return type(value)(replaced(item) for item in value)
            return value

        with torch.no_grad():
            arguments = [replaced(value) for value in self.args]
            named = {name: replaced(value) for name, value in self.kwargs.items()} | kwargs
            result = self.func(*arguments, **named)
        return tuple(result.shape) if isinstance(result, Tensor) else ()


def on_meta(tensor: Tensor) -> Tensor:
    """A tensor of the same shape, strides and dtype without numbers."""
    if tensor.layout != torch.strided:
        return torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")


def written_keywords(expression: str) -> dict[str, str]:
    """The program's own text of each named argument of a call."""
    try:
        node = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError:
        return {}
    keywords = node.keywords if isinstance(node, ast.Call) else []
    return {keyword.arg: ast.unparse(keyword.value) for keyword in keywords if keyword.arg}
