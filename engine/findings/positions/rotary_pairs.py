"""Rotary positions that turn feature i with i + d_k/2 in one place, and 2i with 2i + 1 in another."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from engine.findings.attention_products import HeadOperand
from engine.findings.attentions import Attention
from engine.findings.finding import Suspicion, rule_of_attentions
from engine.findings.known import Known
from engine.findings.streams import MIXES, changed_cells, head_operands
from engine.ops import canonical_name
from engine.ops.numerics import measurable
from engine.record.trace import Leaf, Step

_SENTENCE = (
    "{halves} pairs feature i with feature i + {half}, and {neighbours} pairs feature 2i with 2i + 1: turned so, "
    "scores do not depend on the distance of two tokens alone."
)
_FAR = 16
_HALVES, _NEIGHBOURS = "halves", "neighbours"


@rule_of_attentions(
    fix="one of the two everywhere: rotate_half with cat((freqs, freqs)), or neighbours with repeat_interleave(2)"
)
def rotary_pairs_mixed(known: Known, attention: Attention) -> Iterator[Suspicion]:
    """Measured: which second feature of a query and of a key moves with the first one."""
    operands = head_operands(attention)[:2]
    if len(operands) < 2 or not known.unlike("rotary_pairs_mixed", operands[1].parent):
        return
    pairings: dict[str, str] = {}
    for operand in operands:
        turned = _turned(operand)
        if not turned:
            continue
        pairing = _pairing(known, operand)
        if pairing is not None:
            pairings.setdefault(pairing, operand.parent.name)
        for table in turned:
            of_table = _table_pairing(table)
            if of_table is not None:
                pairings.setdefault(of_table, table.name or "the table")
    if len(pairings) == 2:
        known.look_again("rotary_pairs_mixed", operands[1].parent)
        half = int(operands[0].value.shape[-1]) // 2
        shown = {"halves": pairings[_HALVES], "neighbours": pairings[_NEIGHBOURS], "half": half}
        step = attention.seen(attention.scores)
        yield Suspicion(step, _SENTENCE.format(**shown), shown)


def _steps_behind(operand: HeadOperand) -> list[Step]:
    """The steps from a query or key back to the layer that made it, that one included, the nearest first."""
    queue: list[tuple[Step | Leaf, int]] = [(operand.parent, 0)]
    steps: dict[int, Step] = {}
    while queue:
        node, far = queue.pop(0)
        if isinstance(node, Leaf) or far > _FAR or id(node) in steps:
            continue
        steps[id(node)] = node
        if (canonical_name(node.op) or node.op) in MIXES:
            continue
        queue += [(other, far + 1) for other in node.inputs]
    return list(steps.values())


def _turned(operand: HeadOperand) -> list[Step | Leaf]:
    """The cosines and sines that a query or key is multiplied with; nothing for one that is not turned."""
    width = operand.value.shape[-1]
    tables: list[Step | Leaf] = []
    for step in _steps_behind(operand):
        if canonical_name(step.op) != "mul" or len(step.inputs) != 2:
            continue
        for table in step.inputs:
            value = table.value
            is_smaller = value.numel() < step.value.numel() and value.dim() > 1 and value.shape[-1] > 1
            if is_smaller and value.shape[-1] <= width and _are_angles(value):
                tables.append(table)
    return tables


def _are_angles(value: Tensor) -> bool:
    """Whether numbers may be cosines or sines, or both as complex numbers."""
    if value.is_complex():
        return True
    return measurable(value) and value.is_floating_point() and bool((value.abs() <= 1).all())


def _pairing(known: Known, operand: HeadOperand) -> str | None:
    """How a query or key is turned, measured on its last token: which feature moves with the first."""
    parent = operand.parent
    width = int(operand.value.shape[-1])
    if not isinstance(parent, Step) or width < 4:
        return None
    for step in _steps_behind(operand)[1:]:
        if step.shape[-1] != width or step.value.numel() != parent.value.numel():
            continue
        if step.value.is_complex() or not step.value.is_floating_point():
            continue
        cells = torch.zeros(step.shape, dtype=torch.bool, device=step.device)
        cells.reshape(-1, width)[-1, 0] = True
        changed = changed_cells(known.replay, step, cells, parent)
        if changed is None:
            continue
        features = operand.laid_out(changed).reshape(-1, width).any(0).nonzero().flatten().tolist()
        if len(features) == 2 and features[0] == 0:
            return _NEIGHBOURS if features[1] == 1 else _HALVES
    return None


def _table_pairing(table: Step | Leaf) -> str | None:
    """How the columns of a table of cosines or sines repeat; None where they do not, or in both ways."""
    value = table.value
    if value.is_complex() or value.shape[-1] % 2 or value.shape[-1] < 4:
        return None
    rows = value.detach().reshape(-1, value.shape[-1])
    half = rows.shape[-1] // 2
    halves = bool((rows[:, :half] == rows[:, half:]).all())
    neighbours = bool((rows[:, 0::2] == rows[:, 1::2]).all())
    if halves == neighbours:
        return None
    return _HALVES if halves else _NEIGHBOURS
