"""Recorded calls made again with a number changed, to measure what depends on what.

Only a trace is needed, never the program: a call is found by the name of its operation, and made again on what it read.
Before a changed result is believed, the call is made once unchanged, and must give what was recorded.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from engine.ops.numerics import MOST_NUMBERS
from engine.record.trace import Leaf, Step, Trace

Again = Callable[..., Any]

_LISTS = frozenset(("cat", "concat", "concatenate", "stack", "hstack", "vstack"))
_NAMED: Mapping[str, Again] = {
    "getitem": lambda x, *keys: x[keys[0] if len(keys) == 1 else keys],
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "pow": operator.pow,
}


class CannotReplayError(Exception):
    """A call that cannot be made again, or does not give again what was recorded."""


class CallReplay:
    """Makes the calls of a trace again."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self._functions: dict[Step, Again] = {}

    def after(self, changed: Mapping[Step | Leaf, Tensor], until: Iterable[Step]) -> dict[int, Tensor]:
        """What steps would have been, had some tensors had other numbers.

        Args:
            changed: other numbers for steps or leaves, in the same shape.
            until: the steps that are asked for.

        Returns:
            Step index → its numbers, for every step on the way that depends on a changed one.

        Raises:
            CannotReplayError: a call on the way cannot be made again.
        """
        asked = tuple(until)
        needed = _between(changed, asked)
        made: dict[int, Tensor] = {id(parent): value for parent, value in changed.items()}
        results: dict[int, Tensor] = {}
        for step in needed:
            operands = [made.get(id(parent), parent.value) for parent in step.parents]
            made[id(step)] = results[step.index] = self.again(step, operands)
        return results

    def again(self, step: Step, operands: Sequence[Any]) -> Tensor:
        """What a step gives for other operands, one for each of its parents.

        Raises:
            CannotReplayError: the call does not give again what was recorded, or takes no such operands.
        """
        function = self._function(step)
        try:
            return _outputs(_call(function, step, operands), step)
        except Exception as error:  # torch raises several kinds for operands that do not fit
            raise CannotReplayError(step.full_name) from error

    def _function(self, step: Step) -> Again:
        """The function that gives again what a step recorded."""
        if step not in self._functions:
            if step.value.numel() > MOST_NUMBERS or step.value.is_meta or step.value.layout != torch.strided:
                raise CannotReplayError(step.full_name)
            recorded = [parent.value for parent in step.parents]
            for function in _candidates(step.op):
                try:
                    again = _outputs(_call(function, step, recorded), step)
                except Exception:  # the call as recorded may be none of this candidate
                    continue
                if _agree(again, step.value):
                    self._functions[step] = function
                    break
            else:
                raise CannotReplayError(step.full_name)
        return self._functions[step]


def _between(changed: Iterable[Step | Leaf], until: tuple[Step, ...]) -> list[Step]:
    """The steps that depend on something changed and that ``until`` depends on, in execution order."""
    depends: dict[int, bool] = {id(parent): True for parent in changed}
    order: list[Step] = []
    stack: list[tuple[Step, bool]] = [(step, False) for step in until]
    while stack:
        step, visited = stack.pop()
        if visited:
            depends[id(step)] = any(depends.get(id(parent), False) for parent in step.parents)
            if depends[id(step)]:
                order.append(step)
        elif id(step) not in depends:
            depends[id(step)] = False
            stack.append((step, True))
            stack += [(parent, False) for parent in step.parents if isinstance(parent, Step)]
    return sorted(order, key=lambda step: step.index)


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


def _call(function: Again, step: Step, operands: Sequence[Any]) -> Any:
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
    if step.output >= len(tensors):
        raise CannotReplayError(step.full_name)
    return tensors[step.output].detach()


def _agree(again: Tensor, recorded: Tensor) -> bool:
    if again.shape != recorded.shape or again.dtype != recorded.dtype:
        return False
    if not recorded.dtype.is_floating_point and not recorded.dtype.is_complex:
        return bool((again == recorded).all())
    return torch.allclose(again, recorded, rtol=1e-3, atol=1e-5, equal_nan=True)
