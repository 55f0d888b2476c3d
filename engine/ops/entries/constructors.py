"""Tensors made of nothing but a call's own numbers."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.formula import Cells
from engine.ops.notation import given, number
from engine.ops.printed import constant, fill, with_cells
from engine.ops.registry import Operation, Reads, register


class Constructor(Operation):
    """A new tensor that reads no other; one that is given lends its shape, dtype and device."""

    signature = "*rest"

    def reads(self, call: Call) -> Reads:
        return {}

    def flops(self, call: Call) -> int:
        return 0


class Arange(Constructor):
    names = ("arange",)

    def formula(self, cells: Cells) -> str:
        start, step = self._limits(cells.call)
        return with_cells("{0.alone} + {1} · {2}", given(start), cells.out(0), given(step))

    def derive(self, at: ElementContext) -> Derivation:
        start, step = self._limits(at.call)
        formula = self.formula(at.cells)
        magnitude = abs(start) + abs(step * at.index[0])
        sentence = f"is {formula}: arange counts, and reads no tensor"
        arithmetic = fill(
            "{0.alone} + {1} · {2}", lambda a, i, b: a + i * b, constant(start), constant(at.index[0]), constant(step)
        )
        return Derivation((), _scalar(start + step * at.index[0]), sentence, arithmetic, magnitude)

    def _limits(self, call: Call) -> tuple[float, float]:
        given = call.values("rest")
        start = call.value("start", given[0] if len(given) > ("end" not in call.args) else 0)
        return start, call.value("step", given[2] if len(given) > 2 else 1)


class Filled(Constructor):
    """The same number everywhere."""

    def __init__(self, names: str, fill: float) -> None:
        self.names = tuple(names.split())
        self.fill = fill

    def filling(self, call: Call) -> float:
        """The number."""
        return self.fill

    def formula(self, cells: Cells) -> str:
        return self._shown(cells.call)

    def derive(self, at: ElementContext) -> Derivation:
        filling, shown = self.filling(at.call), self._shown(at.call)
        sentence = f"is {shown}: {at.call.op} writes the same number everywhere, and reads none"
        return Derivation((), _scalar(filling), sentence, magnitude=abs(filling))

    def _shown(self, call: Call) -> str:
        return number(_scalar(self.filling(call)).to(call.step.dtype).item())


class FilledLike(Filled):
    signature = "input value?"


class Full(Filled):
    """The number that is given, everywhere."""

    def filling(self, call: Call) -> float:
        filling: float = call.value("value") if "value" in call.args else call.values("rest")[-1]
        return filling


class FullLike(Full):
    signature = "input value?"


class Uninitialised(Constructor):
    """Memory as it was found."""

    names = ("empty",)

    def formula(self, cells: Cells) -> str:
        return "whatever stood in that memory"

    def derive(self, at: ElementContext) -> Derivation:
        return Derivation((), None, f"was not computed: {at.call.op} leaves memory as it finds it", magnitude=0.0)


class UninitialisedLike(Uninitialised):
    names = ("empty_like",)
    signature = "input *rest"


class FromNumbers(Constructor):
    """``torch.tensor``: numbers written in the program."""

    names = ("tensor",)

    def formula(self, cells: Cells) -> str:
        return "the number that the program gives for this place"

    def derive(self, at: ElementContext) -> Derivation:
        written = torch.as_tensor(at.call.value("rest0"))[at.index].to(at.call.step.dtype)
        shown = number(written.item())
        return Derivation((), written, f"is {shown}: the program gave this number", magnitude=abs(float(written)))


def _scalar(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64 if isinstance(value, float) else None)


register(Arange())
register(Filled("ones", 1))
register(Filled("zeros", 0))
register(FilledLike("ones_like", 1))
register(FilledLike("zeros_like", 0))
register(Full("full", 0))
register(FullLike("full_like", 0))
register(Uninitialised())
register(UninitialisedLike())
register(FromNumbers())
