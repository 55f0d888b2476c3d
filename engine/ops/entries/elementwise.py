"""Functions and operators of one element of each input."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.accesses import same_index
from engine.ops.formula import Cells
from engine.ops.notation import format_operand, number
from engine.ops.printed import constant, fill, with_cells
from engine.ops.registry import Operation, Reads, operation, register
from engine.ops.terms import TermGroup

Function = Callable[[Tensor], Tensor]
_BELOW_ZERO = "is 0, because {cell} = {value} is below 0"
_UNCHANGED = "is {cell} = {value}, unchanged because it is not below 0"


class Elementwise(Operation):
    """One element of each input, with broadcasting."""

    def reads(self, call: Call) -> Reads:
        return same_index(call)

    def flops(self, call: Call) -> int:
        return call.step.value.numel()


class UnaryFunction(Elementwise):
    """A function of one number.

    Args:
        names: what it goes by, the usual name first.
        function: torch's own.
        template: the formula, {} or {0} being the number.
        sentence: the same in words, {x} being the number.
    """

    signature = "input"
    takes_complex = True

    def __init__(self, names: str, function: Function, template: str, sentence: str) -> None:
        self.names = tuple(names.split())
        self.function = function
        self.template = template
        self.sentence = sentence

    def formula(self, cells: Cells) -> str:
        return with_cells(self.template, cells.at("input"))

    def derive(self, at: ElementContext) -> Derivation:
        return of_one(at, self.function, self.template, self.sentence.format(x=at.words("input")))


def of_one(
    at: ElementContext, function: Function, template: str, sentence: str, magnitude: float | None = None
) -> Derivation:
    """How a function of the input's element came about.

    Args:
        at: the element.
        function: computes it in torch, in float64.
        template: the arithmetic, with a place for the input's number.
        sentence: what happened.
        magnitude: what rounding is measured against; None for the result's own.
    """
    x = at.operand("input")
    result = function(x.numbers)
    arithmetic = fill(template, function, x.printed())
    return Derivation((TermGroup("x", (x,), result),), result[0], sentence, arithmetic, magnitude)


@operation("relu", "input inplace?")
class Relu(Elementwise):
    def formula(self, cells: Cells) -> str:
        return f"max(0, {cells.at('input')})"

    def derive(self, at: ElementContext) -> Derivation:
        value = at.operand("input").raw[0].item()
        template = _BELOW_ZERO if value < 0 else _UNCHANGED
        sentence = template.format(cell=at.words("input"), value=number(value))
        return of_one(at, torch.relu, "max(0, {0.alone})", sentence)


@operation("gelu", "input approximate?")
class Gelu(Elementwise):
    _SENTENCE = "is {x} times the part of a normal distribution that lies below it"
    _TEMPLATES = (
        "{0} · Φ({0.alone})",
        "½ · {0} · (1 + tanh(√(2/π) · ({0.alone} + 0.044715 · {0.base}³)))",
    )

    def formula(self, cells: Cells) -> str:
        return with_cells(self._template(cells.call), cells.at("input"))

    def derive(self, at: ElementContext) -> Derivation:
        form = at.call.value("approximate", "none")
        sentence = self._SENTENCE.format(x=at.words("input"))
        size = at.operand("input").numbers.abs()[0].item()  # 1 + erf(x) cancels for a negative x
        magnitude = size if math.isfinite(size) else 0.0
        return of_one(at, lambda x: F.gelu(x, approximate=form), self._template(at.call), sentence, magnitude)

    def _template(self, call: Call) -> str:
        return self._TEMPLATES[call.value("approximate", "none") == "tanh"]


# By whether the second number is subtracted, and whether it is scaled first.
_SUMS = {
    (False, False): "is {first} plus {second}",
    (False, True): "is {first} plus {alpha} · {second}",
    (True, False): "is {first} minus {second}",
    (True, True): "is {first} minus {alpha} · {second}",
}


class Sum(Elementwise):
    """x + y and x − y, with PyTorch's alpha."""

    takes_complex = True
    signature = "input other"

    def __init__(self, names: str, *, minus: bool, swapped_names: tuple[str, ...] = ()) -> None:
        self.names = tuple(names.split())
        self.swapped_names = swapped_names
        self.minus = minus

    def formula(self, cells: Cells) -> str:
        alpha = format_operand(cells.call.value("alpha", 1))
        return with_cells(self._template(cells.call), cells.at("input"), cells.at("other"), alpha)

    def derive(self, at: ElementContext) -> Derivation:
        x, y = at.operand("input"), at.operand("other")
        alpha = at.call.value("alpha", 1)
        second = y.numbers * alpha
        second = -second if self.minus else second
        sentence = _SUMS[self.minus, alpha != 1].format(
            first=at.words("input"), alpha=format_operand(alpha), second=at.words("other")
        )
        groups = (TermGroup("x", (x,), x.numbers), TermGroup("y", (y,), second))
        arithmetic = fill(self._template(at.call), self._total, x.printed(), y.printed(), constant(alpha))
        return Derivation(groups, (x.numbers + second)[0], sentence, arithmetic)

    def flops(self, call: Call) -> int:
        return call.step.value.numel() * (1 if call.value("alpha", 1) == 1 else 2)

    def _template(self, call: Call) -> str:
        # The first number needs no brackets: nothing stands before it.
        sign = "−" if self.minus else "+"
        return f"{{0.alone}} {sign} {{1}}" if call.value("alpha", 1) == 1 else f"{{0.alone}} {sign} {{2}} · {{1}}"

    def _total(self, first: Tensor, second: Tensor, alpha: Tensor) -> Tensor:
        return first - alpha * second if self.minus else first + alpha * second


