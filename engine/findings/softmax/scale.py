"""Scores that are scaled twice, or by the root of another size than d_k."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from torch import Tensor

from engine.findings.attentions import Attention
from engine.findings.finding import Suspicion, rule_of_attentions
from engine.findings.known import Known
from engine.ops import bind, canonical_name, movement
from engine.record.trace import Leaf, Step

_TWICE = (
    "The scores are divided by √d_k = √{d_k} twice, by {first} and by {second}: their spread is {spread:.3g} of what "
    "it should be, and the weights are flatter than they should be."
)
_OTHER = "The scores are multiplied by {factor:.4g}, which is 1/√{size}, and d_k is {d_k}: {size} is {meaning}."
_FIX_TWICE = "scale once: either the query or the scores; scaled_dot_product_attention scales by itself"
_FIX_OTHER = "divide by √d_k, the size of the axis that the scores are sums over"
# Rotary positions multiply queries with tensors and add the products; what they turn stands first.
_THROUGH = frozenset(("to", "contiguous", "dropout", "float", "half", "type", "add", "cat", "neg", "mul"))
_CLOSE = 1e-3
_FAR = 12


@rule_of_attentions()
def scores_scaled_twice(known: Known, attention: Attention) -> Iterator[Suspicion]:
    """1/√d_k on the queries and again on the scores."""
    factors = _factors(known, attention)
    root = 1 / math.sqrt(attention.d_k)
    roots = [(step, factor) for step, factor in factors if _is(factor, root)]
    if len(roots) == 2 and attention.d_k > 1 and _is(math.prod(factor for _, factor in factors), root * root):
        (first, _), (second, factor) = roots
        shown = {"d_k": attention.d_k, "first": first.name, "second": second.name, "spread": factor}
        yield Suspicion(_shown(attention, second), _TWICE.format(**shown), shown, _FIX_TWICE)


@rule_of_attentions()
def scores_scaled_by_another_root(known: Known, attention: Attention) -> Iterator[Suspicion]:
    """1/√n where n is another size of the program."""
    factors = [(step, factor) for step, factor in _factors(known, attention) if not _is(factor, 1.0)]
    if len(factors) != 1:
        return
    step, factor = factors[0]
    d_k = attention.d_k
    if factor <= 0 or _is(factor, 1 / math.sqrt(d_k)) or _is(factor, 1 / d_k):
        return
    for size, meaning in _sizes(attention).items():
        if size not in (1, d_k) and _is(factor, 1 / math.sqrt(size)):
            shown = {"factor": factor, "size": size, "d_k": d_k, "meaning": meaning}
            sentence = _OTHER.format(**shown)
            yield Suspicion(_shown(attention, step), sentence, shown, _FIX_OTHER)
            break


def _sizes(attention: Attention) -> Mapping[int, str]:
    """Sizes that are taken for d_k by mistake, and what they are."""
    shape = attention.scores.shape
    heads = shape[-3] if len(shape) > 3 else 1
    length, keys = attention.lengths
    return {
        heads: "the number of heads",
        length: "the number of queries",
        keys: "the number of keys",
        heads * attention.d_k: "the width of all heads together",
    }


def _factors(known: Known, attention: Attention) -> list[tuple[Step, float]]:
    """The numbers that queries, keys and scores are multiplied with, and the steps that do it."""
    factors: dict[int, tuple[Step, float]] = {}
    # The inside of a fused call begins with what the call read.
    operands = [attention.query, attention.key]
    for operand in operands:
        for step, factor in _behind(operand):
            factors[id(step)] = (step, factor)
    if attention.fused is not None:
        for parent in attention.fused.inputs[:2]:
            for step, factor in _behind(parent):
                factors[id(step)] = (step, factor)
    for step in attention.on_scores:
        scaling = _factor(step)
        if scaling is not None:
            factors[id(step)] = (step, scaling)
    return list(factors.values())


def _behind(parent: Step | Leaf) -> Iterator[tuple[Step, float]]:
    """Multiplications with one number between the layer that made a tensor and the tensor itself."""
    node, far = parent, 0
    while isinstance(node, Step) and far < _FAR:
        factor = _factor(node)
        if factor is not None:
            yield node, factor
        elif movement(node.op) is None and (canonical_name(node.op) or node.op) not in _THROUGH:
            return
        if not node.inputs:
            return
        node, far = node.inputs[0], far + 1


def _factor(step: Step) -> float | None:
    """What one number a step multiplies with, None where it does something else."""
    call = bind(step)
    if call is None or call.op not in ("mul", "div") or "rounding_mode" in call.args:
        return None
    for name in ("other", "input"):
        operand = call.args.get(name)
        value = None if operand is None else operand.value
        if isinstance(value, Tensor):
            value = value.item() if value.numel() == 1 and not value.is_meta and value.is_floating_point() else None
        if isinstance(value, (int, float)) and value and (name == "other" or call.op == "mul"):
            return float(value) if call.op == "mul" else 1 / float(value)
    return None


def _is(factor: float, other: float) -> bool:
    return abs(factor - other) <= _CLOSE * abs(other)


def _shown(attention: Attention, step: Step) -> Step:
    """A step of the inside of a fused call is shown as that call."""
    inside = attention.fused is not None and any(step is other for other in attention.trace.steps)
    return attention.fused if inside and attention.fused is not None else step
