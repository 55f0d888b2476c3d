"""The arithmetic of one element of each input: functions, operators, comparisons, masks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.formula import given, number, operand
from engine.point import Made, Point
from engine.printed import Printed, cells, constant, fill
from engine.terms import Column, Group
from engine.trace import Step


@dataclass(frozen=True)
class _Unary:
    function: Callable[[Tensor], Tensor]
    template: str
    words: str


UNARY: Mapping[str, _Unary] = {
    "sqrt": _Unary(torch.sqrt, "√{}", "the square root of {}"),
    "rsqrt": _Unary(torch.rsqrt, "1 / √{}", "1 divided by the square root of {}"),
    "exp": _Unary(torch.exp, "e^{}", "e to the power {}"),
    "log": _Unary(torch.log, "ln {}", "the natural logarithm of {}"),
    "sin": _Unary(torch.sin, "sin {}", "the sine of {}"),
    "cos": _Unary(torch.cos, "cos {}", "the cosine of {}"),
    "tanh": _Unary(torch.tanh, "tanh {}", "the hyperbolic tangent of {}"),
    "sigmoid": _Unary(torch.sigmoid, "1 / (1 + e^−{})", "the sigmoid of {}"),
    "silu": _Unary(F.silu, "{0} / (1 + e^−{0})", "{} times its sigmoid"),
    "neg": _Unary(torch.neg, "−{}", "{} with the other sign"),
    "abs": _Unary(torch.abs, "|{0.alone}|", "{} without its sign"),
    "square": _Unary(torch.square, "{0.base}²", "{} times itself"),
    "reciprocal": _Unary(torch.reciprocal, "1 / {}", "1 divided by {}"),
}


def unary(point: Point) -> Made:
    rule = UNARY[point.call.op]
    return _of_one(point, rule.function, rule.template, f"is {rule.words.format(point.words('input'))}")


def _of_one(
    point: Point, function: Callable[[Tensor], Tensor], template: str, said: str, magnitude: float | None = None
) -> Made:
    x = point.column("input")
    result = function(x.numbers)
    formula, arithmetic = cells(template, point.cell("input")), fill(template, function, x.printed())
    return Made((Group("x", (x,), result),), result[0], said, formula, arithmetic, magnitude)


def relu(point: Point) -> Made:
    value = point.column("input").raw[0].item()
    if value < 0:
        said = f"is 0, because {point.words('input')} = {number(value)} is below 0"
    else:
        said = f"is {point.words('input')} = {number(value)}, unchanged because it is not below 0"
    return _of_one(point, torch.relu, "max(0, {0.alone})", said)


def gelu(point: Point) -> Made:
    form = point.call.value("approximate", "none")
    said = f"is {point.words('input')} times the part of a normal distribution that lies below it"
    by_tanh = "½ · {0} · (1 + tanh(√(2/π) · ({0.alone} + 0.044715 · {0.base}³)))"
    template = "{0} · Φ({0.alone})" if form == "none" else by_tanh
    size = point.column("input").numbers.abs()[0].item()  # 1 + erf(x) cancels for a negative x
    return _of_one(point, lambda x: F.gelu(x, approximate=form), template, said, size if math.isfinite(size) else 0.0)


def clamp(point: Point) -> Made:
    low, high = point.call.value("min"), point.call.value("max")
    template = "{0.alone}" if low is None else f"max({given(low)}, {{0.alone}})"
    template = template if high is None else f"min({given(high)}, {template})"
    limits = " and ".join(f"{word} {given(v)}" for word, v in (("at least", low), ("at most", high)) if v is not None)
    said = f"is {point.words('input')}, made {limits}"
    return _of_one(point, lambda x: x.clamp(low, high), template, said)


def added(point: Point) -> Made:
    x, y = point.column("input"), point.column("other")
    minus = point.call.op == "sub"
    alpha = point.call.value("alpha", 1)
    second = y.numbers * alpha
    second = -second if minus else second
    times = "" if alpha == 1 else f"{operand(alpha)} · "
    # The first number needs no brackets: nothing stands before it.
    sign = "−" if minus else "+"
    template = f"{{0.alone}} {sign} {{1}}" if alpha == 1 else f"{{0.alone}} {sign} {{2}} · {{1}}"
    said = f"is {point.words('input')} {'minus' if minus else 'plus'} {times}{point.words('other')}"
    groups = (Group("x", (x,), x.numbers), Group("y", (y,), second))
    formula = cells(template, point.cell("input"), point.cell("other"), operand(alpha))

    def total(first: Tensor, second: Tensor, factor: Tensor) -> Tensor:
        return first - factor * second if minus else first + factor * second

    arithmetic = fill(template, total, x.printed(), y.printed(), constant(alpha))
    return Made(groups, (x.numbers + second)[0], said, formula, arithmetic)


@dataclass(frozen=True)
class _Binary:
    function: Callable[[Tensor, Tensor], Tensor]
    template: str
    words: str


BINARY: Mapping[str, _Binary] = {
    "mul": _Binary(torch.mul, "{} · {}", "{} times {}"),
    "pow": _Binary(torch.pow, "{0.base}^{1}", "{} to the power {}"),
    "floordiv": _Binary(torch.floor_divide, "⌊{} / {}⌋", "{} divided by {}, rounded down"),
    "mod": _Binary(torch.remainder, "{} mod {}", "what {} divided by {} leaves over"),
    "maximum": _Binary(torch.maximum, "max({0.alone}, {1.alone})", "the larger of {} and {}"),
    "minimum": _Binary(torch.minimum, "min({0.alone}, {1.alone})", "the smaller of {} and {}"),
}
_DIVISIONS: Mapping[str | None, _Binary] = {
    None: _Binary(torch.div, "{} / {}", "{} divided by {}"),
    "floor": _Binary(lambda a, b: torch.div(a, b, rounding_mode="floor"), "⌊{} / {}⌋", "{} over {}, rounded down"),
    "trunc": _Binary(lambda a, b: torch.div(a, b, rounding_mode="trunc"), "[{} / {}]", "{} over {}, rounded to 0"),
}

# A quotient rounded down jumps by 1 where it was rounded a little differently before.
_JUMPING = frozenset(("floordiv", "mod"))


def _by_eye(rule: _Binary) -> Callable[[Tensor, Tensor], Tensor]:
    """The function as people compute it: −3 / 0.3 rounded down is −10, but −11 in float64, which has no 0.3."""

    def rounded_down(x: Tensor, y: Tensor) -> Tensor:
        return (x / y).floor() if x.is_floating_point() and x.isfinite() else rule.function(x, y)

    return rounded_down if rule.template.startswith("⌊") else rule.function


def binary(point: Point) -> Made:
    call = point.call
    rule = _DIVISIONS[call.value("rounding_mode")] if call.op == "div" else BINARY[call.op]
    if call.op in _JUMPING or call.value("rounding_mode"):
        (x, y), result = _exact(point, ("input", "other"), rule.function)
    else:
        x, y = point.column("input"), point.column("other")
        # torch takes roots by another way than powers, and knows them by a number given as such.
        exponent = y.parent.value if call.op == "pow" and y.parent.kind == "argument" else y.numbers
        result = rule.function(x.numbers, exponent)
    said = f"is {rule.words.format(point.words('input'), point.words('other'))}"
    formula = cells(rule.template, point.cell("input"), point.cell("other"))
    arithmetic = fill(rule.template, _by_eye(rule), x.printed(), y.printed())
    role = {"mul": "product", "div": "quotient"}.get(call.op, "result")
    magnitude = result.abs()[0].item()
    if call.op == "pow":  # the rounding of an exponent is multiplied by the base's logarithm
        steep = (y.numbers.double() * x.numbers.double().abs().log()).abs().nan_to_num(posinf=0.0)[0].item()
        magnitude *= 1 + steep
    return Made((Group(role, (x, y), result),), result[0], said, formula, arithmetic, magnitude)


_RELATIONS = {
    "eq": ("==", "equal to"),
    "ne": ("≠", "different from"),
    "lt": ("<", "less than"),
    "le": ("≤", "at most"),
    "gt": (">", "greater than"),
    "ge": ("≥", "at least"),
}
_CONNECTIVES = {"and": "and", "or": "or", "xor": "or else", "not": "not "}
_OF_BITS = {"and": "&", "or": "|", "xor": "xor", "not": "~"}


def _exact(point: Point, names: Sequence[str], function: Callable[..., Tensor]) -> tuple[tuple[Column, ...], Tensor]:
    """The operation itself on the cells as recorded: what compares, jumps or combines bits must not be widened."""
    columns = tuple(point.column(name) for name in names)
    # A number of the call takes the tensor's dtype, as it did in the call; so does a tensor without axes.
    cells_read = [
        column.parent.value if column.parent.kind == "argument" else column.raw.reshape([1] * bool(column.box))
        for column in columns
    ]
    return columns, function(*cells_read).reshape(-1)


def compared(point: Point) -> Made:
    columns, result = _exact(point, ("input", "other"), getattr(torch, point.call.op))
    sign, words = _RELATIONS[point.call.op]
    first, second = (column.raw[0].item() for column in columns)
    holds = bool(result[0])
    value = "" if columns[0].box == () else f" = {number(first)}"
    said = f"is {holds}: {point.words('input')}{value} is {'' if holds else 'not '}{words} {point.words('other')}"
    if isinstance(columns[1].parent, Step) or columns[1].parent.kind != "argument":
        said += f" = {number(second)}"
    formula = f"{point.cell('input')} {sign} {point.cell('other')}"
    relation = getattr(torch, point.call.op)
    arithmetic = fill(f"({{0.alone}} {sign} {{1.alone}})", relation, *(column.printed() for column in columns))
    return Made((Group("comparison", columns, result),), result[0], said, formula, arithmetic)


def combined(point: Point) -> Made:
    """and, or, xor and not, of truth values or of bits."""
    names = ("input",) if point.call.op.endswith("not") else ("input", "other")
    columns, result = _exact(point, names, getattr(torch, point.call.op))
    word = (_CONNECTIVES if result.dtype == torch.bool else _OF_BITS)[point.call.op.rpartition("_")[2]]
    values = [number(column.raw[0].item()) for column in columns]
    if len(names) == 1:
        formula, template, said = f"{word}{point.cell('input')}", f"{word}{{}}", f"{word}{point.words('input')}"
    else:
        formula = f"{point.cell('input')} {word} {point.cell('other')}"
        template = f"({{0.alone}} {word} {{1.alone}})"
        said = f"{point.words('input')} ({values[0]}) {word} {point.words('other')} ({values[1]})"
    said = f"is {number(result[0].item())}: {said}"
    operands = [constant(column.raw[0].item(), _as_read(column.raw)) for column in columns]
    arithmetic = fill(template, getattr(torch, point.call.op), *operands)
    return Made((Group("result", columns, result),), result[0], said, formula, arithmetic)


def _as_read(raw: Tensor) -> torch.dtype:
    return torch.float64 if raw.is_floating_point() else raw.dtype


def _chosen(first: Column, holds: bool, second: Column) -> Printed:
    """``(first if True else second)``."""
    template = f"({{0.alone}} if {holds} else {{1.alone}})"
    return fill(template, lambda one, other: one if holds else other, first.printed(), second.printed())


def masked_fill(point: Point) -> Made:
    columns = tuple(point.column(name) for name in ("input", "mask", "value"))
    x, mask, value = columns
    hidden = bool(mask.raw[0])
    result = (value if hidden else x).numbers
    if hidden:
        said = f"is masked: {point.words('mask')} is True, so {number(value.raw[0].item())} stands in for"
        said += f" {point.words('input')} = {number(x.raw[0].item())}"
    else:
        said = f"is not masked: {point.words('mask')} is False, so {point.words('input')} passes unchanged"
    formula = f"{point.cell('value')} if {point.cell('mask')} else {point.cell('input')}"
    return Made((Group("choice", columns, result),), result[0], said, formula, _chosen(value, hidden, x))


def where(point: Point) -> Made:
    columns = tuple(point.column(name) for name in ("condition", "input", "other"))
    condition, x, y = columns
    holds = bool(condition.raw[0])
    result = (x if holds else y).numbers
    said = f"is {point.words('input' if holds else 'other')}, because {point.words('condition')} is {holds}"
    formula = f"{point.cell('input')} if {point.cell('condition')} else {point.cell('other')}"
    return Made((Group("choice", columns, result),), result[0], said, formula, _chosen(x, holds, y))
