"""Every attention in a trace, found by which step reads which, also inside fused calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from engine.ops import canonical_name, movement
from engine.ops.numerics import measurable, to_float64
from engine.record.trace import Leaf, Step, Trace

_Parent = Step | Leaf
_PRODUCTS = frozenset(("matmul", "bmm", "baddbmm"))
# What may stand between scores and softmax, and between weights and the mix of the values.
_ON_SCORES = frozenset(
    ("masked_fill", "masked_fill_", "add", "add_", "sub", "mul", "mul_", "div", "div_", "where", "to", "float", "half",
     "type", "type_as", "clamp", "tanh", "contiguous")
)  # fmt: skip
_ON_WEIGHTS = frozenset(
    ("dropout", "to", "type", "type_as", "float", "half", "masked_fill", "mul", "contiguous", "nan_to_num")
)
_MASKING = frozenset(("masked_fill", "masked_fill_", "add", "add_", "where"))
_HIDDEN = -5e3  # what a mask adds to hide a key is far below what scores are
_FAR = 12  # steps between two products of one attention, at most


@dataclass(frozen=True, eq=False)
class Attention:
    """softmax(query @ key_t) @ value with what stands between.

    Attributes:
        trace: what its steps stand in: the trace itself, or the inside of a fused call.
        fused: the fused call that it is inside of, None where there is none.
        query, key_t: what the scores are the product of.
        scores: the product of queries and keys.
        on_scores: the steps between it and the softmax, in order.
        softmax: the step that makes the weights.
        mixed: the product of weights and values.
        weights, value: what ``mixed`` is the product of.
    """

    trace: Trace
    fused: Step | None
    query: _Parent
    key_t: _Parent
    scores: Step
    on_scores: tuple[Step, ...]
    softmax: Step
    mixed: Step
    weights: _Parent
    value: _Parent

    def seen(self, step: Step) -> Step:
        """The step of the outer trace that shows this one."""
        return step if self.fused is None else self.fused

    @cached_property
    def d_k(self) -> int:
        """How many features a query has in one head."""
        return int(self.query.value.shape[-1])

    @property
    def lengths(self) -> tuple[int, int]:
        """How many queries and how many keys there are."""
        return self.scores.shape[-2], self.scores.shape[-1]

    @cached_property
    def masking(self) -> tuple[Step, ...]:
        """The steps on the scores that read a further tensor of more than one number."""
        return tuple(
            step
            for step in self.on_scores
            if canonical_name(step.op) in ("masked_fill", "add", "where")
            and any(parent.value.numel() > 1 for parent in step.inputs if not self._holds_scores(parent))
        )

    @property
    def hides(self) -> tuple[Step, ...]:
        """The steps that hide something, nothing where all keys are seen."""
        if self.visible is None or bool(self.visible.all()):
            return ()
        return self.masking or (self.softmax,)

    def _holds_scores(self, parent: _Parent) -> bool:
        return parent is self.scores or any(parent is step for step in self.on_scores)

    @cached_property
    def visible(self) -> Tensor | None:
        """Which keys each query sees, bool (…, L, L_k), measured on what goes into softmax; None without numbers."""
        after = self.softmax.inputs[0].value if self.softmax.inputs else None
        if after is None or not measurable(after, self.scores.value) or after.shape != self.scores.value.shape:
            return None
        numbers = to_float64(after)
        before = numbers.new_zeros(()) if not self.masking else self._before_masks()
        hidden = numbers.isneginf() | (numbers - before <= _HIDDEN)
        return ~hidden

    def _before_masks(self) -> Tensor:
        place = self.on_scores.index(self.masking[0])
        before = self.on_scores[place - 1] if place else self.scores
        return to_float64(before.value).nan_to_num(0.0, 0.0, 0.0)

    @cached_property
    def is_causal(self) -> bool:
        """Whether each query sees keys up to its own position and no later one, in the batch as a whole."""
        reach = self.reach
        length, keys = self.lengths
        return reach is not None and length > 2 and length == keys and reach == list(range(length))

    @cached_property
    def reach(self) -> list[int] | None:
        """The last key that each query sees anywhere in the batch, −1 for none; None without numbers."""
        if self.visible is None:
            return None
        anywhere = self.visible.flatten(0, -3).any(0) if self.visible.dim() > 2 else self.visible
        places = torch.arange(anywhere.shape[-1]) + 1
        return [int(last) - 1 for last in (anywhere * places).amax(-1)]


def attentions(trace: Trace, fused: Step | None = None) -> Iterator[Attention]:
    """The attentions of a trace in the order of their steps.

    Args:
        trace: where to look.
        fused: the step whose inside the trace is.
    """
    opened: set[int] = set()
    for step in trace.steps:
        if step.op in _PRODUCTS or canonical_name(step.op) == "matmul":
            attention = _attention(trace, step, fused)
            if attention is not None:
                yield attention
        elif step._open is not None and step.call not in opened and _may_hold_attention(step):
            opened.add(step.call)
            inside = _inside(step)
            if inside is not None:
                yield from attentions(inside, fused or step)


def _may_hold_attention(step: Step) -> bool:
    return "attention" in step.op or "transformer" in step.op


def _inside(step: Step) -> Trace | None:
    try:
        return step.inside
    except Exception:  # a fused call in a form that no plain program is known for
        return None


def _attention(trace: Trace, mixed: Step, fused: Step | None) -> Attention | None:
    operands = _operands(mixed)
    softmax = _back(operands[0], _ON_WEIGHTS, ("softmax",)) if len(operands) == 2 else None
    if softmax is None or not softmax[-1].inputs:
        return None
    path = _back(softmax[-1].inputs[0], _ON_SCORES, tuple(_PRODUCTS))
    if path is None:
        return None
    scores = path[-1]
    pair = _operands(scores)
    if len(pair) != 2 or scores.value.dim() < 2:
        return None
    between = tuple(reversed(path[:-1]))
    return Attention(trace, fused, pair[0], pair[1], scores, between, softmax[-1], mixed, operands[0], operands[1])


def _operands(step: Step) -> Sequence[_Parent]:
    """The two factors of a product; baddbmm has a summand before them."""
    return step.inputs[-2:] if step.op == "baddbmm" else step.inputs


def _back(parent: _Parent, through: frozenset[str], ends: tuple[str, ...]) -> list[Step] | None:
    """The steps from a tensor back to the nearest of an operation, that one last; None where none is near."""
    waiting: list[tuple[_Parent, list[Step]]] = [(parent, [])]
    while waiting:
        here, path = waiting.pop(0)
        if not isinstance(here, Step) or len(path) > _FAR:
            continue
        name = canonical_name(here.op) or here.op
        if name in ends or here.op in ends:
            return [*path, here]
        if here.op in through or name in through or movement(here.op) is not None:
            waiting += [(other, [*path, here]) for other in here.inputs]
    return None
