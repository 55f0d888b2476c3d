"""Complex numbers, as rotary positions use them: pairs of numbers read as one, turned, and taken apart again."""

from __future__ import annotations

import math
from copy import copy

import torch
from torch import Tensor

from engine.ops.access import AffineMap, AllIndices, ConstIndex, SameIndex
from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.accesses import like_output
from engine.ops.entries.elementwise import BinaryFunction, UnaryFunction
from engine.ops.formula import Cells
from engine.ops.notation import format_element
from engine.ops.printed import fill
from engine.ops.registry import Movement, Operation, Reads, operation, register
from engine.ops.terms import ListedValues, TermGroup


@operation("view_as_complex", "input")
class ViewAsComplex(Operation):
    """The two numbers along the last axis, read as the real and the imaginary part of one."""

    movement = Movement.SELECTS
    takes_complex = True
    _SENTENCE = "has {real} as its real part and {imaginary} as its imaginary part: the same memory, read in pairs"

    def reads(self, call: Call) -> Reads:
        shape = call.shape("input")
        return {"input": AffineMap(shape, (*map(SameIndex, range(len(shape) - 1)), AllIndices()))}

    def formula(self, cells: Cells) -> str:
        return "{} + ⅈ · {}".format(*(_at_last(cells, part) for part in (0, 1)))

    def derive(self, at: ElementContext) -> Derivation:
        pair = at.operand("input")
        real, imaginary = (ListedValues.of(pair, torch.tensor([part])) for part in (0, 1))
        cells = [at.describe(pair.parent, part.cell(0)) for part in (real, imaginary)]
        amounts = torch.complex(pair.numbers * torch.tensor([1.0, 0.0]), pair.numbers * torch.tensor([0.0, 1.0]))
        result = torch.complex(*pair.numbers)
        arithmetic = fill("{0.alone} + ⅈ · {1}", torch.complex, real.printed(), imaginary.printed())
        sentence = self._SENTENCE.format(real=cells[0], imaginary=cells[1])
        return Derivation((TermGroup("x", (pair,), amounts),), result, sentence, arithmetic, 0.0)

    def flops(self, call: Call) -> int:
        return 0


@operation("view_as_real", "input")
class ViewAsReal(Operation):
    """The real and the imaginary part of each number, side by side along a new last axis."""

    movement = Movement.SELECTS
    takes_complex = True
    _SENTENCES = ("is the real part of {cell}", "is the imaginary part of {cell}")
    _PARTS = ("Re {}", "Im {}")

    def reads(self, call: Call) -> Reads:
        shape = call.shape("input")
        return {"input": like_output(shape)}

    def formula(self, cells: Cells) -> str:
        x, last = cells.at("input"), len(cells.call.step.shape) - 1
        if cells.index is not None:
            return self._PARTS[cells.index[last]].format(x)
        return f"Re {x} where {cells.out(last)} = 0, else Im {x}"

    def derive(self, at: ElementContext) -> Derivation:
        x, part = at.operand("input"), at.index[-1]
        result = torch.view_as_real(x.numbers)[:, part]
        sentence = self._SENTENCES[part].format(cell=at.words("input"))
        arithmetic = fill(self._PARTS[part], lambda operand: torch.view_as_real(operand)[..., part], x.printed())
        return Derivation((TermGroup("x", (x,), result),), result[0], sentence, arithmetic, 0.0)

    def flops(self, call: Call) -> int:
        return 0


class ComplexPart(UnaryFunction):
    """A part of a complex number."""

    movement = Movement.SELECTS

    def flops(self, call: Call) -> int:
        return 0


class Polar(BinaryFunction):
    """A complex number by its length and its angle."""

    signature = "input other"

    def derive(self, at: ElementContext) -> Derivation:
        polar = super().derive(at)
        # The rounding of an angle turns the number as far as the angle is large.
        angle = at.operand("other").numbers[0].abs().item()
        magnitude = (polar.magnitude or 0.0) * (1 + angle)
        finite = magnitude if math.isfinite(magnitude) else 0.0
        return Derivation(polar.groups, polar.result, polar.sentence, polar.arithmetic, finite)

    def flops(self, call: Call) -> int:
        return 4 * call.step.value.numel()


def _at_last(cells: Cells, part: int) -> str:
    """The element with this index along the last axis."""
    if cells.index is not None:
        return format_element(cells.call.args["input"], (*cells.index, part))
    operand = copy(cells)
    shape = cells.call.shape("input")
    operand.reads = {"input": AffineMap(shape, (*map(SameIndex, range(len(shape) - 1)), ConstIndex(part)))}
    return operand.at("input")


def _conjugate(x: Tensor) -> Tensor:
    return x.conj().resolve_conj()


register(Polar("polar", torch.polar, "{0} · (cos {1.alone} + ⅈ · sin {1.alone})",
               "is the number of length {x} at the angle {y}"))  # fmt: skip
register(BinaryFunction("complex", torch.complex, "{0.alone} + ⅈ · {1}", "is {x} plus i times {y}"))
register(ComplexPart("real", torch.real, "Re {}", "is the real part of {x}"))
register(ComplexPart("imag", torch.imag, "Im {}", "is the imaginary part of {x}"))
register(UnaryFunction("conj conj_physical", _conjugate, "conj {}", "is {x} with the other sign of i"))
register(UnaryFunction("angle", torch.angle, "angle {}", "is the angle of {x} in radians"))
