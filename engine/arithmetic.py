"""The arithmetic of one element, for each operation: its terms, their result, and how both are written.

Everything is computed again in float64 from the recorded inputs, from the cells that the index map names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.arguments import COMPARISON, CONSTRUCTOR, COPYING, LOGIC, RESHAPING, Call, bind
from engine.formula import element, letters, number, operand, pointed, series, sigma
from engine.index_map import Affine, Read, Whole, reads_of
from engine.terms import Column, Group
from engine.trace import Leaf, Step, Trace

_ROLES = {"input": "x", "other": "y"}


@dataclass(frozen=True, eq=False)
class Made:
    """How one element was made.

    ``said`` goes on from the element's name to a sentence; ``formula`` and ``arithmetic`` are what stands between
    the equals signs, None for an operation that has no arithmetic. ``magnitude`` is how large the numbers were
    that were added and rounded on the way: the sum of the contributions' absolute values where None.
    """

    groups: tuple[Group, ...]
    result: Tensor
    said: str
    formula: str
    arithmetic: str | None = None
    magnitude: float | None = None


@dataclass(frozen=True, eq=False)
class Point:
    """One element of a step, and what it read."""

    trace: Trace
    step: Step
    index: tuple[int, ...]
    call: Call
    reads: Mapping[str, Read]

    def column(self, name: str) -> Column:
        """The elements read of one parameter; a number given in the call is a column of one."""
        parent = self.call.given[name]
        role = _ROLES.get(name, name)
        if name not in self.reads:
            value = parent.value
            raw = torch.tensor([value], dtype=torch.float64 if isinstance(value, float) else None)
            return Column(parent, role, (), raw, self._wide(raw))
        box = self.reads[name].box(self.index)
        if box is None:
            raise LookupError(f"{self.step.op} reads nothing of {name} here")
        cells = parent.value.detach()[tuple(slice(places.start, places.stop) for places in box)]
        raw = cells.cpu().reshape(-1)
        return Column(parent, role, box, raw, self._wide(raw))

    def _wide(self, raw: Tensor) -> Tensor:
        if self.step.dtype.is_floating_point or raw.is_floating_point():
            return raw.double()
        return raw.long()

    def running(self, name: str) -> tuple[str | None, ...]:
        """The axes of an input that are read whole, by symbol."""
        read, parent = self.reads[name], self.call.given[name]
        if not isinstance(read, Affine):
            return ()
        symbols = parent.axes if isinstance(parent, Step) else (None,) * len(read.axes)
        return tuple(symbol for symbol, spec in zip(symbols, read.axes, strict=True) if isinstance(spec, Whole))

    def cell(self, name: str, running: Sequence[str] = ()) -> str:
        """The element read of a parameter, in a formula; letters run along the axes that are read whole."""
        letter = iter(running)
        return element(self.call.given[name], [next(letter) if p is None else p for p in self._places(name)])

    def words(self, name: str) -> str:
        """The element read of a parameter, in a sentence."""
        return pointed(self.trace, self.call.given[name], self._places(name))

    def _places(self, name: str) -> list[int | None]:
        """The index read of a parameter, None along every axis that is read whole."""
        read = self.reads.get(name)
        box = (read.box(self.index) if read else None) or ()
        specs = read.axes if isinstance(read, Affine) else (None,) * len(box)
        return [None if isinstance(spec, Whole) else places.start for places, spec in zip(box, specs, strict=True)]


def make(trace: Trace, step: Step, index: tuple[int, ...], *, turned: bool = False) -> Made | None:
    """How the element at ``index`` was made; None where the operation is not known here."""
    call = bind(step, turned=turned)
    found = None if call is None else reads_of(call)
    values = [step.value, *(parent.value for parent in step.inputs)]
    if call is None or found is None or any(v.is_complex() or v.layout != torch.strided for v in values):
        return None
    return _RULES[call.op](Point(trace, step, index, call, dict(zip(call.tensors, found, strict=True))))


# Sums


def _product_sum(point: Point, left: str, right: str) -> Made:
    x, y = point.column(left), point.column(right)
    groups = [Group("product", (x, y), x.numbers * y.numbers)]
    result = groups[0].contributions.sum()
    running = letters(point.running(left))
    formula = f"{sigma(running)} {point.cell(left, running)} · {point.cell(right, running)}"
    count = len(groups[0])
    products = (f"{operand(a)}·{operand(b)}" for a, b in _pairs(x, y))
    arithmetic = series(products, count)
    said = f"is {_several(count, 'product')} added up, {point.words(left)} times {point.words(right)}"
    if "bias" in point.reads:
        bias = point.column("bias")
        groups.append(Group("bias", (bias,), bias.numbers))
        result = result + bias.numbers[0]
        formula += f" + {point.cell('bias')}"
        arithmetic = series([arithmetic, number(bias.raw[0].item())], 2)
        said += f", plus {point.words('bias')}"
    return Made(tuple(groups), result, said, formula, arithmetic)


def _linear(point: Point) -> Made:
    return _product_sum(point, "input", "weight")


def _matmul(point: Point) -> Made:
    return _product_sum(point, "input", "other")


def _sum(point: Point) -> Made:
    x = point.column("input")
    running = letters(point.running("input"))
    said = f"is the sum of {_several(len(x.raw), 'number')}, {point.words('input')}"
    formula = f"{sigma(running)} {point.cell('input', running)}"
    return Made((Group("x", (x,), x.numbers),), x.numbers.sum(), said, formula, series(_numbers(x), len(x.raw)))


def _mean(point: Point) -> Made:
    x = point.column("input")
    count = len(x.raw)
    running = letters(point.running("input"))
    said = f"is the mean of {_several(count, 'number')}, {point.words('input')}: their sum divided by {count}"
    formula = f"({sigma(running)} {point.cell('input', running)}) / {count}"
    arithmetic = f"({series(_numbers(x), count)}) / {count}"
    return Made((Group("x", (x,), x.numbers / count),), x.numbers.sum() / count, said, formula, arithmetic)


def _variance(point: Point) -> Made:
    x = point.column("input")
    count = len(x.raw)
    correction = _correction(point.call)
    # torch divides by 0, not by a negative number, where the correction exceeds the count.
    divisor = max(0, count - correction)
    mean = x.numbers.mean()
    squares = (x.numbers - mean).square()
    running = letters(point.running("input"))
    cell = point.cell("input", running)
    formula = f"({sigma(running)} ({cell} − x̄)²) / {number(divisor)}, where x̄ is the mean"
    shifted = (f"({number(v)} − {operand(mean.item())})²" for v in x.raw.tolist())
    arithmetic = f"({series(shifted, count)}) / {number(divisor)}"
    corrected = f" ({count} − {number(correction)})" if correction else ""
    said = (
        f"is the variance of {_several(count, 'number')}, {point.words('input')}: their squared distances from "
        f"their mean {number(mean.item())}, added up and divided by {number(divisor)}{corrected}"
    )
    # The mean's own rounding moves every distance (Welford's error bound).
    magnitude = (x.numbers.square().sum() * squares.sum()).sqrt().item() / divisor if divisor else 0.0
    return Made((Group("x", (x,), squares / divisor),), squares.sum() / divisor, said, formula, arithmetic, magnitude)


def _deviation(point: Point) -> Made:
    made = _variance(point)
    result = made.result.sqrt()
    formula, _, where = made.formula.partition(", where")
    magnitude = (made.magnitude or 0.0) / result.item() if result.item() > 0 else 0.0
    said = made.said.replace("is the variance", "is the standard deviation", 1) + ", then the square root"
    return Made(made.groups, result, said, f"√({formula}), where{where}", f"√({made.arithmetic})", magnitude)


def _extreme(point: Point) -> Made:
    x = point.column("input")
    largest = point.call.op == "amax"
    result = x.numbers.max() if largest else x.numbers.min()
    running = letters(point.running("input"))
    name = "max" if largest else "min"
    said = f"is the {'largest' if largest else 'smallest'} of {_several(len(x.raw), 'number')}, {point.words('input')}"
    formula = f"{name}{sigma(running)[1:]} {point.cell('input', running)}"
    shown = ", ".join(number(v) for v in x.raw.tolist()[:4]) + (", …" if len(x.raw) > 4 else "")
    group = Group("x", (x,), x.numbers)
    return Made((group,), result, said, formula, f"{name}({shown})", abs(result.item()))


def _softmax(point: Point) -> Made:
    x = point.column("input")
    here = point.index[point.call.value("dim")] if point.index else 0
    top = x.numbers.max()
    powers = (x.numbers - top).exp()
    total = powers.sum()
    shares = powers / total
    share = shares[here]
    running = letters(point.running("input"))
    row, own = point.cell("input", running), element(x.parent, x.factor(here).index)
    group = Group("x", (x,), powers, shares)
    rest = f"where m = max{sigma(running)[1:]} {row}"
    words = "e^(score − largest) divided by the sum over the row"
    count = len(x.raw)
    about = f"{number(powers[here].item())} / {number(total.item())}"
    # How far each score is from the largest, weighted: the rounding of a distance moves its exponential as much.
    apart = ((x.numbers - top).abs() * shares).nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).sum().item()
    if point.call.op == "softmax":
        said = f"is {words}: {about}, {number(100 * share.item(), 3)} % of the row of {count}"
        if top.item() == -math.inf:
            said = f"is {words}, but every score in the row of {count} is −∞: 0 / 0 has no value"
        formula = f"e^({own} − m) / {sigma(running)} e^({row} − m), {rest}"
        arithmetic = f"{operand(powers[here].item())} / ({series(map(number, powers.tolist()), count)})"
        own_distance = (x.numbers[here] - top).abs().nan_to_num(posinf=0.0).item()
        return Made((group,), share, said, formula, arithmetic, share.item() * (2 + own_distance + apart))
    result = x.numbers[here] - top - total.log()
    said = f"is the logarithm of {words}: ln({about})"
    formula = f"{own} − m − ln {sigma(running)} e^({row} − m), {rest}"
    parts = (x.numbers[here].item(), top.item(), total.log().item())
    arithmetic = f"{number(parts[0])} − {operand(parts[1])} − {operand(parts[2])}"
    return Made((group,), result, said, formula, arithmetic, sum(map(abs, parts)) + 1 + apart)


# One element to one element


@dataclass(frozen=True)
class _Unary:
    function: Callable[[Tensor], Tensor]
    template: str
    words: str


_UNARY: Mapping[str, _Unary] = {
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
    "abs": _Unary(torch.abs, "|{}|", "{} without its sign"),
    "square": _Unary(torch.square, "{}²", "{} times itself"),
    "reciprocal": _Unary(torch.reciprocal, "1 / {}", "1 divided by {}"),
}


def _unary(point: Point) -> Made:
    rule = _UNARY[point.call.op]
    return _of_one(point, rule.function, rule.template, f"is {rule.words.format(point.words('input'))}")


def _of_one(
    point: Point, function: Callable[[Tensor], Tensor], template: str, said: str, magnitude: float | None = None
) -> Made:
    x = point.column("input")
    result = function(x.numbers)
    formula, arithmetic = template.format(point.cell("input")), template.format(operand(x.raw[0].item()))
    return Made((Group("x", (x,), result),), result[0], said, formula, arithmetic, magnitude)


def _relu(point: Point) -> Made:
    value = point.column("input").raw[0].item()
    if value < 0:
        said = f"is 0, because {point.words('input')} = {number(value)} is below 0"
    else:
        said = f"is {point.words('input')} = {number(value)}, unchanged because it is not below 0"
    return _of_one(point, torch.relu, "max(0, {})", said)


def _gelu(point: Point) -> Made:
    form = point.call.value("approximate", "none")
    said = f"is {point.words('input')} times the part of a normal distribution that lies below it"
    template = "{0} · Φ({0})" if form == "none" else "½ · {0} · (1 + tanh(√(2/π) · ({0} + 0.044715 · {0}³)))"
    size = point.column("input").numbers.abs()[0].item()  # 1 + erf(x) cancels for a negative x
    return _of_one(point, lambda x: F.gelu(x, approximate=form), template, said, size if math.isfinite(size) else 0.0)


def _clamp(point: Point) -> Made:
    low, high = point.call.value("min"), point.call.value("max")
    template = "{}" if low is None else f"max({number(low)}, {{}})"
    template = template if high is None else f"min({number(high)}, {template})"
    limits = " and ".join(f"{word} {number(v)}" for word, v in (("at least", low), ("at most", high)) if v is not None)
    said = f"is {point.words('input')}, made {limits}"
    return _of_one(point, lambda x: x.clamp(low, high), template, said)


# Two elements to one


def _added(point: Point) -> Made:
    x, y = point.column("input"), point.column("other")
    minus = point.call.op == "sub"
    alpha = point.call.value("alpha", 1)
    second = y.numbers * alpha
    second = -second if minus else second
    times = "" if alpha == 1 else f"{operand(alpha)} · "
    template = f"{{}} {'−' if minus else '+'} {times}{{}}"
    said = f"is {point.words('input')} {'minus' if minus else 'plus'} {times}{point.words('other')}"
    groups = (Group("x", (x,), x.numbers), Group("y", (y,), second))
    formula = template.format(point.cell("input"), point.cell("other"))
    arithmetic = template.format(number(x.raw[0].item()), operand(y.raw[0].item()))
    return Made(groups, (x.numbers + second)[0], said, formula, arithmetic)


@dataclass(frozen=True)
class _Binary:
    function: Callable[[Tensor, Tensor], Tensor]
    template: str
    words: str


_BINARY: Mapping[str, _Binary] = {
    "mul": _Binary(torch.mul, "{} · {}", "{} times {}"),
    "pow": _Binary(torch.pow, "{}^{}", "{} to the power {}"),
    "floordiv": _Binary(torch.floor_divide, "⌊{} / {}⌋", "{} divided by {}, rounded down"),
    "mod": _Binary(torch.remainder, "{} mod {}", "what {} divided by {} leaves over"),
    "maximum": _Binary(torch.maximum, "max({}, {})", "the larger of {} and {}"),
    "minimum": _Binary(torch.minimum, "min({}, {})", "the smaller of {} and {}"),
}
_DIVISIONS: Mapping[str | None, _Binary] = {
    None: _Binary(torch.div, "{} / {}", "{} divided by {}"),
    "floor": _Binary(lambda a, b: torch.div(a, b, rounding_mode="floor"), "⌊{} / {}⌋", "{} over {}, rounded down"),
    "trunc": _Binary(lambda a, b: torch.div(a, b, rounding_mode="trunc"), "[{} / {}]", "{} over {}, rounded to 0"),
}


def _binary(point: Point) -> Made:
    call = point.call
    rule = _DIVISIONS[call.value("rounding_mode")] if call.op == "div" else _BINARY[call.op]
    x, y = point.column("input"), point.column("other")
    result = rule.function(x.numbers, y.numbers)
    said = f"is {rule.words.format(point.words('input'), point.words('other'))}"
    formula = rule.template.format(point.cell("input"), point.cell("other"))
    arithmetic = rule.template.format(operand(x.raw[0].item()), operand(y.raw[0].item()))
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
_CONNECTIVES = {"and": "and", "or": "or", "xor": "or else", "not": "not"}


def _exact(point: Point, names: Sequence[str]) -> tuple[tuple[Column, ...], Tensor]:
    """The operation itself, on the cells as recorded: what compares or combines bits must not be widened first."""
    columns = tuple(point.column(name) for name in names)
    # A number of the call takes the tensor's dtype, as it did in the call; so does a tensor without axes.
    given = [
        column.raw.reshape(()) if isinstance(column.parent.value, Tensor) and column.parent.value.dim() == 0
        else column.raw if isinstance(column.parent.value, Tensor)
        else column.parent.value
        for column in columns
    ]  # fmt: skip
    return columns, getattr(torch, point.call.op)(*given).reshape(-1)


def _compared(point: Point) -> Made:
    columns, result = _exact(point, ("input", "other"))
    sign, words = _RELATIONS[point.call.op]
    first, second = (column.raw[0].item() for column in columns)
    holds = bool(result[0])
    value = "" if columns[0].box == () else f" = {number(first)}"
    said = f"is {holds}: {point.words('input')}{value} is {'' if holds else 'not '}{words} {point.words('other')}"
    if isinstance(columns[1].parent, Step) or columns[1].parent.kind != "argument":
        said += f" = {number(second)}"
    formula = f"{point.cell('input')} {sign} {point.cell('other')}"
    arithmetic = f"({number(first)} {sign} {number(second)})"
    return Made((Group("comparison", columns, result),), result[0], said, formula, arithmetic)


def _combined(point: Point) -> Made:
    """and, or, xor and not, of truth values or of bits."""
    names = ("input",) if point.call.op.endswith("not") else ("input", "other")
    columns, result = _exact(point, names)
    word = _CONNECTIVES[point.call.op.rpartition("_")[2]]
    values = [number(column.raw[0].item()) for column in columns]
    if len(names) == 1:
        formula, arithmetic, said = f"not {point.cell('input')}", f"not {values[0]}", f"not {point.words('input')}"
    else:
        formula = f"{point.cell('input')} {word} {point.cell('other')}"
        arithmetic = f"({values[0]} {word} {values[1]})"
        said = f"{point.words('input')} ({values[0]}) {word} {point.words('other')} ({values[1]})"
    said = f"is {number(result[0].item())}: {said}"
    return Made((Group("result", columns, result),), result[0], said, formula, arithmetic)


def _masked_fill(point: Point) -> Made:
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
    arithmetic = f"({number(value.raw[0].item())} if {hidden} else {number(x.raw[0].item())})"
    return Made((Group("choice", columns, result),), result[0], said, formula, arithmetic)


def _where(point: Point) -> Made:
    columns = tuple(point.column(name) for name in ("condition", "input", "other"))
    condition, x, y = columns
    holds = bool(condition.raw[0])
    result = (x if holds else y).numbers
    said = f"is {point.words('input' if holds else 'other')}, because {point.words('condition')} is {holds}"
    formula = f"{point.cell('input')} if {point.cell('condition')} else {point.cell('other')}"
    arithmetic = f"({number(x.raw[0].item())} if {holds} else {number(y.raw[0].item())})"
    return Made((Group("choice", columns, result),), result[0], said, formula, arithmetic)


# No arithmetic


def _moved(point: Point) -> Made:
    """One element of one input, wherever it now lies."""
    # stack and cat read one of many; triu and tril may read none.
    name = next((name for name in point.call.tensors if _reads_here(point, name)), None)
    if name is None:
        where = "below" if point.call.op == "triu" else "above"
        zero = torch.zeros((), dtype=point.step.dtype)
        shown = number(zero.item())
        return Made((), zero, f"is set to {shown}: it lies {where} the part that {point.call.op} keeps", shown)
    x = point.column(name)
    said = f"is {point.words(name)}{_step_number(x.parent)}; no arithmetic: {_manner(point, x.parent)}"
    result = x.raw.to(point.step.dtype)
    return Made((Group("x", (x,), result),), result[0], said, point.cell(name), magnitude=0.0)


def _manner(point: Point, parent: Step | Leaf) -> str:
    step = point.step
    if parent.value.dtype != step.dtype:
        before, after = (str(dtype).removeprefix("torch.") for dtype in (parent.value.dtype, step.dtype))
        return f"the same number, converted from {before} to {after}"
    if step.memory == "view":
        return "the same number, read with other strides"
    if step.memory == "same":
        return "the same tensor, handed on untouched"
    return "copied, the same number at another place in memory"


def _looked_up(point: Point) -> Made:
    """One row of a table, chosen by a number: embedding, x[ids], index_select."""
    table, ids = ("weight", "input") if point.call.op == "embedding" else ("input", "other")
    if ids not in point.reads:
        return _moved(point)
    x, chosen = point.column(table), point.column(ids)
    row = x.box[0].start
    labels = point.trace.labels.get("V", ())
    word = labels[row] if point.call.op == "embedding" and len(labels) == x.parent.value.shape[0] else None
    token = f" (“{word}”)" if isinstance(word, str) else ""
    place = ", ".join(str(places.start) for places in x.box[1:])
    kind = "the table " if point.call.op == "embedding" else ""
    said = f"is number {place} in row {row}{token} of" if place else f"is number {row} of"
    said += f" {kind}{x.parent.name}"
    said += f"; {point.words(ids)} = {chosen.raw[0].item()} chooses the row"
    group = Group("look-up", (x, chosen), x.raw)
    return Made((group,), x.raw[0], said, point.cell(table), magnitude=0.0)


def _constructed(point: Point) -> Made:
    op, call = point.call.op, point.call
    if op == "arange":
        limits = [*call.values("rest")]
        start = call.value("start", limits[0] if len(limits) > ("end" not in call.given) else 0)
        by = call.value("step", limits[2] if len(limits) > 2 else 1)
        result = _scalar(start + by * point.index[0])
        said = f"is {number(start)} + {point.index[0]} · {operand(by)}: arange counts, and reads no tensor"
        formula = f"{number(start)} + {point.index[0]} · {operand(by)}"
        return Made((), result, said, formula, magnitude=abs(start) + abs(by * point.index[0]))
    if op.startswith("full"):
        fill = call.value("value") if "value" in call.given else call.values("rest")[-1]
    else:
        fill = int(op.startswith("ones"))
    shown = number(_scalar(fill).to(point.step.dtype).item())
    said = f"is {shown}: {op} writes the same number everywhere, and reads none"
    return Made((), _scalar(fill), said, shown, magnitude=abs(fill))


def _reads_here(point: Point, name: str) -> bool:
    return point.reads[name].box(point.index) is not None


def _step_number(parent: Step | Leaf) -> str:
    return f" of step {parent.index}" if isinstance(parent, Step) else ""


def _correction(call: Call) -> float:
    """What is taken from the count before a variance is divided by it: 1 unless said otherwise."""
    unbiased = call.value("unbiased", call.value("dim"))
    given = call.value("correction", unbiased if isinstance(unbiased, bool) else None)
    return 1 if given is None else int(given) if given == int(given) else float(given)


def _scalar(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64 if isinstance(value, float) else None)


def _pairs(x: Column, y: Column) -> Iterable[tuple[float, float]]:
    return zip(x.raw[:4].tolist(), y.raw[:4].tolist(), strict=True)


def _numbers(x: Column) -> Iterable[str]:
    return map(number, x.raw[:4].tolist())


def _several(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


_RULES: Mapping[str, Callable[[Point], Made]] = {
    **dict.fromkeys(_UNARY, _unary),
    **dict.fromkeys(_BINARY, _binary),
    **dict.fromkeys(COMPARISON, _compared),
    **dict.fromkeys(LOGIC | {"bitwise_not", "logical_not"}, _combined),
    **dict.fromkeys(COPYING | RESHAPING, _moved),
    **dict.fromkeys(
        ("permute", "transpose", "t", "T", "mT", "unsqueeze", "squeeze", "expand", "expand_as", "stack", "cat"), _moved
    ),
    **dict.fromkeys(("select", "narrow", "unbind", "split", "chunk", "triu", "tril"), _moved),
    **dict.fromkeys(("embedding", "index_select", "getitem"), _looked_up),
    **dict.fromkeys(CONSTRUCTOR, _constructed),
    **dict.fromkeys(("add", "sub"), _added),
    **dict.fromkeys(("softmax", "log_softmax"), _softmax),
    **dict.fromkeys(("amax", "amin"), _extreme),
    "div": _binary,
    "relu": _relu,
    "gelu": _gelu,
    "clamp": _clamp,
    "linear": _linear,
    "matmul": _matmul,
    "sum": _sum,
    "mean": _mean,
    "var": _variance,
    "std": _deviation,
    "masked_fill": _masked_fill,
    "where": _where,
}
