"""An output layer that has the numbers of the embedding, and memory of its own."""

from __future__ import annotations

from collections.abc import Iterator

from engine.findings.finding import Suspicion, rule
from engine.findings.known import Known
from engine.ops import canonical_name
from engine.ops.numerics import MOST_NUMBERS, measurable, memory_shared
from engine.record.trace import Leaf, Step

_SENTENCE = (
    "{output} has the same {count} numbers as {table}, in memory of its own: they are two copies and not tied, and "
    "the first step of training moves them apart."
)
_LAYERS = frozenset(("linear", "matmul", "addmm", "mm", "einsum"))
_MOST = 16 * MOST_NUMBERS  # a vocabulary is large, and comparing is quick


@rule(fix="give both one parameter: head.weight = embedding.weight")
def weights_tied_in_name_only(known: Known) -> Iterator[Suspicion]:
    """Two parameters of one shape with equal numbers, an embedding's and an output layer's."""
    tables = {
        id(table): table
        for step in known.trace.steps
        if canonical_name(step.op) == "embedding" and (table := _parameter(step.inputs[1])) is not None
    }
    compared: set[tuple[int, int]] = set()
    for step in known.trace.steps:
        if (canonical_name(step.op) or step.op) not in _LAYERS:
            continue
        for weight in filter(None, map(_parameter, step.inputs)):
            for table in tables.values():
                if (id(weight), id(table)) in compared:
                    continue
                compared.add((id(weight), id(table)))
                if _is_copy(weight, table):
                    shown = {"output": weight.name, "table": table.name, "count": weight.value.numel()}
                    yield Suspicion(step, _SENTENCE.format(**shown), shown)


def _parameter(parent: Step | Leaf) -> Leaf | None:
    """The parameter that a tensor is, or is a view of, as a transposed weight is."""
    while isinstance(parent, Step):
        if parent.memory not in ("view", "same") or not parent.inputs:
            return None
        parent = parent.inputs[0]
    return parent if parent.kind == "parameter" and parent.value.dim() == 2 else None


def _is_copy(weight: Leaf, table: Leaf) -> bool:
    first, second = weight.value.detach(), table.value.detach()
    if first.shape != second.shape or not measurable(first, second, most=_MOST) or memory_shared(first, second):
        return False
    return bool((first == second).all()) and bool((first != first.flatten()[0]).any())
