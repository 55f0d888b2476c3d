"""Recorded calls made again with a number changed, to measure what depends on what.

Only a trace is needed, never the program: a call is found by the name of its operation, and made again on what it read.
Before a changed result is believed, the call is made once unchanged, and must give what was recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from engine.ops.numerics import MOST_NUMBERS
from engine.record.trace import Leaf, Step, Trace
from engine.record.trace_file.call_again import Again, call, function_of


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
        targets = tuple(until)
        needed = _between(changed, targets)
        values: dict[int, Tensor] = {id(parent): value for parent, value in changed.items()}
        results: dict[int, Tensor] = {}
        for step in needed:
            operands = [values.get(id(parent), parent.value) for parent in step.parents]
            values[id(step)] = results[step.index] = self.again(step, operands)
        return results

    def again(self, step: Step, operands: Sequence[Any]) -> Tensor:
        """What a step gives for other operands, one for each of its parents.

        Raises:
            CannotReplayError: the call does not give again what was recorded, or takes no such operands.
        """
        function = self._function(step)
        try:
            return call(function, step, operands)
        except Exception as error:  # torch raises several kinds for operands that do not fit
            raise CannotReplayError(step.full_name) from error

    def _function(self, step: Step) -> Again:
        """The function that gives again what a step recorded."""
        if step not in self._functions:
            if step.value.numel() > MOST_NUMBERS or step.value.is_meta or step.value.layout != torch.strided:
                raise CannotReplayError(step.full_name)
            function = function_of(step)
            if function is None:
                raise CannotReplayError(step.full_name)
            self._functions[step] = function
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
