"""Memory that was written in place while another name still means its old numbers."""

from __future__ import annotations

from collections.abc import Iterator

from engine.findings.finding import Suspicion, rule
from engine.findings.known import Known
from engine.ops import canonical_name
from engine.ops.numerics import memory_of, memory_shared
from engine.record.trace import Leaf, Step

_INPUT = (
    "{op} writes into the memory of {name}, which the caller gave: its numbers are others after the call, and a second "
    "call reads those."
)
_AGAIN = (
    "{op} changes {name}, which step {before} {first} read before under its old meaning, and step {after} {second} "
    "reads under the same name afterwards."
)
# Memory that is made to be written into.
_MADE_EMPTY = frozenset(
    ("zeros", "ones", "full", "empty", "zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones",
     "new_full", "new_empty", "arange", "tensor")
)  # fmt: skip


@rule(fix="the form that makes a new tensor: x = x * scale in place of x *= scale")
def written_in_place(known: Known) -> Iterator[Suspicion]:
    """An input of the caller that is written into, or a tensor whose view is written and which is read again."""
    for step in known.trace.steps:
        if step.memory != "overwritten" or not step.inputs or canonical_name(step.op) in ("batch_norm", "embedding"):
            continue
        owner = _owner(step.inputs[0])
        if isinstance(owner, Leaf):
            given = [tensor for tensor in known.trace.inputs.values() if memory_shared(tensor, step.value)]
            if owner.kind == "input" and given and not _fills(step):
                shown = {"op": step.op, "name": owner.name}
                yield Suspicion(step, _INPUT.format(**shown), shown)
            continue
        suspicion = _read_again(known, step, owner)
        if suspicion is not None:
            yield suspicion


def _owner(parent: Step | Leaf) -> Step | Leaf:
    """What made the memory that a tensor lies in."""
    while isinstance(parent, Step) and parent.memory != "new" and parent.inputs:
        parent = parent.inputs[0]
    return parent


def _fills(step: Step) -> bool:
    """Whether a buffer of the caller is filled, as a cache is: index by index, or whole."""
    return step.op in ("setitem", "copy_", "index_copy_", "zero_", "fill_", "scatter_", "normal_", "uniform_")


def _read_again(known: Known, step: Step, owner: Step) -> Suspicion | None:
    """A tensor that was read before, whose memory is written through a view, and that is read afterwards."""
    target = step.inputs[0]
    if (canonical_name(owner.op) or owner.op) in _MADE_EMPTY or _fills(step) or memory_of(step.value) is None:
        return None
    for name in _names(known, owner, step):
        if name is target or name.value is step.value:
            continue
        readers = [reader for reader in known.trace.consumers.get(name.index, ()) if not reader.is_view]
        before = [reader for reader in readers if reader.index < step.index]
        readers += [
            reader for state in _after(known, name, step) for reader in known.trace.consumers.get(state.index, ())
        ]
        after = [reader for reader in readers if reader.index > step.index]
        if after and (before or name.index < step.index):
            first = before[0] if before else name
            shown = {
                "op": step.op, "name": name.name, "before": first.index, "first": first.name,
                "after": after[0].index, "second": after[0].name,
            }  # fmt: skip
            return Suspicion(step, _AGAIN.format(**shown), shown)
    return None


def _after(known: Known, name: Step, step: Step) -> list[Step]:
    """The steps that say what a tensor is after a write under another name."""
    later = known.trace.steps[step.index + 1 :]
    return [other for other in later if other.is_view and other.name == name.name and other.inputs[-1:] == (step,)]


def _names(known: Known, owner: Step, step: Step) -> list[Step]:
    """The steps before a write whose tensor lies in the memory written to, and means all of it."""
    before = known.trace.steps[: step.index]
    return [other for other in before if other is owner or (other.is_view and _owner(other) is owner)]
