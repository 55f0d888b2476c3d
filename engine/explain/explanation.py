"""One element of a trace -> the terms that made it."""

from __future__ import annotations

import cmath
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import torch

from engine.explain.describe import describe_element, table_token
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.formula import ElementCells, LetterCells
from engine.ops.notation import format_element, number
from engine.ops.numerics import rounding, sizes
from engine.ops.printed import equation
from engine.ops.registry import BoundOperation, Movement, bound_operation
from engine.ops.terms import Largest, Term, TermGroup, largest
from engine.record.trace import Step, Trace
from engine.wording import conjunction

_NOT_ALL = " But {value} was recorded: these terms are not all that made it."
_ROUNDED = (
    " Rounded to {dtype}, as every step is, these numbers come to {exact}: the same as what was recorded within that "
    "rounding."
)
_UNKNOWN = "{subject} was made by {op} from {names}; the arithmetic of this operation is not known here."
_UNKNOWN_OF_NOTHING = "{subject} was made by {op} from no tensor; the arithmetic of this operation is not known here."
_REPR = "Explanation({name}[{index}] = {value:.6g})"
_HALF = frozenset((torch.bfloat16, torch.float16))


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """How one element came about.

    Attributes:
        step: the step of the element.
        index: where in it, an entry for each axis.
        value: the recorded number.
        recomputed: the same number computed again from the terms, in float64 and then rounded to the dtype; None
            for an operation that is not known here.
        tolerance: how far apart the two may be (see ``engine.ops.numerics.rounding``).
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
    _groups: tuple[TermGroup, ...]
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

    def __repr__(self) -> str:
        return _REPR.format(name=self.step.full_name, index=", ".join(map(str, self.index)), value=self.value)

    def _repr_html_(self) -> str:
        from engine.explain.notebook_html import explanation_html

        return explanation_html(self)

    @property
    def agrees(self) -> bool | None:
        """Whether the terms give the recorded number, NaN and infinities exactly; None where none were known."""
        return None if self.recomputed is None else _agree(self.value, self.recomputed, self.tolerance)


def explain(trace: Trace, step: Step, index: Sequence[int]) -> Explanation:
    """How one element of a tensor was made.

    Args:
        trace: what the step is of.
        step: the step that made the tensor.
        index: an index for each of its axes, counted from 0 or, negative, from the end; () for a tensor without axes.

    Returns:
        The numbers that were read, what each put in, and the same as a sentence, a formula and arithmetic.

    Raises:
        IndexError: there is no such element; says which is the nearest.
        ValueError: the trace was recorded without numbers (on the meta device), or those of the step or of something
            that it read are not those of then any more; says why.
    """
    if step.value.is_meta:
        raise ValueError(f"only a number can be explained: {step.name} is on the meta device; run it on another")
    for tensor in (step, *step.inputs):
        if tensor.unreadable:
            raise ValueError(tensor.unreadable)
    position = _checked(step, index)
    bound = bound_operation(step)
    with torch.no_grad():
        derivation = None if bound is None else _derivation(trace, step, bound, position)
        if bound is None or derivation is None:
            return _unknown(trace, step, position)
        return _explanation(trace, step, position, _formula(step, bound, position), derivation)


def formula(step: Step) -> str:
    """What any element of a step is, in the elements that it reads; empty for an operation that is not known.

    ``scores_{ij} = Σ_{d} query_{id} · key_t_{dj}``: what stands in _{…} is an index.
    """
    bound = bound_operation(step)
    return "" if bound is None else _formula(step, bound, None)


def _formula(step: Step, bound: BoundOperation, index: tuple[int, ...] | None) -> str:
    """The formula of the element at ``index``, or of any element."""
    operation, call, reads = bound
    if index is None:
        # Where axes are moved, each says where it went.
        letters = LetterCells(call, reads, hide=operation.movement is not Movement.PERMUTES)
        return f"{letters.result(step.name)} = {operation.formula(letters)}"
    return f"{format_element(step, index)} = {operation.formula(ElementCells(call, reads, index))}"


def _derivation(trace: Trace, step: Step, bound: BoundOperation, index: tuple[int, ...]) -> Derivation | None:
    """How the element at ``index`` came about, computed again in float64; None where that is not known."""
    values = [step.value, *(parent.value for parent in step.inputs)]
    if any(value.layout != torch.strided for value in values):
        return None
    if any(value.is_complex() for value in values) and not bound.operation.takes_complex:
        return None
    describe, token = partial(describe_element, trace), partial(table_token, trace)
    return bound.operation.derive(ElementContext(bound.call, bound.reads, index, describe, token))


def _unknown(trace: Trace, step: Step, index: tuple[int, ...]) -> Explanation:
    """What can be said where the arithmetic is not known: which tensors were read."""
    names = conjunction(dict.fromkeys(parent.name for parent in step.inputs))
    template = _UNKNOWN if names else _UNKNOWN_OF_NOTHING
    sentence = template.format(subject=describe_element(trace, step, index), op=step.op, names=names)
    return Explanation(step, index, step.value[index].item(), None, 0.0, sentence, "", "", ())


def _explanation(trace: Trace, step: Step, index: tuple[int, ...], written: str, derivation: Derivation) -> Explanation:
    value = step.value[index].item()
    sentence = f"{describe_element(trace, step, index)} {derivation.sentence}."
    if derivation.result is None:
        return Explanation(step, index, value, None, 0.0, sentence, written, "", derivation.groups)
    recomputed = derivation.result.to(step.dtype).item()
    magnitude = derivation.magnitude
    if magnitude is None:
        magnitude = sum(sizes(group.contributions).sum().item() for group in derivation.groups)
    tolerance = rounding(step.dtype, sum(map(len, derivation.groups)), magnitude)
    agrees = _agree(value, recomputed, tolerance)
    if not agrees:
        sentence += _NOT_ALL.format(value=number(value))
    elif step.dtype in _HALF and number(value, 9) != number(recomputed, 9):
        dtype = str(step.dtype).removeprefix("torch.")
        sentence += _ROUNDED.format(dtype=dtype, exact=number(recomputed))
    result = number(value, 6) if derivation.arithmetic is None else equation(derivation.arithmetic, value, agrees)
    exact = derivation.result.item()
    return Explanation(
        step, index, value, recomputed, tolerance, sentence, written, f"= {result}", derivation.groups, exact
    )


def _agree(value: float, recomputed: float, tolerance: float) -> bool:
    if value == recomputed:
        return True
    if cmath.isnan(value) or cmath.isnan(recomputed):
        return cmath.isnan(value) and cmath.isnan(recomputed)
    return abs(value - recomputed) <= tolerance and cmath.isfinite(value)


def _checked(step: Step, index: Sequence[int]) -> tuple[int, ...]:
    try:
        position = tuple(operator.index(item) for item in index)
    except TypeError:
        raise IndexError(
            f"an index is a tuple of whole numbers: got {index!r}; nearest: {(0,) * len(step.shape)}"
        ) from None
    shape = step.shape
    if 0 in shape:
        raise IndexError(f"{step.name} has no elements to point at: its shape is {shape}; nearest: none")
    padded = (*position, *(0,) * len(shape))[: len(shape)]
    nearest = tuple(min(max(item, 0), size - 1) for item, size in zip(padded, shape, strict=True))
    if len(position) != len(shape):
        raise IndexError(f"an index of {step.name} has {len(shape)} numbers: got {position}; nearest: {nearest}")
    for axis, (item, size) in enumerate(zip(position, shape, strict=True)):
        if not 0 <= item < size:
            symbol = step.axes[axis]
            where = f"{symbol} (axis {axis})" if symbol else f"axis {axis}"
            rule = f"an index of {step.name} along {where} is 0 to {size - 1}"
            raise IndexError(f"{rule}: got {item}; nearest: {nearest}")
    return position
