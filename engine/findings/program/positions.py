"""Positions that begin again at 0 although keys are cached."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from engine.findings.attentions import Attention
from engine.findings.finding import Finding, rule
from engine.findings.known import Known
from engine.findings.streams import head_operands
from engine.ops import canonical_name
from engine.ops.numerics import measurable
from engine.record.trace import Leaf, Step

_SENTENCE = (
    "{past} keys are cached, and the new ones are turned as if they stood at position 0: the first row of {cos} is all "
    "1. They stand at position {past}."
)
_FIX = "begin the positions at the length of the cache: arange(past, past + L)"
_MIXES = frozenset(("linear", "addmm", "matmul", "mm", "bmm", "conv1d"))
_FAR = 12


@rule
def positions_restart_with_a_cache(known: Known) -> Iterator[Finding]:
    """Rotary angles of position 0 for a key that is put behind others."""
    for attention in known.attentions:
        for parent, _ in head_operands(attention)[1:2]:
            suspicion = _suspicion(attention, parent)
            if suspicion is not None:
                yield suspicion


def _suspicion(attention: Attention, parent: Step | Leaf) -> Finding | None:
    joined = _joined(parent)
    if joined is None:
        return None
    new, past = joined
    turned = _turned_at_zero(new)
    if turned is None:
        return None
    step, cos = turned
    shown = {"past": past, "cos": cos.name}
    return Finding("positions_restart_with_a_cache", step, _SENTENCE.format(**shown), shown, _FIX)


def _joined(parent: Step | Leaf) -> tuple[Step, int] | None:
    """The new keys and how many were cached, where the keys were joined behind cached ones."""
    here = parent
    for _ in range(_FAR):
        if not isinstance(here, Step) or not here.inputs:
            return None
        if canonical_name(here.op) in ("cat", "concat"):
            parts = [part for part in here.inputs if part.value.dim() == here.value.dim()]
            if len(parts) != 2 or not isinstance(parts[1], Step) or isinstance(parts[0], Step):
                # Both halves of a rotated vector are joined as well, of steps alone.
                if len(parts) == 2 and isinstance(parts[1], Step) and _is_cached(parts[0]):
                    return parts[1], _grown(here, parts[1])
                return None
            return parts[1], _grown(here, parts[1])
        here = here.inputs[0]
    return None


def _is_cached(part: Step | Leaf) -> bool:
    """Whether a part of the keys was there before: given, or cut from what was given."""
    while isinstance(part, Step) and part.memory in ("view", "same") and part.inputs:
        part = part.inputs[0]
    return isinstance(part, Leaf) and part.kind in ("input", "constant", "buffer")


def _grown(joined: Step, new: Step) -> int:
    grown = [size - before for size, before in zip(joined.shape, new.shape, strict=True) if size != before]
    return grown[0] if grown else 0


def _turned_at_zero(new: Step) -> tuple[Step, Step | Leaf] | None:
    """The product with cosines whose first row is that of position 0, and the cosines, on the way to the new keys."""
    waiting: list[tuple[Step | Leaf, int]] = [(new, 0)]
    sines = cosines = None
    while waiting:
        here, far = waiting.pop(0)
        if not isinstance(here, Step) or far > _FAR or (canonical_name(here.op) or here.op) in _MIXES:
            continue
        if canonical_name(here.op) == "mul" and len(here.inputs) == 2:
            for angle in here.inputs:
                kind = _angles(angle.value, here.value)
                cosines = cosines or ((here, angle) if kind == 1 else None)
                sines = sines or ((here, angle) if kind == 0 else None)
                if kind == 2:
                    return here, angle
        waiting += [(other, far + 1) for other in here.inputs]
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
