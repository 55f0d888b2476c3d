"""What must hold of a step, measured on what was recorded: sums of rows, masked cells, means, torch.nn's own result."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from engine.explain.pattern_match import is_mask, normalisation
from engine.explain.torch_reference import MOST_PASSES, TorchReference, coarsest, torch_references
from engine.ops import Call, bind, lookup
from engine.ops.checks import Check, same_numbers
from engine.ops.notation import number
from engine.ops.numerics import measurable, to_float64, tolerance
from engine.record.trace import Step, Trace
from engine.wording import counted

# What was measured, of one thing and of several.
_LOST = (
    "the {what} of {lost} of {count} row is not a number{note}",
    "the {what} of {lost} of {count} rows is not a number{note}",
)
_FURTHEST_ROW = (
    "the furthest of {count} row has {what} {furthest}{note}",
    "the furthest of {count} rows has {what} {furthest}{note}",
)
_ONE_SIDED = (
    "NaN or infinite on one side alone: {lost} of {count} number{note}",
    "NaN or infinite on one side alone: {lost} of {count} numbers{note}",
)
_SAME = ("none of {count} number differs{note}", "none of {count} numbers differs{note}")
_APART = (
    "the furthest of {count} number is {away} away{note}",
    "the furthest of {count} numbers is {away} away{note}",
)


def checks(trace: Trace, step: Step) -> tuple[Check, ...]:
    """Everything known to be true of a step like this, and whether it is; nothing for a step without numbers.

    All of it is computed when asked. Rounding is allowed for by the dtype (``engine.ops.numerics.rounding``).
    """
    call = bind(step)
    if call is None or not measurable(step.value) or any(tensor.unreadable for tensor in (step, *step.inputs)):
        return ()
    try:
        with torch.no_grad():
            return tuple(_measured(trace, step, call))
    except RuntimeError:
        # Shapes that matmul broadcasts and torch.nn does not take, dtypes for which torch lacks an operation.
        return ()


def _measured(trace: Trace, step: Step, call: Call) -> Iterator[Check]:
    operation = lookup(call.op)
    if operation is not None and measurable(*(parent.value for parent in step.inputs)):
        yield from operation.checks(call)
        if call.op in ("div", "mul"):
            yield from _standardised(step)
    if call.op == "triu" and step.shape[-2] == step.shape[-1] and is_mask(trace, step):
        yield _causal(step)
    for reference in torch_references(step):
        yield _equality(step, reference)


def _standardised(step: Step) -> Iterator[Check]:
    pattern = normalisation(step)
    if (
        pattern is None
        or not measurable(pattern.x.value, most=MOST_PASSES)
        or tuple(pattern.x.value.shape) != step.shape
    ):
        return
    x, value, eps = to_float64(pattern.x.value), to_float64(step.value), pattern.eps
    variance = x.var(pattern.axes, correction=0)
    # What rounding moves the mean by is divided by the deviation, like everything else.
    size = x.abs().mean(pattern.axes) / (variance + eps).sqrt()
    count, dtype = math.prod(x.shape[axis] for axis in pattern.axes), coarsest(step, pattern.x)
    mean, spread = value.mean(pattern.axes), value.var(pattern.axes, correction=0)
    expected = variance / (variance + eps)
    yield _of_rows("mean 0", "mean", mean, torch.zeros_like(mean), tolerance(dtype, count, size + 1))
    label = "variance 1" if eps == 0 or bool((expected > 0.99).all()) else "variance v / (v + eps)"
    # A variance is computed in float32 at least, and is the coarser the farther the row lies from 0.
    fine = torch.float64 if dtype == torch.float64 else torch.float32
    allowed = tolerance(dtype, count, torch.full_like(size, 2.0)) + tolerance(fine, count, 2 * size)
    yield _of_rows(label, "variance", spread, expected, allowed, f"; eps = {number(eps)}" if eps else "")


def _of_rows(label: str, what: str, measured: Tensor, expected: Tensor, allowed: Tensor, note: str = "") -> Check:
    """A number of every row that is known beforehand."""
    off = (measured - expected).abs()
    lost = int(off.isnan().sum())
    if lost:
        return Check(label, False, counted(off.numel(), *_LOST, what=what, lost=f"{lost:,}", note=note))
    at = off.argmax()
    furthest = number(measured.flatten()[at].item(), 6)
    holds = bool((off <= allowed).all())
    return Check(label, holds, counted(off.numel(), *_FURTHEST_ROW, what=what, furthest=furthest, note=note))


def _causal(step: Step) -> Check:
    query, key = (torch.arange(size, device=step.device) for size in step.shape[-2:])
    wrong = int((step.value.bool() != (key > query.unsqueeze(1))).sum())
    detail = (
        f"a wrong key hidden or shown in {wrong:,} of {step.value.numel():,} cells"
        if wrong
        else "every later key is hidden"
    )
    return Check("query t sees keys 0..t", not wrong, detail)


def _equality(step: Step, reference: TorchReference) -> Check:
    value, expected = to_float64(step.value), reference.expected
    same = same_numbers(value, expected)
    apart = (value - expected).abs().masked_fill(same, 0.0)
    holds = bool((same | (apart <= reference.tolerance)).all())
    lost = int((~apart.isfinite()).sum())
    detail = counted(
        value.numel(),
        *(_ONE_SIDED if lost else _SAME if same.all() else _APART),
        lost=f"{lost:,}",
        away=number(apart.max().item(), 2) if apart.numel() else "0",
        note=reference.note and f", {reference.note}",
    )
    return Check(f"equals {reference.name}", holds, detail)
