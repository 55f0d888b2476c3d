"""Numbers of the program that are infinite in the dtype at hand, and results that are."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from engine.findings.finding import Suspicion, rule
from engine.findings.known import Known
from engine.ops import canonical_name
from engine.ops.numerics import measurable, readable
from engine.record.trace import Step

_FILL = (
    "{number:g} is more than {dtype} holds (±{most:g}): {count} numbers of {name} are infinite. Where such a number is "
    "added twice or times 0, it becomes NaN."
)
_FIX_FILL = "torch.finfo(x.dtype).min, or float('-inf') in masked_fill"
_RESULT = "{count} numbers of {name} are infinite, and everything that it read is finite: more than {dtype} holds."
_FIX_RESULT = "compute this step in float32, or keep its inputs smaller"
# Where an infinity comes of arithmetic on finite numbers; a logarithm of 0 is often meant.
_ARITHMETIC = frozenset(
    ("matmul", "bmm", "linear", "addmm", "baddbmm", "exp", "pow", "mul", "div", "square", "sum", "reciprocal", "add")
)


@rule()
def number_too_large_for_the_dtype(known: Known) -> Iterator[Suspicion]:
    """−1e9 in float16."""
    for step in known.trace.steps:
        if not step.dtype.is_floating_point or not measurable(step.value):
            continue
        most = torch.finfo(step.dtype).max
        for leaf in step.arguments:
            if not isinstance(leaf.value, float | int) or not most < abs(leaf.value) < math.inf:
                continue
            count = int(readable(step.value).isinf().sum())
            if count and not isinstance(leaf.value, bool):
                dtype = str(step.dtype).removeprefix("torch.")
                shown = {"number": float(leaf.value), "dtype": dtype, "most": most, "count": count, "name": step.name}
                yield Suspicion(step, _FILL.format(**shown), shown, _FIX_FILL)


@rule()
def infinite_result(known: Known) -> Iterator[Suspicion]:
    """The first infinity that arithmetic on finite numbers makes."""
    for step in known.trace.steps:
        if canonical_name(step.op) not in _ARITHMETIC or known.is_finite(step) or not step.inputs:
            continue
        count = _infinite(step)
        unknown = any(not measurable(parent.value) or not known.is_finite(parent) for parent in step.inputs)
        if not count or unknown:
            continue
        if any(isinstance(leaf.value, float | int) and abs(leaf.value) > _most(step) for leaf in step.arguments):
            continue  # the number of the program is to blame
        dtype = str(step.dtype).removeprefix("torch.")
        shown = {"count": count, "name": step.name, "dtype": dtype}
        yield Suspicion(step, _RESULT.format(**shown), shown, _FIX_RESULT)
        return


def _infinite(step: Step) -> int:
    """How many infinities; masks added up give −inf on purpose."""
    if not step.dtype.is_floating_point:
        return 0
    value = readable(step.value.detach())
    return int((value.isposinf() if canonical_name(step.op) == "add" else value.isinf()).sum())


def _most(step: Step) -> float:
    return torch.finfo(step.dtype).max if step.dtype.is_floating_point else math.inf
