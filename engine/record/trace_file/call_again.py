"""A recorded call made again from the trace alone: its function is found by the name of its operation.

Before a result is believed, the call is made once as it was, and must give what was recorded.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor

from engine.record.trace import Step

Again = Callable[..., Any]

_LISTS = frozenset(("cat", "concat", "concatenate", "stack", "hstack", "vstack"))
_NAMED: Mapping[str, Again] = {
    "getitem": lambda x, *keys: x[keys[0] if len(keys) == 1 else keys],
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "pow": operator.pow,
}


def function_of(step: Step) -> Again | None:
    """The function that gives again what a step recorded; None where none does, as for random numbers."""
    recorded = [parent.value for parent in step.parents]
    for function in _candidates(step.op):
        # The call as recorded may be none of this candidate; torch raises several kinds then.
        with suppress(Exception):
            if _agree(call(function, step, recorded), step.value):
                return function
    return None


def made_again(step: Step) -> Tensor | None:
    """What the call of a step returns when it is made as it was; None where it cannot be made so.

    Args:
        step: of a trace from a file; it must be readable, and so must what it read.
    """
    function = function_of(step)
    if function is not None:
        return call(function, step, [parent.value for parent in step.parents])
    fused = None if step._open is None else step._open.call()
    if fused is None:
        return None
    # Its parents are all tensors in a row; the call itself may take them in lists, as that of an LSTM does.
    for candidate in _candidates(step.op):
        with suppress(Exception):
            again = _outputs(candidate(*fused.args, **fused.kwargs), step)
            if _agree(again, step.value):
                return again
    return None


def _candidates(op: str) -> Iterable[Again]:
    if op in _NAMED:
        yield _NAMED[op]
        return
    if op == "setitem":
        yield _set_item
        return
    for space in (torch.Tensor, torch, torch.nn.functional):
        function = getattr(space, op, None)
        if callable(function):
            yield function
        elif function is not None and space is torch.Tensor:
            yield lambda x: getattr(x, op)


def _set_item(x: Tensor, *keys_and_value: Any) -> Tensor:
    *keys, value = keys_and_value
    x[keys[0] if len(keys) == 1 else tuple(keys)] = value
    return x


def call(function: Again, step: Step, operands: Sequence[Any]) -> Tensor:
    """What a function returns in the place of a step, for other operands.

    Args:
        function: see ``function_of``.
        step: the recorded call.
        operands: one for each of its parents.

    Returns:
        The tensor, detached from any gradients.

    Raises:
        Whatever the function raises for such operands; IndexError where it returns fewer tensors.
    """
    return _outputs(_called(function, step, operands), step)


def _called(function: Again, step: Step, operands: Sequence[Any]) -> Any:
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for parent, operand in zip(step.parents, operands, strict=True):
        if parent.kind == "argument" and parent.name:
            named[parent.name] = operand
        else:
            positional.append(operand)
    if step.op in _LISTS:
        tensors = [item for item in positional if isinstance(item, Tensor)]
        return function(tensors, *(item for item in positional if not isinstance(item, Tensor)), **named)
    writes = step.memory == "overwritten" or step.op == "setitem"
    if writes and positional and isinstance(positional[0], Tensor):
        positional[0] = positional[0].clone()
    result = function(*positional, **named)
    return positional[0] if result is None else result


def _outputs(result: Any, step: Step) -> Tensor:
    tensors = (result,) if isinstance(result, Tensor) else tuple(item for item in result if isinstance(item, Tensor))
    return tensors[step.output].detach()


def _agree(again: Tensor, recorded: Tensor) -> bool:
    if again.shape != recorded.shape or again.dtype != recorded.dtype:
        return False
    if recorded.is_meta or again.is_meta:
        return recorded.is_meta and again.is_meta
    if recorded.layout != torch.strided:
        again, recorded = again.to_dense(), recorded.to_dense()
    if not recorded.dtype.is_floating_point and not recorded.dtype.is_complex:
        return bool((again == recorded).all())
    return torch.allclose(again, recorded, rtol=1e-3, atol=1e-5, equal_nan=True)