class BinaryFunction(Elementwise):
    """A function of two numbers.

    Args:
        names: what it goes by, the usual name first.
        function: torch's own.
        template: the formula, with {} for each number.
        sentence: the same in words, {x} and {y} being the numbers.
        role: what the terms are called.
        jumps: whether it jumps where its operands were rounded a little differently before.
    """

    takes_complex = True
    signature = "input other"

    def __init__(
        self,
        names: str,
        function: Callable[[Tensor, Tensor], Tensor],
        template: str,
        sentence: str,
        *,
        role: str = "result",
        jumps: bool = False,
    ) -> None:
        self.names = tuple(names.split())
        self.function, self.template, self.sentence = function, template, sentence
        self.role, self.jumps = role, jumps

    def formula(self, cells: Cells) -> str:
        return with_cells(self.template, cells.at("input"), cells.at("other"))

    def derive(self, at: ElementContext) -> Derivation:
        return of_two(at, self.function, self.template, self.sentence, self.role, exact=self.jumps)


def of_two(
    at: ElementContext,
    function: Callable[..., Tensor],
    template: str,
    sentence: str,
    role: str,
    *,
    exact: bool = False,
    exponent: float | Tensor | None = None,
) -> Derivation:
    """How a function of both inputs' elements came about.

    Args:
        at: the element.
        function: torch's own.
        template: the formula, with {} for each number.
        sentence: the same in words, {x} and {y} being the numbers.
        role: what the terms are called.
        exact: computes on the numbers as recorded.
        exponent: stands in for the second number as ``function`` gets it.
    """
    x, y = at.operand("input"), at.operand("other")
    second = y.numbers if exponent is None else exponent
    result = at.exactly(("input", "other"), function) if exact else function(x.numbers, second)
    filled = sentence.format(x=at.words("input"), y=at.words("other"))
    arithmetic = fill(template, by_eye(template, function), x.printed(), y.printed())
    magnitude = result.abs()[0].item()
    return Derivation((TermGroup(role, (x, y), result),), result[0], filled, arithmetic, magnitude)


# By rounding_mode: the formula, and the same in words.
_DIVISIONS = {
    None: ("{} / {}", "is {x} divided by {y}"),
    "floor": ("⌊{} / {}⌋", "is {x} over {y}, rounded down"),
    "trunc": ("[{} / {}]", "is {x} over {y}, rounded to 0"),
}


