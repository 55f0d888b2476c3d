"""Where the rows of a tensor come from, a row being what stands for one token before it is cut into heads."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from engine.explain.replay import CallReplay, CannotReplayError
from engine.findings.attention_products import HeadOperand
from engine.findings.attentions import Attention
from engine.ops import canonical_name, movement
from engine.ops.numerics import measurable
from engine.record.trace import Leaf, Step, Trace

_Parent = Step | Leaf
# What computes rows from rows: a way back to the tokens ends here.
MIXES = frozenset(
    ("linear", "addmm", "matmul", "mm", "bmm", "baddbmm", "einsum", "conv1d", "conv2d", "embedding", "softmax",
     "scaled_dot_product_attention", "multi_head_attention_forward")
)  # fmt: skip
_FAR = 40


def head_operands(attention: Attention) -> tuple[HeadOperand, ...]:
    """Query, key and value of an attention in heads.

    Nothing for those inside a fused call that splits the heads by itself.
    """
    if attention.fused is None:
        return attention.operands
    if canonical_name(attention.fused.op) != "scaled_dot_product_attention":
        return ()
    return tuple(HeadOperand(parent, tuple(range(parent.value.dim()))) for parent in attention.fused.inputs[:3])


def only_moves(step: Step) -> bool:
    """Whether a step moves numbers without computing any."""
    return movement(step.op) is not None or canonical_name(step.op) in ("contiguous", "to", "dropout")


def row_source(parent: _Parent, width: int) -> _Parent | None:
    """The nearest tensor behind this one whose rows are at least ``width`` wide, as the output of a linear layer.

    Args:
        parent: where to begin.
        width: how many features a row must have at least.

    Returns:
        A step or an input; None where nothing is that wide.
    """
    queue, seen = [(parent, 0)], {id(parent)}
    wide: list[_Parent] = []
    while queue:
        node, far = queue.pop(0)
        value = node.value
        if not isinstance(value, Tensor) or far > _FAR:
            continue
        name = (canonical_name(node.op) or node.op) if isinstance(node, Step) else ""
        is_source = name in MIXES or (isinstance(node, Leaf) and node.kind in ("input", "constant"))
        if is_source and value.dim() >= 2 and value.shape[-1] >= width and value.is_floating_point():
            wide.append(node)
            continue
        if isinstance(node, Step):
            for other in _row_inputs(node, name):
                if id(other) not in seen:
                    seen.add(id(other))
                    queue.append((other, far + 1))
    return max(wide, key=lambda source: source.value.numel(), default=None)


def _row_inputs(step: Step, name: str) -> tuple[_Parent, ...]:
    """What the rows of a step are made of, row by row; nothing for a step that mixes rows."""
    if name == "linear":
        return step.inputs[:1]
    if name == "addmm":
        return step.inputs[1:2]
    return () if name in MIXES else step.inputs


def changed_cells(replay: CallReplay, source: _Parent, cells: Tensor, target: _Parent) -> Tensor | None:
    """Which numbers of a tensor depend on some of another's, measured by changing them.

    Args:
        replay: makes the calls again.
        source: what is changed.
        cells: bool in the shape of ``source``: which of its numbers.
        target: what is looked at.

    Returns:
        Bool in the shape of ``target``; None where that can't be measured.
    """
    if not isinstance(target, Step) or not measurable(source.value, target.value):
        return cells if target is source else None
    value = source.value.detach()
    other = torch.where(cells, value * 1.5 + 1.0, value).to(value.dtype)
    try:
        results = replay.after({source: other}, [target])
    except (CannotReplayError, RuntimeError, IndexError):
        return None
    after = results.get(target.index)
    if after is None or after.shape != target.value.shape:
        return None
    before = target.value.detach()
    return (after != before) & ~(after.isnan() & before.isnan())


def forward(trace: Trace, step: Step) -> Iterator[Step]:
    """What reads a step, and what reads that, as long as numbers are only moved; the first that computes last."""
    node: Step | None = step
    while node is not None:
        readers = trace.consumers.get(node.index, ())
        moving = [reader for reader in readers if only_moves(reader) and reader.memory != "same"]
        same = [reader for reader in readers if reader.memory == "same"]
        onward = moving or same
        if not onward:
            yield from readers[:1]
            return
        yield onward[0]
        node = onward[0]
