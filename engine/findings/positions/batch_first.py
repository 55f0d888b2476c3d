"""Attention along the batch where the tokens stand on the other axis: batch_first forgotten, with B = L."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from engine.findings.attentions import Attention
from engine.findings.finding import Suspicion, rule
from engine.findings.known import Known
from engine.findings.positions.added import added_positions
from engine.findings.streams import changed_cells
from engine.ops import canonical_name
from engine.record.trace import Step

_SENTENCE = (
    "Attention runs along axis {attended} of {name} {shape}, and positions were added along axis {placed}: sequences "
    "look at each other and tokens do not."
)


@rule(fix="batch_first=True, or a transpose(0, 1) before and after")
def attention_along_the_batch(known: Known) -> Iterator[Suspicion]:
    """Measured: which rows of the sum after the attention move with one row of what went in."""
    placed = added_positions(known)
    if placed is None:
        return
    step, axis = placed.step, placed.axis
    for attention in known.attentions:
        attended = _attended(known, attention, step)
        if attended is None:
            continue
        if attended != axis:
            shown = {"attended": attended, "placed": axis, "name": step.name, "shape": step.shape}
            yield Suspicion(attention.seen(attention.mixed), _SENTENCE.format(**shown), shown)
        return  # to look at a later one all calls before it are made again


def _attended(known: Known, attention: Attention, source: Step) -> int | None:
    """The axis of the source along which one row moves others; None where that can't be told."""
    target = _sum_after(known, attention, source)
    if target is None or not known.depends(attention.seen(attention.mixed), source):
        return None
    cells = torch.zeros(source.shape, dtype=torch.bool, device=source.device)
    cells[0, 0] = True
    changed = changed_cells(known.replay, source, cells, target)
    if changed is None:
        return None
    rows = changed.any(-1)
    along = [bool(rows[1:, 0].any()), bool(rows[0, 1:].any())]
    return along.index(True) if sum(along) == 1 else None


def _sum_after(known: Known, attention: Attention, source: Step) -> Step | None:
    """The residual sum that the attention's result goes into: it lies as the source does."""
    mixed = attention.seen(attention.mixed)
    if mixed.op.endswith("_encoder_layer_fwd"):
        return mixed
    for step in known.trace.steps[mixed.index + 1 :]:
        if canonical_name(step.op) == "add" and step.shape == source.shape and len(step.inputs) == 2:
            depending = [known.depends(parent, mixed) for parent in step.inputs]
            if depending.count(True) == 1 and all(tuple(parent.value.shape) == step.shape for parent in step.inputs):
                return step
    return None
