"""Axes that fit only because they are as long as each other."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from engine.findings.finding import Suspicion, rule
from engine.findings.known import Known

_SENTENCE = (
    "Axis {first} and axis {second} of {name} {shape} must be of one size for this program to run: with {other} on "
    "either of them it raises ({error}), with {other} on both it runs. They are two things that are {size} long by "
    "accident."
)
_MOST_AXES = 6

_Axis = tuple[int, int]


@rule(fix="give them different sizes in a test; an axis that fits only by accident is laid on the wrong one")
def sizes_equal_by_accident(known: Known) -> Iterator[Suspicion]:
    """The program on the meta device, with axes of its inputs given other sizes."""
    if known.program is None or known.trace.failure is not None:
        return
    target, args, *rest = known.program
    trial = _Trial(target, args, rest[0] if rest else {})
    if not trial.runs({}):
        return
    for position, tensor in enumerate(trial.tensors):
        for first, second in _pairs(tensor):
            yield from _suspicions(known, trial, position, first, second)


def _pairs(tensor: Tensor) -> Iterator[tuple[int, int]]:
    """The pairs of axes of one size, but not those of a mask of pairs, which must be square."""
    for first, second in itertools.combinations(range(tensor.dim()), 2):
        if tensor.shape[first] != tensor.shape[second] or tensor.shape[first] == 1:
            continue
        is_last = second == tensor.dim() - 1 and first == second - 1
        if is_last and (tensor.dtype == torch.bool or (tensor.dim() == 2 and tensor.is_floating_point())):
            continue
        yield first, second


def _suspicions(known: Known, trial: _Trial, position: int, first: int, second: int) -> Iterator[Suspicion]:
    tensor = trial.tensors[position]
    size = tensor.shape[first]
    other = size + 3
    # Axes of other inputs that are as long may go with either.
    free = [
        (number, axis)
        for number, value in enumerate(trial.tensors)
        for axis in range(value.dim())
        if value.shape[axis] == size and (number, axis) not in ((position, first), (position, second))
    ]
    if len(free) > _MOST_AXES:
        return
    for changed in ((position, first), (position, second)):
        if any(trial.runs(dict.fromkeys([changed, *along], other)) for along in _subsets(free)):
            return
    error = trial.error
    both: Sequence[_Axis] = ((position, first), (position, second))
    if not any(trial.runs(dict.fromkeys([*both, *along], other)) for along in _subsets(free)):
        return
    names = list(known.trace.inputs)
    shown = {
        "first": first, "second": second, "name": names[position] if position < len(names) else "an input",
        "shape": tuple(tensor.shape), "other": other, "size": size, "error": error,
    }  # fmt: skip
    steps = known.trace.steps
    step = next((step for step in steps if any(parent.value is tensor for parent in step.inputs)), None)
    yield Suspicion(step, _SENTENCE.format(**shown), shown)


def _subsets(axes: Sequence[_Axis]) -> Iterator[tuple[_Axis, ...]]:
    for count in range(len(axes) + 1):
        yield from itertools.combinations(axes, count)


class _Trial:
    """A program on the meta device, where only shapes are computed."""

    def __init__(self, target: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self.args, self.kwargs = args, kwargs
        self.error = ""
        self.tensors = [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)]
        try:
            self.target = copy.deepcopy(target).to("meta") if isinstance(target, nn.Module) else target
        except Exception:  # what can't be copied can't be tried
            self.target = _refuse

    def runs(self, sizes: Mapping[_Axis, int]) -> bool:
        """Whether the program runs with these axes of its inputs, by input and axis, given these sizes."""
        inputs = iter(enumerate(self.tensors))

        def resized(value: Any) -> Any:
            if not isinstance(value, Tensor):
                return value
            position, tensor = next(inputs)
            shape = [sizes.get((position, axis), size) for axis, size in enumerate(tensor.shape)]
            return torch.empty(shape, dtype=tensor.dtype, device="meta")

        args = [resized(value) for value in self.args]
        kwargs = {name: resized(value) for name, value in self.kwargs.items()}
        try:
            with torch.device("meta"):
                self.target(*args, **kwargs)
        except Exception as error:  # a program may raise anything
            self.error = str(error).partition("\n")[0]
            return False
        return True


def _refuse(*_: Any, **__: Any) -> None:
    raise NotImplementedError
