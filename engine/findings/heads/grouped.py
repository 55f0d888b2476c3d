"""Heads of keys and values repeated for several heads of queries in the order that serves the wrong ones."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from engine.findings.attention_products import HeadOperand
from engine.findings.attentions import Attention
from engine.findings.finding import Suspicion, rule_of_attentions
from engine.findings.known import Known
from engine.findings.streams import head_operands
from engine.ops.numerics import measurable
from engine.record.trace import Step

_SENTENCE = (
    "{name} has {distinct} heads repeated for {heads} heads of queries in the order {order}: neighbouring heads of "
    "queries should share one, {expected}."
)


@rule_of_attentions(
    fix="repeat_interleave(groups, dim=1) in place of repeat, so that each head is followed by its own copies"
)
def shared_heads_in_another_order(known: Known, attention: Attention) -> Iterator[Suspicion]:
    """repeat where repeat_interleave is meant."""
    for operand in head_operands(attention)[1:]:
        suspicion = _suspicion(attention, operand)
        if suspicion is not None:
            yield suspicion
            break


def _suspicion(attention: Attention, operand: HeadOperand) -> Suspicion | None:
    parent, value = operand.parent, operand.value
    if not isinstance(parent, Step) or value.dim() != 4 or not measurable(parent.value) or value.shape[-3] < 4:
        return None
    order = _order(value)
    distinct, heads = len(set(order)), len(order)
    if distinct in (1, heads) or heads % distinct:
        return None
    if order != [head % distinct for head in range(heads)]:
        return None
    expected = [head // (heads // distinct) for head in range(heads)]
    return Suspicion(
        attention.seen(parent),
        _SENTENCE.format(name=parent.name, distinct=distinct, heads=heads, order=order, expected=expected),
        {"order": order, "expected": expected},
    )


def _order(value: Tensor) -> list[int]:
    """By head the number of the first head like it, counted among those that differ."""
    firsts: list[int] = []
    order: list[int] = []
    for head in range(value.shape[-3]):
        rows = value[..., head, :, :]
        same = (group for group, first in enumerate(firsts) if bool((value[..., first, :, :] == rows).all()))
        group = next(same, None)
        if group is None:
            group = len(firsts)
            firsts.append(head)
        order.append(group)
    return order
