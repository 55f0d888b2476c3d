"""Broadcasting in which both sides grow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from engine.findings.finding import Suspicion, rule
from engine.findings.known import Known
from engine.ops import canonical_name
from engine.record.trace import Leaf, Step

_SENTENCE = (
    "{first} is {first_shape} and {second} is {second_shape}: both are repeated, and every number of one meets every "
    "number of the other, {count} pairs where {wanted} are meant."
)
_PAIRWISE = frozenset(("sub", "add", "mul", "div", "eq", "ne", "gt", "lt", "ge", "le", "pow", "maximum", "minimum"))
_LOSSES = frozenset(
    ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits")
)
_COUNTING = frozenset(("arange", "linspace", "ones", "zeros", "full", "ones_like", "zeros_like", "triu", "tril"))
_FAR = 8


@rule(fix="squeeze(-1) the one, or unsqueeze(-1) the other, so that both have one shape")
def both_sides_grow(known: Known) -> Iterator[Suspicion]:
    """(N, 1) − (N) → (N, N)."""
    for step in known.trace.steps:
        name = canonical_name(step.op) or step.op
        if (name not in _PAIRWISE and name not in _LOSSES) or len(step.inputs) < 2:
            continue
        first, second = step.inputs[:2]
        if not _by_accident(first.value, second.value):
            continue
        if _is_one_thing(first, second) or _counts(first) or _counts(second):
            continue
        size = first.value.numel()
        shown = {
            "first": first.name,
            "first_shape": tuple(first.value.shape),
            "second": second.name,
            "second_shape": tuple(second.value.shape),
            "count": size * size,
            "wanted": size,
        }
        yield Suspicion(step, _SENTENCE.format(**shown), shown)


def _by_accident(first: Tensor, second: Tensor) -> bool:
    """Whether a column (N, 1) meets a row (N) that nobody has given a second axis, and N numbers on either side."""
    column, row = (first, second) if first.dim() > second.dim() else (second, first)
    if not _numbers(column, row) or column.dim() != row.dim() + 1 or row.dim() == 0:
        return False
    shape = tuple(column.shape)
    return shape[-1] == 1 and shape[:-1] == tuple(row.shape) and row.shape[-1] > 1


def _numbers(*values: Tensor) -> bool:
    return all(value.is_floating_point() for value in values)


def _is_one_thing(first: Step | Leaf, second: Step | Leaf) -> bool:
    """Whether both are the same tensor in two forms, as for the distances of all pairs."""
    roots = [_root(parent) for parent in (first, second)]
    return roots[0] is roots[1]


def _root(parent: Step | Leaf) -> Step | Leaf:
    while isinstance(parent, Step) and parent.memory in ("view", "same") and parent.inputs:
        parent = parent.inputs[0]
    return parent


def _counts(parent: Step | Leaf) -> bool:
    """Whether a tensor was made by counting, as positions are."""
    frontier: Sequence[Step | Leaf] = [parent]
    for _ in range(_FAR):
        if any(isinstance(node, Step) and canonical_name(node.op) in _COUNTING for node in frontier):
            return True
        frontier = [other for node in frontier if isinstance(node, Step) for other in node.inputs]
    return False
