"""One element of a trace -> the terms that made it."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch

from engine.arithmetic import make
from engine.formula import element, number, pointed
from engine.point import Made
from engine.printed import equation
from engine.terms import Group, Largest, Term, largest
from engine.trace import Step, Trace

# Operations whose operands Python may hand over the other way round: 2 - x calls x.__rsub__(2).
_ONE_WAY = frozenset(("sub", "div", "pow", "floordiv", "mod"))
_ROUNDED = (
    " Rounded to {dtype}, as every step is, these numbers come to {exact}: the same as what was recorded within that "
    "rounding."
)
_HALF = frozenset((torch.bfloat16, torch.float16))


@dataclass(frozen=True, eq=False)
class Explanation:
    """How one element came about.

    Attributes:
        value: the recorded number.
        recomputed: the same number computed again from the terms, in float64 and then rounded to the dtype; None
            for an operation that is not known here.
        tolerance: how far apart the two may be (see ``rounding``).
        sentence: what happened, in words.
        formula: the operation with the indices of this element, ``scores[0,1,2,3] = Σ_d query[0,1,2,d] · …``.
        arithmetic: the same with its numbers, ``= 0.31·0.12 + … = 0.42``. The digits shown add up to the result as it
            is shown; where they do not, such as after a rounding to bfloat16, ≈ stands before it. Both are empty for
            an unknown operation.
        exact: what ``recomputed`` was before it was rounded to the dtype.
    """

    step: Step
    index: tuple[int, ...]
    value: float
    recomputed: float | None
    tolerance: float
    sentence: str
    formula: str
    arithmetic: str
    _groups: tuple[Group, ...] = field(repr=False)
    exact: float | None = None

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """Every term, in the order of the index."""
        return tuple(term for group in self._groups for term in group.terms())

    @property
    def count(self) -> int:
        """How many terms there are, without making them."""
        return sum(map(len, self._groups))

    @property
    def counts(self) -> Mapping[str, int]:
        """How many terms there are of each role: products, a bias."""
        counts: dict[str, int] = {}
        for group in self._groups:
            counts[group.role] = counts.get(group.role, 0) + len(group)
        return counts

    def largest(self, n: int) -> Largest:
        """The n terms that contribute most by magnitude, largest first, and what the others add up to."""
        return largest(self._groups, n)

    @property
    def agrees(self) -> bool | None:
        """Whether the terms give the recorded number, NaN and infinities exactly; None where none were known."""
        return None if self.recomputed is None else _agree(self.value, self.recomputed, self.tolerance)


def explain(trace: Trace, step: Step, index: Sequence[int]) -> Explanation:
    """How the element of ``step`` at ``index`` was made; () is the index of a tensor without axes.

    Raises:
        IndexError: there is no such element; says which is the nearest.
        ValueError: the trace was recorded without numbers (on the meta device).
    """
    if step.value.is_meta:
        raise ValueError(f"only a number can be explained: {step.name} is on the meta device; run it on another")
    place = _checked(step, index)
    with torch.no_grad():
        value = step.value[place].item()
        here = _explanation(trace, step, place, value, make(trace, step, place))
        if here.agrees is False and step.op in _ONE_WAY:
            there = _explanation(trace, step, place, value, make(trace, step, place, turned=True))
            here = there if there.agrees else here
    return here


def rounding(dtype: torch.dtype, terms: int, magnitude: float) -> float:
    """How far a number of this dtype may be from its exact value, after so many terms of this total magnitude.

    (4 ε + terms · ε') · Σ|contribution|: four roundings to the dtype, and one to the accumulator for every term. The
    accumulator is float32 for the half precisions and the dtype itself for the others. Below the smallest normal
    numbers nothing is relative any more, so those are added. Whole numbers and truth values are exact.
    """
    if not dtype.is_floating_point:
        return 0.0
    own = torch.finfo(dtype)
    accumulator = torch.finfo(torch.float32) if own.bits < 32 else own
    relative = 4 * own.eps + terms * accumulator.eps
    return relative * magnitude + accumulator.tiny + own.tiny * own.eps


def _explanation(trace: Trace, step: Step, index: tuple[int, ...], value: float, made: Made | None) -> Explanation:
    here = pointed(trace, step, index)
    if made is None:
        names = " and ".join(dict.fromkeys(parent.name for parent in step.inputs)) or "no tensor"
        said = f"{here} was made by {step.op} from {names}; the arithmetic of this operation is not known here."
        return Explanation(step, index, value, None, 0.0, said, "", "", ())
    recomputed = made.result.to(step.dtype).item()
    magnitude = made.magnitude
    if magnitude is None:
        magnitude = sum(group.contributions.double().abs().sum().item() for group in made.groups)
    tolerance = rounding(step.dtype, sum(map(len, made.groups)), magnitude)
    said = f"{here} {made.said}."
    agrees = _agree(value, recomputed, tolerance)
    if not agrees:
        said += f" But {number(value)} was recorded: these terms are not all that made it."
    elif step.dtype in _HALF and number(value, 9) != number(recomputed, 9):
        dtype = str(step.dtype).removeprefix("torch.")
        said += _ROUNDED.format(dtype=dtype, exact=number(recomputed))
    formula = f"{element(step, index)} = {made.formula}"
    written = number(value, 6) if made.arithmetic is None else equation(made.arithmetic, value, agrees)
    exact = made.result.item()
    return Explanation(step, index, value, recomputed, tolerance, said, formula, f"= {written}", made.groups, exact)


def _agree(value: float, recomputed: float, tolerance: float) -> bool:
    if value == recomputed:
        return True
    if math.isnan(value) or math.isnan(recomputed):
        return math.isnan(value) and math.isnan(recomputed)
    return abs(value - recomputed) <= tolerance and math.isfinite(value)


def _checked(step: Step, index: Sequence[int]) -> tuple[int, ...]:
    try:
        place = tuple(operator.index(item) for item in index)
    except TypeError:
        raise IndexError(
            f"an index is a tuple of whole numbers: got {index!r}; nearest: {(0,) * len(step.shape)}"
        ) from None
    shape = step.shape
    if 0 in shape:
        raise IndexError(f"{step.name} has no elements to point at: its shape is {shape}; nearest: none")
    padded = (*place, *(0,) * len(shape))[: len(shape)]
    nearest = tuple(min(max(item, 0), size - 1) for item, size in zip(padded, shape, strict=True))
    if len(place) != len(shape):
        raise IndexError(f"an index of {step.name} has {len(shape)} numbers: got {place}; nearest: {nearest}")
    for axis, (item, size) in enumerate(zip(place, shape, strict=True)):
        if not 0 <= item < size:
            symbol = step.axes[axis]
            where = f"{symbol} (axis {axis})" if symbol else f"axis {axis}"
            rule = f"an index of {step.name} along {where} is 0 to {size - 1}"
            raise IndexError(f"{rule}: got {item}; nearest: {nearest}")
    return place
