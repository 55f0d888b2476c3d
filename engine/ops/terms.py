"""The terms that made a number: kept side by side, and told one by one when asked."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from engine.ops.call import Operand
from engine.ops.numerics import sizes
from engine.ops.printed import Printed, constant, enough_digits, fill

_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Factor:
    """One element that was read: of which parent, where, its recorded number, and its part in the operation.

    A number given in the call, such as the 2.83 of ``scores / 2.83``, has the index ().

    Attributes:
        parent: the tensor, parameter or number that was read.
        index: where in it.
        value: the recorded number.
        role: the parameter that it was given for.
    """

    parent: Operand
    index: tuple[int, ...]
    value: float
    role: str


@dataclass(frozen=True, slots=True)
class Term:
    """What one or more elements together put into the result.

    Attributes:
        factors: the elements; two for a product.
        contribution: what they come to. In a sum these add up to the result; in a softmax they are the
            exponentials, whose sum divides.
        role: "product", "bias", "x", ...
        share: the contribution divided by the sum of all, for a softmax.
    """

    factors: tuple[Factor, ...]
    contribution: float
    role: str
    share: float | None = None

    @property
    def digits(self) -> int:
        """How many digits its factors need so that, by eye, they come to the contribution's four."""
        if self.role != "product" or len(self.factors) != 2:
            return _DIGITS
        product = fill("{}·{}", torch.mul, *(constant(factor.value) for factor in self.factors))
        return enough_digits(product, self.contribution, _DIGITS) or _DIGITS

    @property
    def parent(self) -> Operand:
        """Of its first factor."""
        return self.factors[0].parent

    @property
    def index(self) -> tuple[int, ...]:
        """Of its first factor."""
        return self.factors[0].index

    @property
    def value(self) -> float:
        """Of its first factor."""
        return self.factors[0].value


@dataclass(frozen=True, eq=False)
class OperandValues:
    """The elements read of one parent, in row-major order: ``ranges`` has their range along each axis.

    ``raw`` holds their numbers as recorded, ``numbers`` the same in float64 where the result has a fraction.

    ``role`` is the parameter that the parent was given for.
    """

    parent: Operand
    role: str
    ranges: tuple[range, ...]
    raw: Tensor
    numbers: Tensor

    def factor(self, position: int) -> Factor:
        """One of the elements, by its position among them in row-major order."""
        index = []
        rest = position
        for indices in reversed(self.ranges):
            rest, along = divmod(rest, len(indices))
            index.append(indices[along])
        return Factor(self.parent, tuple(reversed(index)), self.raw[position].item(), self.role)

    def printed(self, position: int = 0) -> Printed:
        """One of the numbers, in arithmetic that people read."""
        return constant(self.raw[position].item(), self.numbers.dtype)

    def factors(self) -> list[Factor]:
        """All of them, in row-major order."""
        cells = itertools.product(*self.ranges)
        return [Factor(self.parent, cell, v, self.role) for cell, v in zip(cells, self.raw.tolist(), strict=True)]


@dataclass(frozen=True, eq=False)
class ListedValues(OperandValues):
    """Elements of one parent in an order of their own, some perhaps more than once: ``cell`` says where each stands."""

    cell: Callable[[int], tuple[int, ...]]

    @classmethod
    def of(cls, read: OperandValues, positions: Tensor) -> ListedValues:
        """Those of the elements read that stand at these positions, in this order."""
        order = positions.tolist()
        return cls(
            read.parent,
            read.role,
            read.ranges,
            read.raw[positions],
            read.numbers[positions],
            lambda position: read.factor(order[position]).index,
        )

    def factor(self, position: int) -> Factor:
        return Factor(self.parent, self.cell(position), self.raw[position].item(), self.role)

    def factors(self) -> list[Factor]:
        return [self.factor(position) for position in range(len(self.raw))]


@dataclass(frozen=True, eq=False)
class TermGroup:
    """Terms of one kind: their factors side by side, and what each puts in.

    Attributes:
        role: what these terms are called.
        operands: the elements that were read, an entry for each factor of a term.
        contributions: what each term puts into the result, (terms), float64.
        shares: how much of the result each makes, (terms), where that is not its contribution; else None.
    """

    role: str
    operands: tuple[OperandValues, ...]
    contributions: Tensor
    shares: Tensor | None = None

    def __len__(self) -> int:
        return self.contributions.numel()

    def term(self, position: int) -> Term:
        """One of the terms, by its position among them."""
        share = None if self.shares is None else self.shares[position].item()
        factors = tuple(operand.factor(position) for operand in self.operands)
        return Term(factors, self.contributions[position].item(), self.role, share)

    def terms(self) -> list[Term]:
        """All of them, in order."""
        rows = zip(*(operand.factors() for operand in self.operands), strict=True)
        shares: Sequence[float | None] = [None] * len(self) if self.shares is None else self.shares.tolist()
        amounts = self.contributions.tolist()
        return [Term(row, amount, self.role, share) for row, amount, share in zip(rows, amounts, shares, strict=True)]


class Largest(NamedTuple):
    """The terms that count most, and the sum and number of those left out."""

    terms: tuple[Term, ...]
    rest: float
    others: int


def largest(groups: Sequence[TermGroup], n: int) -> Largest:
    """The n terms with the largest contributions by magnitude, a NaN before everything."""
    parts = [
        group.contributions if group.contributions.is_complex() else group.contributions.double() for group in groups
    ]
    amounts = torch.cat(parts) if groups else torch.empty(0)
    order = sizes(amounts).nan_to_num(nan=torch.inf, posinf=torch.inf).argsort(descending=True, stable=True).tolist()
    positions = [(group, position) for group in groups for position in range(len(group))]
    chosen = tuple(positions[at][0].term(positions[at][1]) for at in order[:n])
    return Largest(chosen, amounts[order[n:]].sum().item(), max(0, len(order) - n))
