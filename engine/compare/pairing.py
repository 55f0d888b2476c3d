"""Which step of one trace is which of another."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from difflib import SequenceMatcher
from functools import partial

from engine.compare.difference import difference
from engine.ops import canonical_name
from engine.ops.numerics import measurable
from engine.record.trace import Step, Trace

Key = Callable[[Step], Hashable]


def pair_steps(a: Trace, b: Trace) -> tuple[tuple[Step | None, Step | None], ...]:
    """The steps of two traces, each with its partner or with None, in execution order.

    First by path, name, operation, shape and numbers of the call; what lies between those pairs by its name and shape,
    by what it reads, by its numbers, by its name alone, and at last by its operation. A pair never crosses another.
    """
    partners: dict[int, Step] = {}
    gaps: list[Gap] = [(a.steps, b.steps)]
    for align in (
        partial(_align, key=_exactly),
        partial(_align, key=_by_place),
        _by_parents,
        _by_numbers,
        partial(_align, key=_by_name),
        partial(_align, key=_by_operation_and_shape),
        partial(_align, key=_by_operation),
    ):
        gaps = [gap for first, second in gaps for gap in align(first, second, partners)]
    return tuple(_merged(a, b, partners))


def _exactly(step: Step) -> Hashable:
    numbers = tuple(leaf.value for leaf in step.arguments if isinstance(leaf.value, int | float | str))
    return step.path, step.name, canonical_name(step.op) or step.op, step.shape, numbers


def _by_name(step: Step) -> Hashable:
    return step.path, step.name, canonical_name(step.op) or step.op


def _by_place(step: Step) -> Hashable:
    return step.path, step.name, step.shape


def _by_operation_and_shape(step: Step) -> Hashable:
    return canonical_name(step.op) or step.op, step.shape


def _by_operation(step: Step) -> Hashable:
    return canonical_name(step.op) or step.op


Gap = tuple[Sequence[Step], Sequence[Step]]


def _align(first: Sequence[Step], second: Sequence[Step], partners: dict[int, Step], key: Key) -> Iterator[Gap]:
    """Pairs what has the same key in the same order; yields what is left between the pairs."""
    keys, others = [key(step) for step in first], [key(step) for step in second]
    at = at_other = 0
    for position, other, count in SequenceMatcher(None, keys, others, autojunk=False).get_matching_blocks():
        if position > at or other > at_other:
            yield first[at:position], second[at_other:other]
        for step, partner in zip(first[position : position + count], second[other : other + count], strict=True):
            partners[step.index] = partner
        at, at_other = position + count, other + count


def _by_parents(first: Sequence[Step], second: Sequence[Step], partners: dict[int, Step]) -> Iterator[Gap]:
    """Pairs what does the same to partners."""
    return _in_order(first, second, partners, lambda step, other: _read_alike(step, other, partners))


def _in_order(
    first: Sequence[Step], second: Sequence[Step], partners: dict[int, Step], belong: Callable[[Step, Step], bool]
) -> Iterator[Gap]:
    """Pairs each step with the next of the others that it belongs with; yields what is left between the pairs."""
    at = at_other = 0
    for position, step in enumerate(first):
        other = next((other for other in range(at_other, len(second)) if belong(step, second[other])), None)
        if other is not None:
            partners[step.index] = second[other]
            yield first[at:position], second[at_other:other]
            at, at_other = position + 1, other + 1
    yield first[at:], second[at_other:]


def _read_alike(step: Step, other: Step, partners: dict[int, Step]) -> bool:
    """Whether two steps do the same to partners, of which there is one at least."""
    if _by_operation(step) != _by_operation(other) or len(step.inputs) != len(other.inputs):
        return False
    steps = [(mine, theirs) for mine, theirs in zip(step.inputs, other.inputs, strict=True) if isinstance(mine, Step)]
    return bool(steps) and all(isinstance(mine, Step) and partners.get(mine.index) is theirs for mine, theirs in steps)


def _by_numbers(first: Sequence[Step], second: Sequence[Step], partners: dict[int, Step]) -> Iterator[Gap]:
    """Pairs what has the same numbers in the same shape."""
    return _in_order(first, second, partners, _same_numbers)


def _same_numbers(step: Step, other: Step) -> bool:
    if step.shape != other.shape or not measurable(step.value, other.value):
        return False
    if not (step.dtype.is_floating_point and other.dtype.is_floating_point):
        return False
    return step.value.numel() > 1 and difference(step.value, other.value).agrees


def _merged(a: Trace, b: Trace, partners: dict[int, Step]) -> Iterator[tuple[Step | None, Step | None]]:
    at = 0
    for step in a.steps:
        partner = partners.get(step.index)
        if partner is not None:
            for other in b.steps[at : partner.index]:
                yield None, other
            at = partner.index + 1
        yield step, partner
    for other in b.steps[at:]:
        yield None, other
