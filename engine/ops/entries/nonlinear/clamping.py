"""Numbers kept between limits."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.elementwise import Elementwise
from engine.ops.formula import Cells
from engine.ops.notation import given
from engine.ops.printed import fill, with_cells
from engine.ops.registry import register
from engine.ops.terms import TermGroup

_AT_LEAST = "is {cell}, made at least {low}"
_AT_MOST = "is {cell}, made at most {high}"
_WITHIN = "is {cell}, made at least {low} and at most {high}"
_LIMITS = ("min", "max")


class Clamp(Elementwise):
    """Limits that are numbers, or tensors with one for each element."""

    def __init__(self, names: str, signature: str) -> None:
        self.names = tuple(names.split())
        self.signature = signature

    def formula(self, cells: Cells) -> str:
        tensors = self._tensors(cells.call)
        return with_cells(self._template(cells.call), *map(cells.at, ("input", *tensors)))

    def derive(self, at: ElementContext) -> Derivation:
        tensors = self._tensors(at.call)
        words = [at.words(name) if name in tensors else self._given(at.call, name) for name in _LIMITS]
        low, high = words
        template = _AT_LEAST if high is None else _AT_MOST if low is None else _WITHIN
        sentence = template.format(cell=at.words("input"), low=low, high=high)
        operands = [at.operand(name) for name in ("input", *tensors)]

        def clamped(x: Tensor, *of_tensors: Tensor) -> Tensor:
            limits = dict(zip(tensors, of_tensors, strict=True))
            low, high = (limits.get(name, at.call.value(name) if name not in tensors else None) for name in _LIMITS)
            least = x if low is None else torch.maximum(x, torch.as_tensor(low, dtype=x.dtype))
            return least if high is None else torch.minimum(least, torch.as_tensor(high, dtype=x.dtype))

        result = clamped(*(operand.numbers for operand in operands))
        arithmetic = fill(self._template(at.call), clamped, *(operand.printed() for operand in operands))
        kind = "choice" if tensors else "x"
        return Derivation((TermGroup(kind, tuple(operands), result),), result[0], sentence, arithmetic)

    def _given(self, call: Call, name: str) -> str | None:
        value = call.value(name)
        return None if value is None else given(value)

    def _tensors(self, call: Call) -> list[str]:
        return [name for name in _LIMITS if name in call.tensors]

    def _template(self, call: Call) -> str:
        tensors = self._tensors(call)
        low, high = (
            f"{{{tensors.index(name) + 1}.alone}}" if name in tensors else self._given(call, name) for name in _LIMITS
        )
        template = "{0.alone}" if low is None else f"max({low}, {{0.alone}})"
        return template if high is None else f"min({high}, {template})"


register(Clamp("clamp clip", "input min? max?"))
register(Clamp("clamp_min", "input min"))
register(Clamp("clamp_max", "input max"))
