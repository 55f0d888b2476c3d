"""One element of a call's output: what it read, and how it came of that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from engine.ops.access import AccessMap, AffineMap, Index
from engine.ops.call import Call
from engine.ops.formula import Cells, ElementCells
from engine.ops.printed import Printed
from engine.ops.terms import OperandValues, TermGroup

_ROLES = {"input": "x", "other": "y"}
_ONE_NUMBER = "{count} number, {cells}"
_NUMBERS = "{count} numbers, {cells}"

# A tensor and an index, whole axes as None and parts of axes as ranges -> what a sentence calls the element.
Describe = Callable[[Any, Sequence["int | range | None"]], str]


@dataclass(frozen=True, eq=False)
class Derivation:
    """How one element came about.

    Attributes:
        groups: the terms, a group for each kind.
        result: what they come to, one number; None where nothing says what it is (``torch.empty``).
        sentence: goes on from the element's name to a sentence.
        arithmetic: what stands between the equals signs, None for an operation that has no arithmetic.
        magnitude: how large the numbers were that were added and rounded on the way: the sum of the contributions'
            absolute values where None.
    """

    groups: tuple[TermGroup, ...]
    result: Tensor | None
    sentence: str
    arithmetic: Printed | None = None
    magnitude: float | None = None


@dataclass(frozen=True, eq=False)
class ElementContext:
    """One element of a call's output, and what it read.

    Attributes:
        call: the call.
        reads: its access maps by parameter.
        index: the element's index.
        describe: what a sentence calls an element of a tensor.
        token: the word that a table's row stands for, None where no word is known.
    """

    call: Call
    reads: Mapping[str, AccessMap]
    index: Index
    describe: Describe
    token: Callable[[Any, int], str | None]

    @cached_property
    def cells(self) -> Cells:
        """The elements it read, as a formula writes them."""
        return ElementCells(self.call, self.reads, self.index)

    def operand(self, name: str) -> OperandValues:
        """The numbers read of one parameter; a number given in the call is read as a tensor of one.

        Raises:
            LookupError: this element reads nothing of it.
        """
        operand = self.call.args[name]
        role = _ROLES.get(name, name)
        if name not in self.reads:
            value = operand.value
            raw = torch.tensor([value], dtype=torch.float64 if isinstance(value, float) else None)
            return OperandValues(operand, role, (), raw, self._wide(raw))
        ranges = self.reads[name].ranges(self.index)
        if ranges is None:
            raise LookupError(f"{self.call.op} reads nothing of {name} here")
        cells = operand.value.detach()[tuple(slice(indices.start, indices.stop, indices.step) for indices in ranges)]
        raw = cells.cpu().reshape(-1)
        return OperandValues(operand, role, ranges, raw, self._wide(raw))

    def exactly(self, names: Sequence[str], function: Callable[..., Tensor]) -> Tensor:
        """The operation itself on the elements as recorded: what compares, jumps or combines bits is not widened."""
        operands = [self.operand(name) for name in names]
        # A number of the call takes the tensor's dtype, as it did in the call; so does a tensor without axes.
        given = [
            operand.parent.value
            if operand.parent.kind == "argument"
            else operand.raw.reshape([1] * bool(operand.ranges))
            for operand in operands
        ]
        return function(*given).reshape(-1)

    def is_read(self, name: str) -> bool:
        """Whether this element reads anything of the parameter."""
        return name in self.reads and self.reads[name].ranges(self.index) is not None

    def words(self, name: str) -> str:
        """The element read of a parameter, in a sentence; whole and partial axes as such."""
        read = self.reads.get(name)
        ranges = (read.ranges(self.index) if read else None) or ()
        index: list[int | range | None] = []
        for axis, indices in enumerate(ranges):
            partial = isinstance(read, AffineMap) and read.axes[axis].partial
            whole = read is not None and axis in read.running
            index.append(indices if partial else None if whole else indices.start)
        return self.describe(self.call.args[name], index)

    def numbers(self, name: str) -> str:
        """The elements read of a parameter, in a sentence: how many numbers they are, and which."""
        count = len(self.operand(name).raw)
        return (_ONE_NUMBER if count == 1 else _NUMBERS).format(count=count, cells=self.words(name))

    def operand_at(self, name: str, cell: Index) -> OperandValues:
        """The number of one cell of a parameter's tensor."""
        operand = self.call.args[name]
        raw = operand.value.detach()[cell].cpu().reshape(-1)
        ranges = tuple(range(at, at + 1) for at in cell)
        return OperandValues(operand, _ROLES.get(name, name), ranges, raw, self._wide(raw))

    def _wide(self, raw: Tensor) -> Tensor:
        if raw.is_complex():
            return raw.to(torch.complex128)
        dtype = self.call.step.dtype
        if dtype.is_floating_point or dtype.is_complex or raw.is_floating_point():
            return raw.double()
        return raw.long()
