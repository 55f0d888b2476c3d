"""Sums of products by their letters (``torch.einsum``)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from engine.ops.access import AccessMap, AffineMap, AllIndices, SameIndex
from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.formula import Cells
from engine.ops.index_access import SearchMap
from engine.ops.notation import format_element, formula_name
from engine.ops.printed import Printed, fill, long_sum
from engine.ops.registry import Operation, Reads, operation
from engine.ops.terms import ListedValues, OperandValues, TermGroup

_ELLIPSIS = "..."
_ONE_SUM = {True: "is {cells}", False: "is {count} numbers added up, {cells}"}
_DIAGONAL = "the diagonal of {cells}"
_PRODUCTS = {True: "is 1 product, {cells}", False: "is {count} products added up, {cells}"}


@dataclass(frozen=True)
class EinsumPattern:
    """An einsum's letters, for every axis one; the axes of an ellipsis have the names ...0, ...1 from the right.

    Attributes:
        operands: by operand, its axes' letters.
        output: the output's.
    """

    operands: tuple[tuple[str, ...], ...]
    output: tuple[str, ...]

    @classmethod
    def of(cls, call: Call) -> EinsumPattern | None:
        """The pattern of a call; None where it is not one that torch reads."""
        inputs, arrow, output = str(call.value("equation")).replace(" ", "").partition("->")
        parts = inputs.split(",")
        if len(parts) != len(call.tensors):
            return None
        ranks = [len(call.shape(name)) for name in call.tensors]
        operands = tuple(_letters(part, rank) for part, rank in zip(parts, ranks, strict=True))
        if any(letters is None or len(letters) != rank for letters, rank in zip(operands, ranks, strict=True)):
            return None
        known = tuple(letters for letters in operands if letters is not None)
        widest = max((sum(letter.startswith(_ELLIPSIS) for letter in letters) for letters in known), default=0)
        if arrow:
            shown = _letters(output, len(output.replace(_ELLIPSIS, "")) + widest * (_ELLIPSIS in output))
        else:
            counts = [letter for letters in known for letter in letters if not letter.startswith(_ELLIPSIS)]
            # Without an arrow torch keeps the letters that stand once, in the order of the alphabet.
            once = sorted(letter for letter in set(counts) if counts.count(letter) == 1)
            shown = (*(f"{_ELLIPSIS}{number}" for number in reversed(range(widest))), *once)
        return None if shown is None else cls(known, shown)

    @property
    def summed(self) -> tuple[str, ...]:
        """The letters that are added up over, in the order in which they appear."""
        letters = (letter for operand in self.operands for letter in operand)
        return tuple(dict.fromkeys(letter for letter in letters if letter not in self.output))


@operation("einsum", "equation *tensors")
class Einsum(Operation):
    takes_complex = True

    def reads(self, call: Call) -> Reads:
        pattern = EinsumPattern.of(call)
        if pattern is None or len(pattern.output) != len(call.step.shape):
            return None
        reads: dict[str, AccessMap] = {}
        for name, letters in zip(call.tensors, pattern.operands, strict=True):
            summed = [letter for letter in letters if letter not in pattern.output]
            if len(set(summed)) != len(summed):
                reads[name] = _diagonal(call, name, letters, pattern)
                continue
            axes = tuple(
                SameIndex(pattern.output.index(letter)) if letter in pattern.output else AllIndices(letter.lower())
                for letter in letters
            )
            reads[name] = AffineMap(call.shape(name), axes)
        return reads

    def formula(self, cells: Cells) -> str:
        pattern = EinsumPattern.of(cells.call)
        assert pattern is not None
        named = zip(cells.call.tensors, pattern.operands, strict=True)
        product = " · ".join(
            _diagonal_cell(cells, name, letters, pattern)
            if isinstance(cells.reads[name], SearchMap)
            else cells.at(name)
            for name, letters in named
        )
        summed = ",".join(letter.lower() for letter in pattern.summed)
        return f"Σ{cells.subscript(summed)} {product}" if summed else product

    def derive(self, at: ElementContext) -> Derivation:
        pattern = EinsumPattern.of(at.call)
        assert pattern is not None
        sizes = dict.fromkeys(pattern.summed, 1)
        for name, letters in zip(at.call.tensors, pattern.operands, strict=True):
            for letter, size in zip(letters, at.call.shape(name), strict=True):
                if letter in sizes:
                    sizes[letter] = max(sizes[letter], size)
        operands = tuple(
            _spread_diagonal(at, name, letters, sizes)
            if isinstance(at.reads[name], SearchMap)
            else _spread(at.operand(name), letters, sizes)
            for name, letters in zip(at.call.tensors, pattern.operands, strict=True)
        )
        products = torch.stack([operand.numbers for operand in operands]).prod(0)
        count, single = products.numel(), len(operands) == 1
        cells = " times ".join(
            _DIAGONAL.format(cells=_row_words(at, name, letters, pattern))
            if isinstance(at.reads[name], SearchMap)
            else at.words(name)
            for name, letters in zip(at.call.tensors, pattern.operands, strict=True)
        )
        sentence = (_ONE_SUM if single else _PRODUCTS)[count == 1].format(count=count, cells=cells)
        arithmetic = long_sum(products, lambda position: _product([operand.printed(position) for operand in operands]))
        # A product of three or more goes over one of two, which is rounded as well.
        magnitude = products.abs().sum().item() * max(1, len(operands) - 1)
        group = TermGroup("x" if single else "product", operands, products)
        return Derivation(
            (group,), products.sum(), sentence, arithmetic, magnitude if math.isfinite(magnitude) else 0.0
        )

    def flops(self, call: Call) -> int:
        pattern = EinsumPattern.of(call)
        if pattern is None:
            return 0
        sizes: dict[str, int] = {}
        for name, letters in zip(call.tensors, pattern.operands, strict=True):
            for letter, size in zip(letters, call.shape(name), strict=True):
                sizes[letter] = max(sizes.get(letter, 1), size)
        terms = math.prod(sizes.values())
        # As torch.utils.flop_counter counts a matrix product: for every term its products and one addition.
        return terms * (len(pattern.operands) if pattern.summed else len(pattern.operands) - 1)


def _diagonal(call: Call, name: str, letters: Sequence[str], pattern: EinsumPattern) -> SearchMap:
    """The cells in which one letter stands for several axes and is added up over: a diagonal, which is no box."""
    own = list(dict.fromkeys(letters))
    sizes = dict(zip(letters, call.shape(name), strict=True))
    axes = tuple(SameIndex(pattern.output.index(letter)) if letter in pattern.output else None for letter in own)
    space = tuple(sizes[letter] for letter in own)
    own_axes = tuple(own.index(letter) for letter in letters)
    return SearchMap(call.shape(name), call.step.shape, space, axes, (), own_axes, last=False)


def _diagonal_cell(cells: Cells, name: str, letters: Sequence[str], pattern: EinsumPattern) -> str:
    output = pattern.output
    index = tuple(cells.out(output.index(letter)) if letter in output else letter.lower() for letter in letters)
    operand = cells.call.args[name]
    return (
        format_element(operand, index)
        if cells.index is not None
        else formula_name(operand) + cells.subscript("".join(index))
    )


def _row_words(at: ElementContext, name: str, letters: Sequence[str], pattern: EinsumPattern) -> str:
    output = pattern.output
    index = [at.index[output.index(letter)] if letter in output else None for letter in letters]
    return at.describe(at.call.args[name], index)


def _spread_diagonal(at: ElementContext, name: str, letters: Sequence[str], sizes: dict[str, int]) -> ListedValues:
    """The numbers of a diagonal, one for every term."""
    cells = at.reads[name].cells(at.index)
    numbers = [at.operand_at(name, cell) for cell in cells]
    own = [letter for letter in dict.fromkeys(letters) if letter in sizes]
    shape = [sizes[letter] if letter in own else 1 for letter in sizes]
    order = [own.index(letter) for letter in sizes if letter in own]
    positions = torch.arange(len(cells)).reshape([sizes[letter] for letter in own]).permute(order).reshape(shape)
    chosen = positions.expand(list(sizes.values())).reshape(-1).tolist()
    first = numbers[0]
    raw = torch.cat([numbers[position].raw for position in chosen])
    wide = torch.cat([numbers[position].numbers for position in chosen])
    return ListedValues(first.parent, first.role, first.ranges, raw, wide, lambda term: cells[chosen[term]])


def _letters(part: str, rank: int) -> tuple[str, ...] | None:
    """The letters of a part of a pattern, one for each axis; None where they don't fit the rank."""
    before, dots, after = part.partition(_ELLIPSIS)
    if not dots:
        return tuple(before)
    hidden = rank - len(before) - len(after)
    return None if hidden < 0 else (*before, *(f"{_ELLIPSIS}{number}" for number in reversed(range(hidden))), *after)


def _spread(x: OperandValues, letters: Sequence[str], sizes: dict[str, int]) -> ListedValues:
    """An operand's numbers, one for every term: letters that it does not have leave it where it is."""
    positions = torch.arange(len(x.raw)).reshape([len(indices) for indices in x.ranges])
    summed = [letter for letter in sizes if letter in letters]
    order = [axis for axis, letter in enumerate(letters) if letter not in sizes]
    order += [letters.index(letter) for letter in summed]
    own = positions.permute(order).reshape([len(x.ranges[letters.index(letter)]) for letter in summed])
    shape = [own.shape[summed.index(letter)] if letter in summed else 1 for letter in sizes]
    return ListedValues.of(x, own.reshape(shape).expand(list(sizes.values())).reshape(-1))


def _product(factors: list[Printed]) -> Printed:
    if len(factors) == 1:
        return factors[0]
    template = "·".join(["{}"] * len(factors))
    return fill(template, lambda *numbers: torch.stack(numbers).prod(0), *factors, compound=False)
