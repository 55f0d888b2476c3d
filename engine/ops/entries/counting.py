"""How often something occurs, and whether it does at all."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.ops.access import AccessMap, AffineMap, AllIndices
from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.accesses import like_output
from engine.ops.formula import Cells
from engine.ops.notation import number
from engine.ops.printed import Printed, constant, fill, long_sum
from engine.ops.registry import Operation, Reads, operation
from engine.ops.terms import OperandValues, TermGroup


@operation("one_hot", "input num_classes?")
class OneHot(Operation):
    """A row of zeros with a 1 at the index that a number says."""

    _SAME = "is 1, because {cell} = {value} is the number of this place"
    _OTHER = "is 0, because {cell} = {value} is not {index}, the number of this place"

    def reads(self, call: Call) -> Reads:
        shape = call.shape("input")
        return {"input": like_output(shape)}

    def formula(self, cells: Cells) -> str:
        return f"1 if {cells.at('input')} = {cells.out(len(cells.call.step.shape) - 1)} else 0"

    def derive(self, at: ElementContext) -> Derivation:
        x, index = at.operand("input"), at.index[-1]
        result = (x.numbers == index).long()
        template = self._SAME if result[0] else self._OTHER
        sentence = template.format(cell=at.words("input"), value=x.raw[0].item(), index=index)
        arithmetic = fill(f"({{0.alone}} = {index})", lambda value: (value == index).long(), x.printed())
        return Derivation((TermGroup("comparison", (x,), result),), result[0], sentence, arithmetic)

    def flops(self, call: Call) -> int:
        return call.step.value.numel()


@operation("bincount", "input weight? minlength?")
class BinCount(Operation):
    """How often each whole number occurs, or the weights of each added up."""

    _COUNTED = "is how many of {numbers}, are {number}: {count}"
    _WEIGHED = "is the sum of the weights {weights} of those of {numbers}, that are {number}: {count} of them"

    def reads(self, call: Call) -> Reads:
        reads: dict[str, AccessMap] = {"input": AffineMap(call.shape("input"), (AllIndices(),))}
        if "weight" in call.tensors:
            reads["weight"] = AffineMap(call.shape("weight"), (AllIndices(),))
        return reads

    def formula(self, cells: Cells) -> str:
        weight = f"{cells.at('weight')} · " if "weight" in cells.reads else ""
        return f"{cells.sigma('input')} {weight}({cells.at('input')} = {cells.out(0)})"

    def derive(self, at: ElementContext) -> Derivation:
        x = at.operand("input")
        same = x.numbers == at.index[0]
        operands: tuple[OperandValues, ...] = (x,)
        amounts = same.long()
        if "weight" in at.reads:
            weight = at.operand("weight")
            operands, amounts = (x, weight), weight.numbers * same
        template = self._WEIGHED if "weight" in at.reads else self._COUNTED
        sentence = template.format(
            numbers=at.numbers("input"),
            number=at.index[0],
            count=int(same.sum()),
            weights=at.words("weight") if "weight" in at.reads else "",
        )
        return Derivation((TermGroup("x", operands, amounts),), amounts.sum(), sentence, _counted(amounts))

    def flops(self, call: Call) -> int:
        return call.args["input"].value.numel()


@operation("histc", "input bins? min? max?")
class Histogram(Operation):
    """How many numbers lie in each of as many equal parts between a smallest and a largest (``torch.histc``)."""

    _SENTENCE = "is how many of {numbers}, lie from {low} to {high}: {count}"

    def reads(self, call: Call) -> Reads:
        shape = call.shape("input")
        return {"input": AffineMap(shape, (AllIndices(),) * len(shape))}

    def formula(self, cells: Cells) -> str:
        low, high, bins = self._limits(cells.call)
        scaled = f"({cells.at('input')} − {number(low)}) · {bins} / {number(high - low)}"
        return f"{cells.sigma('input')} (⌊{scaled}⌋ = {cells.out(0)})"

    def derive(self, at: ElementContext) -> Derivation:
        x, bin_index = at.operand("input"), at.index[0]
        low, high, bins = self._limits(at.call)
        # As torch does it, in the numbers' own dtype: rounding says to which part a number on an edge belongs.
        position = ((x.raw - low) * bins / (high - low)).nan_to_num(nan=-1.0).floor().long()
        position = torch.where(x.raw == high, bins - 1, position)
        inside = (position == bin_index) & (x.raw >= low) & (x.raw <= high)
        width = (high - low) / bins
        sentence = self._SENTENCE.format(
            numbers=at.numbers("input"),
            low=number(low + bin_index * width),
            high=number(low + (bin_index + 1) * width),
            count=int(inside.sum()),
        )
        amounts = inside.double()
        return Derivation((TermGroup("x", (x,), amounts),), amounts.sum(), sentence, _counted(amounts))

    def flops(self, call: Call) -> int:
        return 3 * call.args["input"].value.numel()

    def _limits(self, call: Call) -> tuple[float, float, int]:
        low, high, bins = call.value("min", 0), call.value("max", 0), call.value("bins", 100)
        if low == high:
            numbers: Tensor = call.args["input"].value.detach()
            low, high = numbers.min().item(), numbers.max().item()
        return (low, high, bins) if low < high else (low - 1, high + 1, bins)


def _counted(amounts: Tensor) -> Printed:
    return long_sum(amounts, lambda position: constant(amounts[position].item()))
