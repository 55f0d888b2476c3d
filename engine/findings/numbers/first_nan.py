"""The first step with a NaN, what made it and what it reached."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from engine.findings.finding import Suspicion, rule
from engine.findings.known import Known
from engine.ops import canonical_name
from engine.ops.numerics import measurable, readable
from engine.record.trace import Leaf, Step

_SENTENCE = (
    "{count} of {all} numbers are NaN, and nothing that was read is: {op} made them of {operands}. The first is at "
    "{index}. {reached} of the {later} steps after it have NaN as well."
)
_GIVEN = "{count} of {all} numbers of {name} are NaN when they are first read, by {reader}."
_NO_NUMBERS = frozenset(("empty", "empty_like", "new_empty"))
_HARMLESS = frozenset(("nan_to_num", "isnan", "where", "masked_fill", "isfinite"))


@rule()
def first_nan(known: Known) -> Iterator[Suspicion]:
    """The step that makes the first NaN, or reads it from an input."""
    for step in known.trace.steps:
        value = step.value
        if canonical_name(step.op) in _NO_NUMBERS or step.op in _NO_NUMBERS:
            continue
        if known.is_finite(step) or not _has_nan(value):
            continue
        given = next((parent for parent in step.inputs if isinstance(parent, Leaf) and _has_nan(parent.value)), None)
        if given is not None:
            shown = {"count": _count(given.value), "all": given.value.numel(), "name": given.name, "reader": step.name}
            yield Suspicion(step, _GIVEN.format(**shown), shown)
            return
        readers = known.trace.consumers.get(step.index, ())
        if readers and all(canonical_name(reader.op) in _HARMLESS for reader in readers):
            continue
        yield _first_nan(known, step)
        return


def _first_nan(known: Known, step: Step) -> Suspicion:
    later = known.trace.steps[step.index + 1 :]
    index = tuple(step.value.isnan().nonzero()[0].tolist())
    shown = {
        "count": _count(step.value),
        "all": step.value.numel(),
        "op": step.op,
        "operands": ", ".join(_described(parent) for parent in step.inputs) or "nothing",
        "index": index,
        "reached": sum(not known.is_finite(other) and _has_nan(other.value) for other in later),
        "later": len(later),
    }
    return Suspicion(step, _SENTENCE.format(**shown), shown)


def _described(parent: Step | Leaf) -> str:
    value = parent.value
    if not measurable(value) or not value.is_floating_point():
        return parent.name
    infinite = int(readable(value).isinf().sum())
    return f"{parent.name} with {infinite} infinities" if infinite else parent.name


def _has_nan(value: Tensor) -> bool:
    return measurable(value) and value.is_floating_point() and bool(value.isnan().any())


def _count(value: Tensor) -> int:
    return int(value.isnan().sum())
