"""The two products of an attention, by ``@`` or by einsum, and in which order their operands have their axes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from engine.ops import bind, canonical_name
from engine.ops.entries.contractions.einsum import EinsumPattern
from engine.record.trace import Leaf, Step

_MATRIX_PRODUCTS = frozenset(("matmul", "bmm", "baddbmm"))
PRODUCTS = _MATRIX_PRODUCTS | {"einsum"}

_Letters = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class HeadOperand:
    """A query, key, value or mix, and the order of its axes in which it is (…, length, features).

    Attributes:
        parent: the tensor.
        order: its axes, batch first, then heads where it has them, the length and the features last.
    """

    parent: Step | Leaf
    order: tuple[int, ...]

    def laid_out(self, value: Tensor) -> Tensor:
        """A tensor of the operand's shape as (…, length, features)."""
        return value.permute(self.order)

    @property
    def value(self) -> Tensor:
        """Its numbers as (…, length, features)."""
        return self.laid_out(self.parent.value)


@dataclass(frozen=True, eq=False)
class ScoresProduct:
    """The product of queries and keys, whose last two axes are the queries and the keys."""

    query: HeadOperand
    key: HeadOperand


@dataclass(frozen=True, eq=False)
class MixProduct:
    """The product of weights and values.

    Attributes:
        weights: what the values are weighted with.
        axis: the axis of ``weights`` that is added up over.
        value: the values.
        mixed: the product.
    """

    weights: Step | Leaf
    axis: int
    value: HeadOperand
    mixed: HeadOperand


def is_product(step: Step) -> bool:
    """Whether a step is a product of two tensors as attention has them."""
    return step.op in PRODUCTS or canonical_name(step.op) in PRODUCTS


def scores_product(step: Step) -> ScoresProduct | None:
    """A step as the product of queries and keys; None where it can't be one."""
    if canonical_name(step.op) != "einsum":
        pair = _factors(step)
        if len(pair) != 2 or any(parent.value.dim() < 2 for parent in pair) or step.value.dim() < 2:
            return None
        query, key = pair
        return ScoresProduct(HeadOperand(query, _straight(query)), HeadOperand(key, _transposed(key)))
    for (query, query_letters), (key, key_letters), output in _einsum_operands(step):
        summed = _only(set(query_letters) & set(key_letters) - set(output))
        if summed is None or len(output) < 2 or output[-2] in key_letters or output[-1] in query_letters:
            continue
        if output[-2] in query_letters and output[-1] in key_letters:
            return ScoresProduct(
                HeadOperand(query, _order(query_letters, (*output, summed))),
                HeadOperand(key, _order(key_letters, (*output, summed))),
            )
    return None


def mix_products(step: Step) -> Iterator[MixProduct]:
    """The ways in which a step may be the product of weights and values."""
    if canonical_name(step.op) != "einsum":
        pair = _factors(step)
        if len(pair) == 2 and pair[0].value.dim() >= 1:
            weights, value = pair
            mixed, values = HeadOperand(step, _straight(step)), HeadOperand(value, _straight(value))
            yield MixProduct(weights, weights.value.dim() - 1, values, mixed)
        return
    for (weights, weight_letters), (value, value_letters), output in _einsum_operands(step):
        summed = _only(set(weight_letters) & set(value_letters) - set(output))
        features = _only(set(value_letters) - set(weight_letters))
        if summed is None or features is None:
            continue
        rows = tuple(letter for letter in weight_letters if letter != summed)
        yield MixProduct(
            weights,
            weight_letters.index(summed),
            HeadOperand(value, _order(value_letters, (*rows, summed, features))),
            HeadOperand(step, _order(output, (*rows, features))),
        )


def _factors(step: Step) -> Sequence[Step | Leaf]:
    """The two factors of a product; baddbmm has a summand before them."""
    return step.inputs[-2:] if step.op == "baddbmm" else step.inputs


def _straight(parent: Step | Leaf) -> tuple[int, ...]:
    return tuple(range(parent.value.dim()))


def _transposed(parent: Step | Leaf) -> tuple[int, ...]:
    *others, length, features = _straight(parent)
    return (*others, features, length)


_Operand = tuple[Step | Leaf, _Letters]


def _einsum_operands(step: Step) -> Iterator[tuple[_Operand, _Operand, _Letters]]:
    """Both orders of an einsum's two operands, each with its letters, and the output's letters."""
    call = bind(step)
    pattern = None if call is None else EinsumPattern.of(call)
    if pattern is None or len(pattern.operands) != 2 or len(step.inputs) != 2:
        return
    if any(len(set(letters)) != len(letters) for letters in pattern.operands):
        return  # a diagonal
    first, second = zip(step.inputs, pattern.operands, strict=True)
    yield first, second, pattern.output
    yield second, first, pattern.output


def _order(letters: _Letters, wanted_order: Sequence[str]) -> tuple[int, ...]:
    """The axes with these letters in the wanted order; those that are not asked for come first."""
    known = [letters.index(letter) for letter in wanted_order if letter in letters]
    return (*(axis for axis in range(len(letters)) if axis not in known), *known)


def _only(letters: set[str]) -> str | None:
    return next(iter(letters)) if len(letters) == 1 else None