def by_eye(template: str, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function as people compute it: −3 / 0.3 rounded down is −10, but −11 in float64, which has no 0.3."""

    def rounded_down(x: Tensor, y: Tensor) -> Tensor:
        return (x / y).floor() if x.is_floating_point() and x.isfinite() else function(x, y)

    return rounded_down if template.startswith("⌊") else function


@operation("div divide true_divide", "input other")
class Division(Elementwise):
    """x / y, rounded as ``rounding_mode`` says."""

    takes_complex = True
    swapped_names = ("rdiv",)

    def formula(self, cells: Cells) -> str:
        return with_cells(self._form(cells.call)[0], cells.at("input"), cells.at("other"))

    def derive(self, at: ElementContext) -> Derivation:
        template, sentence = self._form(at.call)
        mode = at.call.value("rounding_mode")
        divide = lambda a, b: torch.div(a, b, rounding_mode=mode)  # noqa: E731
        return of_two(at, divide, template, sentence, "quotient", exact=mode is not None)

    def _form(self, call: Call) -> tuple[str, str]:
        return _DIVISIONS[call.value("rounding_mode")]


_POWER = "{0.base}^{1}"


@operation("pow", "input other")
class Power(Elementwise):
    def formula(self, cells: Cells) -> str:
        return with_cells(_POWER, cells.at("input"), cells.at("other"))

    def derive(self, at: ElementContext) -> Derivation:
        x, y = at.operand("input"), at.operand("other")
        # torch takes roots by another way than powers, and knows them by a number given as such.
        exponent = y.parent.value if y.parent.kind == "argument" else y.numbers
        power = of_two(at, torch.pow, _POWER, "is {x} to the power {y}", "result", exponent=exponent)
        # The rounding of an exponent is multiplied by the base's logarithm.
        steep = (y.numbers.double() * x.numbers.double().abs().log()).abs().nan_to_num(posinf=0.0)[0].item()
        magnitude = (power.magnitude or 0.0) * (1 + steep)
        return Derivation(power.groups, power.result, power.sentence, power.arithmetic, magnitude)


register(UnaryFunction("sqrt", torch.sqrt, "√{}", "is the square root of {x}"))
register(UnaryFunction("rsqrt", torch.rsqrt, "1 / √{}", "is 1 divided by the square root of {x}"))
register(UnaryFunction("exp", torch.exp, "e^{}", "is e to the power {x}"))
register(UnaryFunction("log", torch.log, "ln {}", "is the natural logarithm of {x}"))
register(UnaryFunction("sin", torch.sin, "sin {}", "is the sine of {x}"))
register(UnaryFunction("cos", torch.cos, "cos {}", "is the cosine of {x}"))
register(UnaryFunction("tanh", torch.tanh, "tanh {}", "is the hyperbolic tangent of {x}"))
register(UnaryFunction("sigmoid", torch.sigmoid, "1 / (1 + e^−{})", "is the sigmoid of {x}"))
register(UnaryFunction("silu", F.silu, "{0} / (1 + e^−{0})", "is {x} times its sigmoid"))
register(UnaryFunction("neg negative", torch.neg, "−{}", "is {x} with the other sign"))
register(UnaryFunction("abs absolute", torch.abs, "|{0.alone}|", "is {x} without its sign"))
register(UnaryFunction("square", torch.square, "{0.base}²", "is {x} times itself"))
register(UnaryFunction("reciprocal", torch.reciprocal, "1 / {}", "is 1 divided by {x}"))
register(Sum("add", minus=False))
register(Sum("sub subtract", minus=True, swapped_names=("rsub",)))
register(BinaryFunction("mul multiply", torch.mul, "{} · {}", "is {x} times {y}", role="product"))
register(
    BinaryFunction(
        "floordiv floor_divide", torch.floor_divide, "⌊{} / {}⌋", "is {x} divided by {y}, rounded down", jumps=True
    )
)
register(
    BinaryFunction("mod remainder", torch.remainder, "{} mod {}", "is what {x} divided by {y} leaves over", jumps=True)
)
MAXIMUM = BinaryFunction("maximum", torch.maximum, "max({0.alone}, {1.alone})", "is the larger of {x} and {y}")
MINIMUM = BinaryFunction("minimum", torch.minimum, "min({0.alone}, {1.alone})", "is the smaller of {x} and {y}")
register(MAXIMUM)
register(MINIMUM)
