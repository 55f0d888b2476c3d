"""Learned or sinusoidal positions that begin again at 0 although keys are cached."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from engine.findings.attentions import Attention
from engine.findings.finding import Suspicion, rule_of_attentions
from engine.findings.known import Known
from engine.findings.masks.padding import behind
from engine.findings.positions.cached_keys import joined_keys
from engine.findings.streams import head_operands
from engine.ops import canonical_name
from engine.ops.numerics import measurable
from engine.record.trace import Leaf, Step

_SENTENCE = (
    "{past} keys are cached, and the first row that is added to the new tokens is row 0 of {table}: they stand at "
    "position {past}."
)
_COUNTING = frozenset(("arange", "cumsum", "linspace"))


@rule_of_attentions(fix="begin the positions at the length of the cache: table[past : past + L]")
def added_positions_restart_with_a_cache(known: Known, attention: Attention) -> Iterator[Suspicion]:
    """Row 0 of a table of positions for a token that is put behind others."""
    for operand in head_operands(attention)[1:2]:
        joined = joined_keys(operand.parent)
        added = None if joined is None else _added_from_zero(known, joined.new)
        if joined is not None and added is not None:
            step, table = added
            shown = {"past": joined.past, "table": table.name or "the table"}
            yield Suspicion(step, _SENTENCE.format(**shown), shown)


def _added_from_zero(known: Known, new: Step) -> tuple[Step, Leaf] | None:
    """The sum of the new tokens and row 0 of a table onwards, and the table."""
    for step in known.trace.steps[: new.index]:
        if canonical_name(step.op) != "add" or len(step.inputs) != 2 or not known.depends(new, step):
            continue
        for positions in step.inputs:
            table = _table(positions)
            if table is not None and _begins_with(positions.value, table.value):
                return step, table
    return None


def _table(positions: Step | Leaf) -> Leaf | None:
    """The table of positions that rows were taken from one after the other; None where it is none."""
    node = positions
    while isinstance(node, Step):
        if canonical_name(node.op) == "embedding":
            ids, table = node.inputs[0], node.inputs[1]
            counted = any(canonical_name(step.op) in _COUNTING for step in behind(ids))
            return table if counted and isinstance(table, Leaf) else None
        if node.memory not in ("view", "same") or not node.inputs:
            return None
        node = node.inputs[0]
    return node if node.kind in ("parameter", "buffer") and node is not positions else None


def _begins_with(positions: Tensor, table: Tensor) -> bool:
    """Whether the first of some rows of positions is the first of a longer table."""
    if not measurable(positions, table) or positions.shape[-1] != table.shape[-1]:
        return False
    rows, entries = positions.reshape(-1, positions.shape[-1]), table.reshape(-1, table.shape[-1])
    return len(rows) < len(entries) and bool((rows[0] == entries[0]).all()) and bool((rows[0] != entries[1]).any())
