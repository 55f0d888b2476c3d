"""A later token that moves what stands before it, in a program that was to hide the future."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from engine.explain.replay import CannotReplayError
from engine.findings.attentions import Attention
from engine.findings.finding import Suspicion, rule
from engine.findings.known import Known
from engine.ops.numerics import MOST_NUMBERS, measurable, to_float64
from engine.record.trace import Step

_SENTENCE = (
    "A later token moves an earlier one: with the last row of {source} changed, {name} differs at position {position} "
    "by {most:.3g}, although {causal} hides the future."
)
_RELATIVE = 1e-4


@rule(
    fix="look at what this step reads along the tokens: every layer needs the causal mask, and no sum over the tokens"
)
def later_token_moves_an_earlier_one(known: Known) -> Iterator[Suspicion]:
    """Measured: the last token is changed, and what is computed of those before it should stay."""
    causal = next((attention for attention in known.attentions if attention.is_causal), None)
    source = None if causal is None else _stream(known, causal)
    if causal is None or source is None:
        return
    moved = _first_moved(known, source, _readable(causal))
    if moved is None:
        return
    step, position, most = moved
    hides = causal.seen(causal.hides[-1]) if causal.hides else causal.seen(causal.softmax)
    shown = {"source": source.name, "name": step.name, "position": position, "most": most, "causal": hides.name}
    yield Suspicion(step, _SENTENCE.format(**shown), shown)


def _stream(known: Known, causal: Attention) -> Step | None:
    """The first tensor (B, L, d_model) that the queries come from."""
    query, *_ = known.read_by(causal)
    length = causal.lengths[0]
    for step in known.trace.steps:
        if not known.depends(query, step):
            continue
        value = step.value
        if value.dim() == 3 and value.shape[1] == length and value.shape[0] != length and value.is_floating_point():
            return step if measurable(value) else None
    return None


def _readable(causal: Attention) -> Tensor:
    """The positions that see a key at all, bool (B, L) or (1, L): padding before the tokens sees none."""
    visible = causal.visible
    assert visible is not None  # a causal attention has numbers
    rows = visible.any(-1)
    return rows.flatten(1, -2).any(1) if rows.dim() > 2 else rows.reshape(-1, rows.shape[-1])


def _first_moved(known: Known, source: Step, readable: Tensor) -> tuple[Step, int, float] | None:
    """The first step in the shape of the source that differs before the last token, where, and by how much."""
    alike = [
        step
        for step in known.trace.steps
        if step.shape == source.shape and step.memory != "same" and known.depends(step, source) and step is not source
    ]
    if not alike or sum(step.value.numel() for step in alike) > MOST_NUMBERS:
        return None
    value = source.value.detach().clone()
    value[:, -1] = value[:, -1] * 1.5 + 1.0
    try:
        results = known.replay.after({source: value}, alike)
        for step in alike:
            after = results.get(step.index)
            if after is None or after.shape != step.shape:
                continue
            beyond = _RELATIVE * float(to_float64(step.value).abs().nan_to_num().max())
            if float(_apart(after, step.value, readable).max()) <= beyond:
                continue
            # What is made again may be off by itself: the same with nothing changed tells.
            unchanged = known.replay.after({source: source.value.detach()}, [step])[step.index]
            apart = _apart(after, unchanged, readable)
            if float(apart.max()) > beyond:
                return step, int(apart.argmax()), float(apart.max())
    except (CannotReplayError, RuntimeError, IndexError):
        return None
    return None


def _apart(after: Tensor, before: Tensor, readable: Tensor) -> Tensor:
    """By position before the last one, how far it moved at most; what is not read did not move."""
    apart = (to_float64(after) - to_float64(before)).abs().nan_to_num()
    if readable.shape[0] in (1, apart.shape[0]) and readable.shape[1] == apart.shape[1]:
        apart = apart.masked_fill(~readable[..., None], 0.0)
    apart = apart[:, :-1]
    return apart.amax((0, 2)) if apart.numel() else torch.zeros(1, dtype=torch.float64)
