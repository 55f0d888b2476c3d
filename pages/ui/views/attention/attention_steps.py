"""The attentions of a trace, found by what they are: a softmax over products of queries and keys that meets values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine import Leaf, Step, Trace
from engine.ops import canonical_name, reads

_PRODUCTS = frozenset({"matmul", "einsum", "bmm", "mm", "baddbmm"})
_MOST_BETWEEN = 8  # steps between weights and the product with values: casts, dropout, another shape


@dataclass(frozen=True)
class AttentionSteps:
    """The steps of one attention, each (…, queries, keys), usually (batch, heads, queries, keys).

    Attributes:
        scores: the products of queries and keys.
        masked: the scores with what is hidden; None where nothing is masked.
        weights: what the softmax makes of them.
        trace: the trace that they stand in: of fused attention, what the call does inside.
        calls: the fused calls that they lie inside of, outermost first.
    """

    scores: Step
    masked: Step | None
    weights: Step
    trace: Trace
    calls: tuple[Step, ...] = ()

    @property
    def leading(self) -> tuple[str | None, ...]:
        """The symbols of all axes before queries and keys. Of two without names, batch and heads."""
        symbols = self.weights.axes[:-2]
        if len(symbols) == 2 and not {"B", "H"} & set(symbols):
            return "B", "H"
        return symbols


def attentions_of(trace: Trace) -> dict[str, AttentionSteps]:
    """The attentions of a trace, in the order they ran.

    Args:
        trace: any trace.

    Returns:
        The path of a module → its steps. Of a line that ran several times, the last run; of several lines in one
        module, each after the first has the number of its step behind the path. The weights of a fused call are those
        of the documented formula, which stands inside it.
    """
    attentions: dict[str, AttentionSteps] = {}
    key_of_line: dict[object, str] = {}
    for steps in _each(trace):
        # Inside a fused call all runs of a line look alike: there the call's own line tells one from another.
        own = (*steps.calls, steps.weights)[0]
        line = _line(own)
        if line not in key_of_line:
            key_of_line[line] = f"{own.path}:{own.index}" if own.path in attentions else own.path
        attentions[key_of_line[line]] = steps
    return attentions


def _each(trace: Trace) -> Iterator[AttentionSteps]:
    for step in trace.steps:
        if step.op == "softmax":
            steps = _steps_to(trace, step, ())
        elif step.output == 0 and step.inside is not None:
            inside = step.inside
            fused = (_steps_to(inside, inner, (step,)) for inner in inside.steps if inner.op == "softmax")
            steps = next(filter(None, fused), None)
        else:
            continue
        if steps is not None:
            yield steps


def _line(step: Step) -> tuple[object, ...]:
    return (step.path, step.source.file, step.source.span) if step.source else (step.path, None, None)


def _steps_to(trace: Trace, weights: Step, calls: tuple[Step, ...]) -> AttentionSteps | None:
    """The attention that ends in these weights; None where they come from no product of queries and keys."""
    maps, last = reads(weights), weights.value.dim() - 1
    if maps is None or last < 1 or [*maps[0].running] != [last]:
        return None
    step, masked = weights, None
    while canonical_name(step.op) not in _PRODUCTS:
        before = next(
            (tensor for tensor in step.inputs if isinstance(tensor, Step) and tensor.shape == weights.shape), None
        )
        if before is None:
            return None
        masked = step if step.op == "masked_fill" else masked
        step = before
    if any(isinstance(tensor, Leaf) and tensor.kind != "input" for tensor in step.inputs):
        return None  # a product with a weight makes logits
    if last != 3 and not _meets_values(trace, weights):
        return None
    return AttentionSteps(step, masked, weights, trace, calls)


def _meets_values(trace: Trace, weights: Step) -> bool:
    """Whether a product takes these weights, as they are or dropped, cast, or in another shape."""
    frontier = [weights]
    for _ in range(_MOST_BETWEEN):
        readers = [reader for step in frontier for reader in trace.consumers.get(step.index, ())]
        if any(canonical_name(reader.op) in _PRODUCTS for reader in readers):
            return True
        frontier = [reader for reader in readers if reader.value.numel() == weights.value.numel()]
    return False
