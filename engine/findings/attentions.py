"""Every attention in a trace, found by which step reads which, also inside fused calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from engine.findings.attention_products import (
    PRODUCTS,
    HeadOperand,
    MixProduct,
    ScoresProduct,
    is_product,
    mix_products,
    scores_product,
)
from engine.ops import canonical_name, movement
from engine.ops.numerics import measurable, to_float64
from engine.record.trace import Leaf, Step, Trace

_Parent = Step | Leaf
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
        product: the product of queries and keys.
        scores: the step that is that product.
        on_scores: the steps between it and the softmax, in order.
        softmax: the step that makes the weights.
        mix: the product of weights and values.
        mixed: the step that is that product.
    """

    trace: Trace
    fused: Step | None
    product: ScoresProduct
    scores: Step
    on_scores: tuple[Step, ...]
    softmax: Step
    mix: MixProduct
    mixed: Step

    @property
    def query(self) -> _Parent:
        """The queries, in whatever order of their axes."""
        return self.product.query.parent

    @property
    def key(self) -> _Parent:
        """The keys, in whatever order of their axes."""
        return self.product.key.parent

    @property
    def value(self) -> _Parent:
        """The values, in whatever order of their axes."""
        return self.mix.value.parent

    @property
    def weights(self) -> _Parent:
        """What the values are weighted with."""
        return self.mix.weights

    @property
    def operands(self) -> tuple[HeadOperand, HeadOperand, HeadOperand]:
        """Query, key and value."""
        return self.product.query, self.product.key, self.mix.value

    def seen(self, step: Step) -> Step:
        """The step of the outer trace that shows this one."""
        return step if self.fused is None else self.fused

    @cached_property
    def d_k(self) -> int:
        """How many features a query has in one head."""
        return int(self.product.query.value.shape[-1])

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
        position = self.on_scores.index(self.masking[0])
        before = self.on_scores[position - 1] if position else self.scores
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
        positions = torch.arange(anywhere.shape[-1]) + 1
        return [int(last) - 1 for last in (anywhere * positions).amax(-1)]


def attentions(trace: Trace, fused: Step | None = None) -> Iterator[Attention]:
    """The attentions of a trace in the order of their steps.

    Args:
        trace: where to look.
        fused: the step whose inside the trace is.
    """
    opened: set[int] = set()
    for step in trace.steps:
        if is_product(step):
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
    for mix in mix_products(mixed):
        softmax = _back(mix.weights, _ON_WEIGHTS, ("softmax",))
        if softmax is None or not softmax[-1].inputs:
            continue
        path = _back(softmax[-1].inputs[0], _ON_SCORES, tuple(PRODUCTS))
        product = None if path is None else scores_product(path[-1])
        if path is None or product is None:
            continue
        between = tuple(reversed(path[:-1]))
        return Attention(trace, fused, product, path[-1], between, softmax[-1], mix, mixed)
    return None


def _back(parent: _Parent, through: frozenset[str], ends: tuple[str, ...]) -> list[Step] | None:
    """The steps from a tensor back to the nearest of an operation, that one last; None where none is near."""
    queue: list[tuple[_Parent, list[Step]]] = [(parent, [])]
    while queue:
        node, path = queue.pop(0)
        if not isinstance(node, Step) or len(path) > _FAR:
            continue
        name = canonical_name(node.op) or node.op
        if name in ends or node.op in ends:
            return [*path, node]
        if node.op in through or name in through or movement(node.op) is not None:
            queue += [(other, [*path, node]) for other in node.inputs]
    return None
