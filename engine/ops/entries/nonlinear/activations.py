"""Activation functions of one number, and those that weigh one half of the features by the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from copy import copy

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.ops.access import AffineMap, SameIndex
from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.accesses import axis_of, like_output, same_index
from engine.ops.entries.elementwise import Elementwise, of_one
from engine.ops.formula import Cells
from engine.ops.notation import format_operand
from engine.ops.notation import given as written
from engine.ops.printed import fill, with_cells
from engine.ops.registry import Operation, Reads, operation, register
from engine.ops.terms import ListedValues, TermGroup
from engine.ops.window_access import SlidingWindow


class Activation(Elementwise):
    """A function of one number, with numbers of the call that shape it.

    Args:
        names: what it goes by, the usual name first.
        function: torch's own, taking the numbers by name.
        template: the formula; {0} is the element, and the names in brackets are the numbers, [name.alone] one that
            needs no brackets of its own.
        sentence: the same in words, {x} being the element and {name} each of the numbers.
        numbers: the names of the numbers in the order of the call, with what they are where nothing is given.
    """

    def __init__(
        self, names: str, function: Callable[..., Tensor], template: str, sentence: str, **numbers: float
    ) -> None:
        self.names = tuple(names.split())
        self.function, self.template, self.sentence = function, template, sentence
        self.numbers: Mapping[str, float] = numbers
        self.signature = " ".join(("input", *(f"{name}?" for name in numbers), "inplace?"))

    def formula(self, cells: Cells) -> str:
        return with_cells(self._template(cells.call), cells.at("input"))

    def derive(self, at: ElementContext) -> Derivation:
        given = self._given(at.call)
        x = at.operand("input").numbers.abs()[0].item()
        # e^x − 1 and x + … cancel where they are small against what they are made of.
        magnitude = 2 * max(x, 1.0) * max(1.0, *map(abs, given.values()), 1.0) if math.isfinite(x) else 0.0
        words = {name: written(value) for name, value in given.items()}
        sentence = self.sentence.format(x=at.words("input"), **words)
        return of_one(at, lambda x_value: self.function(x_value, **given), self._template(at.call), sentence, magnitude)

    def _given(self, call: Call) -> dict[str, float]:
        return {name: call.value(name, usual) for name, usual in self.numbers.items()}

    def _template(self, call: Call) -> str:
        template = self.template
        for name, value in self._given(call).items():
            template = template.replace(f"[{name}]", format_operand(value)).replace(f"[{name}.alone]", written(value))
        return template


class Softplus(Activation):
    """ln(1 + e^x), and x itself where that is as good as the same."""

    _ITSELF = "is {x} itself, which is above the threshold {threshold}"

    def derive(self, at: ElementContext) -> Derivation:
        derivation = super().derive(at)
        x, given = at.operand("input").numbers[0], self._given(at.call)
        if x * given["beta"] <= given["threshold"]:
            return derivation
        sentence = self._ITSELF.format(x=at.words("input"), threshold=format_operand(given["threshold"]))
        return of_one(at, lambda x_value: x_value, "{0.alone}", sentence, derivation.magnitude)


@operation("prelu", "input weight")
class Prelu(Elementwise):
    """A number, times a learned slope where it is below 0."""

    _ABOVE = "is {x}, unchanged because it is not below 0"
    _BELOW = "is {x} times the slope {weight}, because it is below 0"

    def reads(self, call: Call) -> Reads:
        reads = same_index(call) if call.shape("weight") in ((1,), ()) else {}
        if reads is None:
            return None
        if not reads:
            shape = call.shape("input")
            channel = 1 if len(shape) > 1 else 0
            reads["input"] = like_output(shape)
            reads["weight"] = AffineMap(call.shape("weight"), (SameIndex(channel),))
        return reads

    def formula(self, cells: Cells) -> str:
        x = cells.at("input")
        return f"max(0, {x}) + {cells.at('weight')} · min(0, {x})"

    def derive(self, at: ElementContext) -> Derivation:
        x, slope = at.operand("input"), at.operand("weight")
        below = bool(x.numbers[0] < 0)
        result = x.numbers * slope.numbers if below else x.numbers
        sentence = (self._BELOW if below else self._ABOVE).format(x=at.words("input"), weight=at.words("weight"))
        arithmetic = fill("{}·{}", torch.mul, x.printed(), slope.printed()) if below else x.printed()
        return Derivation((TermGroup("x", (x, slope), result),), result[0], sentence, arithmetic)


@operation("glu", "input dim?")
class Glu(Operation):
    """The first half along an axis, each number times the sigmoid of its fellow in the second half."""

    _SENTENCE = "is {first} times the sigmoid of {second}, its fellow in the second half"

    def reads(self, call: Call) -> Reads:
        shape, along = call.shape("input"), self._axis(call)
        half = shape[along] // 2
        axes = [
            SameIndex(axis) if axis != along else SlidingWindow(axis, 0, 1, half, 2, "k") for axis in range(len(shape))
        ]
        return {"input": AffineMap(shape, tuple(axes))}

    def formula(self, cells: Cells) -> str:
        along, shape = self._axis(cells.call), cells.call.shape("input")
        fellow = copy(cells)
        axes = (SameIndex(axis, shape[axis] // 2 if axis == along else None) for axis in range(len(shape)))
        fellow.reads = {"input": AffineMap(shape, tuple(axes))}
        return f"{cells.at('input', own=(along,))} · σ({fellow.at('input')}), where σ is the sigmoid"

    def derive(self, at: ElementContext) -> Derivation:
        pair = at.operand("input")
        first, second = pair.numbers
        result = first * second.sigmoid()
        halves = tuple(ListedValues.of(pair, torch.tensor([number])) for number in (0, 1))
        cells = [at.describe(at.call.args["input"], half.cell(0)) for half in halves]
        sentence = self._SENTENCE.format(first=cells[0], second=cells[1])
        arithmetic = fill(
            "{} / (1 + e^−{})", lambda x_value, gate: x_value * gate.sigmoid(), *(half.printed() for half in halves)
        )
        # The rounding of e^−x moves the sigmoid by as much of itself as x is large.
        size = (result.abs() * (1 + second.abs())).item()
        magnitude = size if math.isfinite(size) else 0.0
        return Derivation((TermGroup("gated", halves, result.reshape(1)),), result, sentence, arithmetic, magnitude)

    def flops(self, call: Call) -> int:
        return 2 * call.step.value.numel()

    def _axis(self, call: Call) -> int:
        return axis_of(call.value("dim", -1), len(call.shape("input")))


register(Activation("leaky_relu", F.leaky_relu, "max(0, {0.alone}) + [negative_slope] · min(0, {0.alone})",
                    "is {x}, times {negative_slope} where it is below 0", negative_slope=0.01))  # fmt: skip
register(Activation("elu", F.elu, "max(0, {0.alone}) + [alpha] · min(0, e^{0} − 1)",
                    "is {x}, or {alpha} times e^x − 1 where it is below 0", alpha=1.0))  # fmt: skip
register(Activation("celu", F.celu, "max(0, {0.alone}) + min(0, [alpha] · (e^({0} / [alpha]) − 1))",
                    "is {x}, or {alpha} times e^(x / {alpha}) − 1 where it is below 0", alpha=1.0))  # fmt: skip
register(Activation("selu", F.selu, "1.0507 · (max(0, {0.alone}) + 1.67326 · min(0, e^{0} − 1))",
                    "is {x} scaled by 1.0507, below 0 as 1.67326 · (e^x − 1)"))  # fmt: skip
register(Activation("hardtanh", F.hardtanh, "min([max_val.alone], max([min_val.alone], {0.alone}))",
                    "is {x}, made at least {min_val} and at most {max_val}", min_val=-1.0, max_val=1.0))  # fmt: skip
register(Activation("relu6", F.relu6, "min(6, max(0, {0.alone}))", "is {x}, made at least 0 and at most 6"))
register(Activation("hardsigmoid", F.hardsigmoid, "min(1, max(0, {0} / 6 + ½))",
                    "is {x} divided by 6 plus a half, made at least 0 and at most 1"))  # fmt: skip
register(Activation("hardswish", F.hardswish, "{0} · min(1, max(0, {0} / 6 + ½))",
                    "is {x} times its hard sigmoid, x / 6 plus a half within 0 and 1"))  # fmt: skip
register(Softplus("softplus", F.softplus, "ln(1 + e^([beta] · {0})) / [beta]",
                  "is the logarithm of 1 plus e to the power {x}, a smooth form of relu",
                  beta=1.0, threshold=20.0))  # fmt: skip
register(Activation("mish", F.mish, "{0} · tanh(ln(1 + e^{0}))", "is {x} times the hyperbolic tangent of its softplus"))
register(
    Activation("log_sigmoid logsigmoid", F.logsigmoid, "−ln(1 + e^−{0})", "is the logarithm of the sigmoid of {x}")
)
register(Activation("softsign", F.softsign, "{0} / (1 + |{0.alone}|)", "is {x} divided by 1 plus its magnitude"))
register(Activation("tanhshrink", F.tanhshrink, "{0} − tanh {0}", "is {x} less its hyperbolic tangent"))
register(Activation("hardshrink", F.hardshrink, "{0} · (|{0.alone}| > [lambd])",
                    "is {x}, or 0 where its magnitude is at most {lambd}", lambd=0.5))  # fmt: skip
register(Activation("softshrink", F.softshrink, "{0} − min([lambd], max(−[lambd], {0.alone}))",
                    "is {x}, moved by {lambd} towards 0", lambd=0.5))  # fmt: skip
