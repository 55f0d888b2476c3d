"""Dropout: in training some of the numbers are set to 0 and the others made larger; at rest nothing happens."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.accesses import same_index_of_input
from engine.ops.entries.rearranging import Moved
from engine.ops.formula import Cells
from engine.ops.notation import given, number
from engine.ops.printed import constant, fill
from engine.ops.registry import Movement, Reads, operation, register
from engine.ops.terms import TermGroup

# Where SELU saturates: what alpha_dropout puts in the place of a number.
_SATURATION = -1.7580993408473766


class Dropout(Moved):
    """Which numbers it dropped is read from what it returned: a 0 where the input is none.

    Torch hands its random mask to nobody, but no other mask gives this output.
    """

    names: tuple[str, ...] = ("dropout", "dropout1d", "dropout2d", "dropout3d", "feature_dropout")
    signature = "input p? training? inplace?"
    movement: Movement | None = Movement.COPIES
    _KEPT = "is {cell} divided by {left}: it was kept, as {share} % are, and makes up for those that were dropped"
    _DROPPED = "is 0: {cell} = {value} was dropped, as {share} % are"
    _ZERO = "is 0, because {cell} is 0: whether it was dropped cannot be told, and makes no difference"

    def reads(self, call: Call) -> Reads:
        return same_index_of_input(call)

    def formula(self, cells: Cells) -> str:
        x, p = cells.at("input"), self._p(cells.call)
        if not self._draws(cells.call):
            return x
        return f"{x} · m / {given(1 - p)}, where m is the 1 or 0 that it drew" if p < 1 else "0"

    def derive(self, at: ElementContext) -> Derivation:
        if not self._draws(at.call):
            return super().derive(at)
        x, p = at.operand("input"), self._p(at.call)
        cell, value = at.words("input"), x.numbers[0]
        out = at.call.step.value[at.index].detach().cpu().double()
        kept = p < 1 and self._was_kept(value, out)
        result = value / (1 - p) if kept else value * 0
        if value == 0:
            sentence = self._ZERO.format(cell=cell)
        elif kept:
            sentence = self._KEPT.format(cell=cell, left=given(1 - p), share=number(100 * (1 - p)))
        else:
            sentence = self._DROPPED.format(cell=cell, value=number(value.item()), share=number(100 * p))
        arithmetic = (
            fill(f"{{}} · {int(kept)} / {given(1 - p)}", lambda x_value: result, x.printed()) if p < 1 else None
        )
        size = result.abs().item()
        magnitude = size if math.isfinite(size) else 0.0
        return Derivation((TermGroup("x", (x,), result.reshape(1)),), result, sentence, arithmetic, magnitude)

    def flops(self, call: Call) -> int:
        return call.step.value.numel() if self._draws(call) else 0

    def _was_kept(self, value: Tensor, out: Tensor) -> bool:
        # An infinity times 0 is NaN; a NaN is NaN either way.
        return bool(out != 0 and not (value.isinf() and out.isnan()))

    def _draws(self, call: Call) -> bool:
        return call.step.memory != "same" and bool(call.value("training", True)) and self._p(call) > 0

    def _p(self, call: Call) -> float:
        return float(call.value("p", 0.5))


@operation("alpha_dropout feature_alpha_dropout")
class AlphaDropout(Dropout):
    """Dropout for SELU: what is dropped becomes the value at which SELU saturates, and mean and variance are kept."""

    _KEPT_SCALED = "is {scale} · {cell} + {shift}: it was kept, as {share} % are"
    _DROPPED_SCALED = "is {scale} · {saturated} + {shift}: {cell} = {value} was dropped, as {share} % are"

    def formula(self, cells: Cells) -> str:
        x, p = cells.at("input"), self._p(cells.call)
        if not self._draws(cells.call) or p == 1:
            return "0" if p == 1 and self._draws(cells.call) else x
        scale, shift = self._affine(p)
        return f"{number(scale)} · {x} + {number(shift)} if kept, else {number(scale * _SATURATION + shift)}"

    def derive(self, at: ElementContext) -> Derivation:
        p = self._p(at.call)
        if not self._draws(at.call) or p == 1:
            return super().derive(at)
        x = at.operand("input")
        scale, shift = self._affine(p)
        out = at.call.step.value[at.index].detach().cpu().double()
        value = x.numbers[0]
        choices = torch.stack([scale * value + shift, torch.full_like(value, scale * _SATURATION + shift)])
        kept = bool(value.isnan()) or int((choices - out).abs().nan_to_num(nan=math.inf).argmin()) == 0
        result = choices[0 if kept else 1]
        sentence = (self._KEPT_SCALED if kept else self._DROPPED_SCALED).format(
            scale=number(scale),
            shift=number(shift),
            cell=at.words("input"),
            value=number(value.item()),
            saturated=number(_SATURATION),
            share=number(100 * (1 - p if kept else p)),
        )
        start = x.printed() if kept else constant(_SATURATION)
        arithmetic = fill("{} · {} + {}", lambda a, b, c: a * b + c, constant(scale), start, constant(shift))
        size = abs(scale) * (abs(_SATURATION) + value.abs().item()) + abs(shift)
        magnitude = size if math.isfinite(size) else 0.0
        return Derivation((TermGroup("x", (x,), result.reshape(1)),), result, sentence, arithmetic, magnitude)

    def flops(self, call: Call) -> int:
        return 2 * super().flops(call)

    def _affine(self, p: float) -> tuple[float, float]:
        scale = ((1 - p) * (1 + p * _SATURATION**2)) ** -0.5
        return scale, -scale * _SATURATION * p


register(Dropout())
