"""Arithmetic as it is printed: its text, and what the digits in that text come to.

A sum that people read must add up with the digits they see. So a piece of arithmetic knows not only how it is written
but also what its numbers give once each is rounded to what is written, and more digits are written where they are
needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.ops.notation import joined_terms, number, rounded
from engine.ops.numerics import sizes

_RESULT_DIGITS = 6
_FEWEST_DIGITS = 4
# How many digits may be tried, by how many numbers stand in the line: more than this could not be read any more.
_MOST_DIGITS = ((2, 17), (5, 9))


@dataclass(frozen=True)
class Bracketed:
    """A number, a sum or a cell inside a template: ``{}`` has brackets where they are needed.

    ``{0.alone}`` never has them, for a place that already has some of its own, and ``{0.base}`` is what a power is
    taken of.
    """

    alone: str
    compound: bool = False
    base: str = ""

    def __str__(self) -> str:
        return f"({self.alone})" if self.compound or self.alone.startswith("−") else self.alone


def with_cells(template: str, *written: str) -> str:
    """A formula: the template with these cells in it."""
    return template.format(*(Bracketed(cell, base=cell) for cell in written))


@dataclass(frozen=True, eq=False)
class Printed:
    """A piece of arithmetic that can be written with any number of digits.

    Attributes:
        text: writes it, every number with so many significant digits.
        value: what the numbers as ``text`` writes them come to, a tensor without axes.
        numbers: how many numbers it has.
        compound: whether it needs brackets inside something else.
    """

    text: Callable[[int], str]
    value: Callable[[int], Tensor]
    numbers: int = 1
    compound: bool = False

    def bracketed(self, digits: int) -> Bracketed:
        """The text inside something else."""
        text = self.text(digits)
        exponent = self.numbers == 1 and "e" in text
        return Bracketed(text, self.compound, f"({text})" if self.compound or exponent or text[0] == "−" else text)


def constant(value: float | complex, dtype: torch.dtype | None = None) -> Printed:
    """One number, computed with in ``dtype``: float64 where it has a fraction unless said otherwise."""
    usual = {float: torch.float64, complex: torch.complex128}.get(type(value), torch.int64)
    dtype = dtype or usual
    return Printed(
        lambda digits: number(value, digits),
        lambda digits: torch.tensor(rounded(value, digits), dtype=dtype),
        compound=isinstance(value, complex),
    )


def fill(template: str, function: Callable[..., Tensor], *operands: Printed, compound: bool = True) -> Printed:
    """A template with numbers in it.

    Args:
        template: with ``{}`` or ``{0.alone}`` for each operand (see ``Printed``).
        function: computes in torch what the template says.
        *operands: what stands in its places.
        compound: whether it needs brackets inside a larger expression.
    """
    return Printed(
        lambda digits: template.format(*(operand.bracketed(digits) for operand in operands)),
        lambda digits: function(*(operand.value(digits) for operand in operands)),
        sum(operand.numbers for operand in operands),
        compound,
    )


def sum_of(terms: Sequence[Printed]) -> Printed:
    """The terms with a sign between them; nothing at all adds up to 0."""
    if len(terms) == 1:
        return terms[0]
    if not terms:
        return constant(0)
    return Printed(
        lambda digits: joined_terms(term.text(digits) for term in terms),
        lambda digits: torch.stack([term.value(digits) for term in terms]).sum(),
        sum(term.numbers for term in terms),
        compound=True,
    )


_SHOWN = 3  # terms of a long sum that are written out


def long_sum(amounts: Tensor, term: Callable[[int], Printed]) -> Printed:
    """A sum that people read.

    Args:
        amounts: (n), what each term puts in.
        term: writes the term at a position.

    Up to four come in their own order. Of more, only the three largest by magnitude, NaN and infinities before all,
    then how many others there are and what those come to.
    """
    count = amounts.numel()
    if count <= _SHOWN + 1:
        return sum_of([term(position) for position in range(count)])
    top, positions = sizes(amounts).nan_to_num(nan=math.inf, posinf=math.inf).topk(_SHOWN + 1)
    others = amounts.clone()
    others[positions[:_SHOWN]] = 0
    # Where the next one is as large, calling it smaller would be wrong.
    template = (
        "{count} smaller terms ({{0.alone}})" if top[_SHOWN] < top[_SHOWN - 1] else "{count} other terms ({{0.alone}})"
    )
    rest = constant(others.sum().item(), amounts.dtype)
    others_written = fill(template.format(count=count - _SHOWN), lambda amount: amount, rest)
    return sum_of([*map(term, positions[:_SHOWN].tolist()), others_written])


def adds_up(printed: Printed, result: float, digits: int, shown: int = _RESULT_DIGITS) -> bool:
    """Whether the numbers come to the result as that is shown.

    Args:
        printed: the arithmetic.
        result: what it should come to.
        digits: with how many significant digits its numbers are written.
        shown: with how many the result is.
    """
    value = printed.value(digits).item()
    return bool(value == result) or _shown(value, shown) == _shown(result, shown)


def _shown(value: float | complex, digits: int) -> str:
    return number(value if isinstance(value, complex) else float(value), digits)


def enough_digits(printed: Printed, result: float, shown: int = _RESULT_DIGITS) -> int | None:
    """The fewest digits with which the arithmetic adds up.

    Args:
        printed: the arithmetic.
        result: what it should come to.
        shown: with how many significant digits the result is shown.

    Returns:
        The number of digits; None where no number that could be read is enough.
    """
    most = next((digits for numbers, digits in _MOST_DIGITS if printed.numbers <= numbers), _FEWEST_DIGITS)
    tried = range(_FEWEST_DIGITS, most + 1)
    return next((digits for digits in tried if adds_up(printed, result, digits, shown)), None)


def equation(printed: Printed, result: float, agrees: bool) -> str:
    """``1.5 · 2 = 3``.

    Args:
        printed: the arithmetic.
        result: what it comes to.
        agrees: whether it does; ≠ stands between them where not, and ≈ where only the digits shown don't add up.
    """
    digits = enough_digits(printed, result)
    sign = "≠" if not agrees else "=" if digits else "≈"
    return f"{printed.text(digits or _FEWEST_DIGITS)} {sign} {number(result, _RESULT_DIGITS)}"
