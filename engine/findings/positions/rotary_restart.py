"""Positions that begin again at 0 although keys are cached."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from engine.findings.attentions import Attention
from engine.findings.finding import Suspicion, rule_of_attentions
from engine.findings.known import Known
from engine.findings.positions.cached_keys import joined_keys
from engine.findings.streams import head_operands
from engine.ops import canonical_name
from engine.ops.numerics import measurable
from engine.record.trace import Leaf, Step

_SENTENCE = (
    "{past} keys are cached, and the new ones are turned as if they stood at position 0: the first row of {cos} is all "
    "1. They stand at position {past}."
)
_MIXES = frozenset(("linear", "addmm", "matmul", "mm", "bmm", "conv1d"))
_FAR = 12


@rule_of_attentions(fix="begin the positions at the length of the cache: arange(past, past + L)")
def positions_restart_with_a_cache(known: Known, attention: Attention) -> Iterator[Suspicion]:
    """Rotary angles of position 0 for a key that is put behind others."""
    for operand in head_operands(attention)[1:2]:
        suspicion = _suspicion(operand.parent)
        if suspicion is not None:
            yield suspicion


def _suspicion(parent: Step | Leaf) -> Suspicion | None:
    joined = joined_keys(parent)
    if joined is None:
        return None
    turned = _turned_at_zero(joined.new)
    if turned is None:
        return None
    step, cos = turned
    shown = {"past": joined.past, "cos": cos.name}
    return Suspicion(step, _SENTENCE.format(**shown), shown)


def _turned_at_zero(new: Step) -> tuple[Step, Step | Leaf] | None:
    """The product with cosines whose first row is that of position 0, and the cosines, on the way to the new keys."""
    queue: list[tuple[Step | Leaf, int]] = [(new, 0)]
    sines = cosines = None
    while queue:
        node, far = queue.pop(0)
        if not isinstance(node, Step) or far > _FAR or (canonical_name(node.op) or node.op) in _MIXES:
            continue
        if canonical_name(node.op) == "mul" and len(node.inputs) == 2:
            for angle in node.inputs:
                kind = _angles(angle.value, node.value)
                cosines = cosines or ((node, angle) if kind == 1 else None)
                sines = sines or ((node, angle) if kind == 0 else None)
                if kind == 2:
                    return node, angle
        queue += [(other, far + 1) for other in node.inputs]
    return cosines if cosines is not None and sines is not None else None


def _angles(value: Tensor, product: Tensor) -> int | None:
    """1 for cosines from position 0 on, 0 for sines, 2 for both as complex numbers, None for anything else."""
    if value.is_meta or value.numel() >= product.numel() * 2 or value.dim() < 1 or value.numel() < 2:
        return None
    rows = value.detach().reshape(-1, value.shape[-1])
    if value.is_complex():
        return 2 if bool((rows[0] == 1).all()) and bool(torch.allclose(rows.abs(), torch.ones(()))) else None
    if not measurable(value) or not value.is_floating_point() or bool((rows.abs() > 1).any()):
        return None
    if bool((rows[0] == 1).all()):
        return 1
    return 0 if bool((rows[0] == 0).all()) else None
