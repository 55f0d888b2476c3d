"""Running products and running logarithms of sums."""

from __future__ import annotations

import torch

from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.reductions import RunningSum
from engine.ops.formula import Cells
from engine.ops.registry import operation
from engine.ops.terms import TermGroup


@operation("cumprod")
class RunningProduct(RunningSum):
    _SENTENCE = "is the product of {numbers}"

    def formula(self, cells: Cells) -> str:
        return f"{cells.sigma('input', 'Π')} {cells.at('input')}"

    def derive(self, at: ElementContext) -> Derivation:
        x = at.operand("input")
        result = x.numbers.prod()
        sentence = self._SENTENCE.format(numbers=at.numbers("input"))
        # Every multiplication rounds what it makes.
        magnitude = len(x.raw) * abs(result.item())
        return Derivation((TermGroup("x", (x,), x.numbers),), result, sentence, magnitude=magnitude)


@operation("logcumsumexp")
class RunningLogSumExp(RunningSum):
    _SENTENCE = "is the logarithm of the sum of e to the power of {numbers}"

    def formula(self, cells: Cells) -> str:
        return f"ln {cells.sigma('input')} e^{cells.at('input')}"

    def derive(self, at: ElementContext) -> Derivation:
        x = at.operand("input")
        result = torch.logsumexp(x.numbers.double(), 0)
        sentence = self._SENTENCE.format(numbers=at.numbers("input"))
        magnitude = 1 + x.numbers.abs().nan_to_num(posinf=0.0).max().item() + abs(result.nan_to_num(0, 0, 0).item())
        return Derivation((TermGroup("x", (x,), x.numbers),), result, sentence, magnitude=magnitude)
