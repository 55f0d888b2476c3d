"""What must hold of a step, measured on what was recorded: sums of rows, masked cells, means, torch.nn's own result."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.against_torch import MOST_PASSES, Comparison, coarsest, comparisons, measurable, slack, wide
from engine.arguments import RESHAPING, Call, bind
from engine.cells import Affine, Flat, Follow
from engine.formula import number
from engine.index_map import reads_of
from engine.patterns import is_mask, normalisation
from engine.trace import Step, Trace


@dataclass(frozen=True)
class Check:
    """``says`` what should hold in a few words, ``detail`` what was measured in a sentence."""

    says: str
    holds: bool
    detail: str


def checks(trace: Trace, step: Step) -> tuple[Check, ...]:
    """Everything known to be true of a step like this, and whether it is; nothing for a step without numbers.

    All of it is computed when asked. Rounding is allowed for by the dtype (``engine.explain.rounding``).
    """
    call = bind(step)
    if call is None or not measurable(step.value):
        return ()
    try:
        with torch.no_grad():
            return tuple(_found(trace, call))
    except RuntimeError:
        # Shapes that matmul broadcasts and torch.nn does not take, dtypes for which torch lacks an operation.
        return ()


def _found(trace: Trace, call: Call) -> Iterator[Check]:
    step = call.step
    if measurable(*(parent.value for parent in step.inputs)):
        for rule in _RULES.get(call.op, ()):
            yield from rule(call)
    if call.op == "triu" and step.shape[-2] == step.shape[-1] and is_mask(trace, step):
        yield _causal(step)
    for comparison in comparisons(step):
        yield _equality(step, comparison)


def _sums(call: Call) -> Iterator[Check]:
    dim = call.value("dim")
    if not isinstance(dim, int):
        return
    value, scores = wide(call.step.value), wide(call.given["input"].value)
    logarithms = call.op == "log_softmax"
    shares = value.exp() if logarithms else value
    sums, count = shares.sum(dim), value.shape[dim] if value.dim() else 1
    # The logarithm of a small share is rounded more coarsely than the share.
    depth = (shares * -value).nan_to_num(0.0).sum(dim) if logarithms else torch.zeros_like(sums)
    allowed = slack(call.step.dtype, count, 1 + depth)
    # Counted from the last axis, whichever way the call counted.
    row = {1: "row", 2: "column"}.get(-dim if dim < 0 else max(1, value.dim()) - dim, "line")
    says = f"exponentials of {row}s sum to 1" if logarithms else f"{row}s sum to 1"
    off, rows = sums - 1, _counted(sums.numel(), row)
    lost = int(sums.isnan().sum())
    if lost:
        hidden = int(scores.isneginf().all(dim).sum())
        because = ", because every score there is −∞" if hidden == lost else ""
        yield Check(says, False, f"the sum of {lost:,} of {rows} is NaN{because}")
        return
    furthest = off.flatten()[off.abs().argmax()].item()
    sign = "−" if furthest < 0 else "+"
    measured = f"1 {sign} {number(abs(furthest), 2)}" if furthest else "exactly 1"
    yield Check(says, bool((off.abs() <= allowed).all()), f"the furthest of {rows} sums to {measured}")


def _nothing_masked(call: Call) -> Iterator[Check]:
    """softmax gives nothing to what the mask hides, or, where no mask is read, to what is −∞."""
    scores, value = call.given["input"], wide(call.step.value)
    above = bind(scores) if isinstance(scores, Step) else None
    if above is not None and above.op == "masked_fill" and measurable(above.value("mask")):
        hidden = above.value("mask").detach().cpu().bool().expand(value.shape)
    else:
        hidden = wide(scores.value).isneginf()
    found = (value.exp() if call.op == "log_softmax" else value)[hidden]
    count = found.numel()
    if count:
        wrong = int((found != 0).sum())
        largest = number(found.max().item())
        detail = f"{wrong:,} of {count:,} not 0, the largest {largest}" if wrong else "each of them is exactly 0"
        yield Check(f"{_counted(count, 'masked cell')} {'is' if count == 1 else 'are'} 0", not wrong, detail)


def _filled(call: Call) -> Iterator[Check]:
    value, before = call.step.value, call.given["input"].value
    hidden = call.value("mask").bool().expand(value.shape)
    fill = torch.as_tensor(call.value("value"), dtype=value.dtype, device=value.device)
    count, others = int(hidden.sum()), int((~hidden).sum())
    if count:
        wrong = int((~_same(value[hidden], fill)).sum())
        says = f"{_counted(count, 'masked cell')} {'is' if count == 1 else 'are'} {number(fill.item())}"
        detail = f"{wrong:,} of {count:,} with another value" if wrong else "each of them has this value"
        yield Check(says, not wrong, detail)
    if others:
        wrong = int((~_same(value, before.expand(value.shape)))[~hidden].sum())
        detail = f"{wrong:,} of {others:,} changed" if wrong else "each of them is what it was before"
        yield Check(f"{_counted(others, 'other')} unchanged", not wrong, detail)


def _rearranged(call: Call) -> Iterator[Check]:
    """Nothing is lost, added or changed by a step that only moves numbers or regroups them."""
    read = dict(zip(call.tensors, reads_of(call) or (), strict=False)).get("input")
    value, before = call.step.value, call.given["input"].value
    if isinstance(read, Flat):
        expected = before.reshape(-1)
    elif isinstance(read, Affine):
        # Axes in the order in which the output follows them; one that it leaves out has a single entry.
        place = {axis: spec.out for axis, spec in enumerate(read.axes) if isinstance(spec, Follow)}
        expected = before.permute(sorted(range(before.dim()), key=lambda axis: place.get(axis, -1))).reshape(-1)
    else:
        return
    count, left = expected.numel(), value.numel()
    wrong = count if count != left else int((~_same(value.reshape(-1), expected)).sum())
    if count != left:
        detail = f"{count:,} before, {left:,} after"
    elif wrong:
        detail = f"{wrong:,} of {count:,} not the number that belongs there"
    else:
        detail = "each of them unchanged, and in its place"
    yield Check(f"{_counted(count, 'number')} before and after", not wrong, detail)


def _standardised(call: Call) -> Iterator[Check]:
    found = normalisation(call.step)
    if (
        found is None
        or not measurable(found.x.value, most=MOST_PASSES)
        or tuple(found.x.value.shape) != call.step.shape
    ):
        return
    x, value, eps = wide(found.x.value), wide(call.step.value), found.eps
    variance = x.var(found.axes, correction=0)
    # What rounding moves the mean by is divided by the deviation, like everything else.
    size = x.abs().mean(found.axes) / (variance + eps).sqrt()
    count, dtype = math.prod(x.shape[axis] for axis in found.axes), coarsest(call.step, found.x)
    mean, spread = value.mean(found.axes), value.var(found.axes, correction=0)
    expected = variance / (variance + eps)
    yield _of_rows("mean 0", "mean", mean, torch.zeros_like(mean), slack(dtype, count, size + 1))
    says = "variance 1" if eps == 0 or bool((expected > 0.99).all()) else "variance v / (v + eps)"
    # A variance is computed in float32 at least, and is the coarser the farther the row lies from 0.
    fine = torch.float64 if dtype == torch.float64 else torch.float32
    allowed = slack(dtype, count, torch.full_like(size, 2.0)) + slack(fine, count, 2 * size)
    yield _of_rows(says, "variance", spread, expected, allowed, f"; eps = {number(eps)}" if eps else "")


def _of_rows(says: str, what: str, measured: Tensor, expected: Tensor, allowed: Tensor, note: str = "") -> Check:
    """A number of every row that is known beforehand."""
    off = (measured - expected).abs()
    lost = int(off.isnan().sum())
    if lost:
        return Check(says, False, f"the {what} of {lost:,} of {_counted(off.numel(), 'row')} is not a number{note}")
    at = off.argmax()
    furthest = number(measured.flatten()[at].item(), 6)
    holds = bool((off <= allowed).all())
    return Check(says, holds, f"the furthest of {_counted(off.numel(), 'row')} has {what} {furthest}{note}")


def _causal(step: Step) -> Check:
    query, key = (torch.arange(size, device=step.device) for size in step.shape[-2:])
    wrong = int((step.value.bool() != (key > query.unsqueeze(1))).sum())
    detail = (
        f"a wrong key hidden or shown in {wrong:,} of {step.value.numel():,} cells"
        if wrong
        else "every later key is hidden"
    )
    return Check("query t sees keys 0..t", not wrong, detail)


def _equality(step: Step, comparison: Comparison) -> Check:
    value, expected = wide(step.value), comparison.expected
    same = _same(value, expected)
    apart = (value - expected).abs().masked_fill(same, 0.0)
    holds = bool((same | (apart <= comparison.slack)).all())
    numbers, note = _counted(value.numel(), "number"), comparison.note and f", {comparison.note}"
    lost = int((~apart.isfinite()).sum())
    if lost:
        detail = f"NaN or infinite on one side alone: {lost:,} of {numbers}{note}"
    elif same.all():
        detail = f"none of {numbers} differs{note}"
    else:
        detail = f"the furthest of {numbers} is {number(apart.max().item(), 2)} away{note}"
    return Check(f"equals {comparison.name}", holds, detail)


def _same(value: Tensor, other: Tensor) -> Tensor:
    """Where two tensors hold the same number; a NaN is the same as a NaN."""
    return (value == other) | ((value != value) & (other != other))


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


_RULES: Mapping[str, Sequence[Callable[[Call], Iterator[Check]]]] = {
    **dict.fromkeys(RESHAPING, (_rearranged,)),
    **dict.fromkeys(("permute", "transpose", "t", "T", "mT", "unsqueeze", "squeeze"), (_rearranged,)),
    **dict.fromkeys(("contiguous", "clone"), (_rearranged,)),
    **dict.fromkeys(("softmax", "log_softmax"), (_sums, _nothing_masked)),
    **dict.fromkeys(("div", "mul"), (_standardised,)),
    "masked_fill": (_filled,),
}
