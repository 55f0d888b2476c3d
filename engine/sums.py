"""The arithmetic of numbers that are sums: products, means, variances, softmax; and the largest of a row."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from engine.arguments import Call
from engine.formula import element, letters, number, sigma
from engine.point import Made, Point
from engine.printed import Printed, added, constant, enough_digits, fill, series
from engine.terms import Column, Group

_SHOWN_OF_ROW = 4  # numbers of a row that are written out
_PERCENT_DIGITS = 3


def _product_sum(point: Point, left: str, right: str) -> Made:
    x, y = point.column(left), point.column(right)
    groups = [Group("product", (x, y), x.numbers * y.numbers)]
    result = groups[0].contributions.sum()
    running = letters(point.running(left))
    formula = f"{sigma(running)} {point.cell(left, running)} · {point.cell(right, running)}"
    count = len(groups[0])
    arithmetic = series(
        groups[0].contributions, lambda at: fill("{}·{}", torch.mul, x.printed(at), y.printed(at), compound=False)
    )
    template = (
        "is 1 product, {left} times {right}" if count == 1 else "is {count} products added up, {left} times {right}"
    )
    said = template.format(count=count, left=point.words(left), right=point.words(right))
    if "bias" in point.reads:
        bias = point.column("bias")
        groups.append(Group("bias", (bias,), bias.numbers))
        result = result + bias.numbers[0]
        formula += f" + {point.cell('bias')}"
        arithmetic = added([arithmetic, bias.printed()])
        said += f", plus {point.words('bias')}"
    return Made(tuple(groups), result, said, formula, arithmetic)


def linear(point: Point) -> Made:
    return _product_sum(point, "input", "weight")


def matmul(point: Point) -> Made:
    return _product_sum(point, "input", "other")


def total(point: Point) -> Made:
    x = point.column("input")
    running = letters(point.running("input"))
    said = f"is the sum of {_several(len(x.raw), 'number')}, {point.words('input')}"
    formula = f"{sigma(running)} {point.cell('input', running)}"
    return Made((Group("x", (x,), x.numbers),), x.numbers.sum(), said, formula, _added(x))


def mean(point: Point) -> Made:
    x = point.column("input")
    count = len(x.raw)
    running = letters(point.running("input"))
    said = f"is the mean of {_several(count, 'number')}, {point.words('input')}: their sum divided by {count}"
    formula = f"({sigma(running)} {point.cell('input', running)}) / {count}"
    arithmetic = fill("{} / {}", torch.div, _added(x), constant(float(count)))
    return Made((Group("x", (x,), x.numbers / count),), x.numbers.sum() / count, said, formula, arithmetic)


def variance(point: Point) -> Made:
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
    centre = constant(mean.item())
    distances = series(squares, lambda at: fill("({0.alone} − {1})²", _square, x.printed(at), centre, compound=False))
    arithmetic = fill("{} / {}", torch.div, distances, constant(divisor))
    corrected = f" ({count} − {number(correction)})" if correction else ""
    said = (
        f"is the variance of {_several(count, 'number')}, {point.words('input')}: their squared distances from "
        f"their mean {number(mean.item())}, added up and divided by {number(divisor)}{corrected}"
    )
    # The mean's own rounding moves every distance (Welford's error bound).
    magnitude = (x.numbers.square().sum() * squares.sum()).sqrt().item() / divisor if divisor else 0.0
    return Made((Group("x", (x,), squares / divisor),), squares.sum() / divisor, said, formula, arithmetic, magnitude)


def deviation(point: Point) -> Made:
    made = variance(point)
    result = made.result.sqrt()
    formula, _, where = made.formula.partition(", where")
    magnitude = (made.magnitude or 0.0) / result.item() if result.item() > 0 else 0.0
    said = made.said.replace("is the variance", "is the standard deviation", 1) + ", then the square root"
    arithmetic = fill("√{}", torch.sqrt, made.arithmetic) if made.arithmetic else None
    return Made(made.groups, result, said, f"√({formula}), where{where}", arithmetic, magnitude)


def extreme(point: Point) -> Made:
    x = point.column("input")
    largest = point.call.op == "amax"
    result = x.numbers.max() if largest else x.numbers.min()
    running = letters(point.running("input"))
    name = "max" if largest else "min"
    said = f"is the {'largest' if largest else 'smallest'} of {_several(len(x.raw), 'number')}, {point.words('input')}"
    formula = f"{name}{sigma(running)[1:]} {point.cell('input', running)}"
    group = Group("x", (x,), x.numbers)
    return Made((group,), result, said, formula, _of_row(x, largest), abs(result.item()))


def _of_row(x: Column, largest: bool) -> Printed:
    """``max(3, 1, 2)``; of a long row the four that come nearest to being the answer, NaN before all."""
    places = list(range(len(x.raw)))
    if len(places) > _SHOWN_OF_ROW:
        sizes = x.numbers if largest else -x.numbers
        sizes = sizes.nan_to_num(nan=math.inf) if sizes.is_floating_point() else sizes
        places = sizes.argsort(descending=True, stable=True)[:_SHOWN_OF_ROW].tolist()
    shown = ", ".join(f"{{{place}.alone}}" for place in range(len(places)))
    more = ", …" if len(x.raw) > len(places) else ""
    name, function = ("max", torch.amax) if largest else ("min", torch.amin)
    return fill(f"{name}({shown}{more})", lambda *row: function(torch.stack(row), 0), *map(x.printed, places))


def softmax(point: Point) -> Made:
    x = point.column("input")
    here = point.index[point.call.value("dim")] if point.index else 0
    top = x.numbers.max()
    powers = (x.numbers - top).exp()
    whole = powers.sum()
    shares = powers / whole
    share = shares[here]
    running = letters(point.running("input"))
    row, own = point.cell("input", running), element(x.parent, x.factor(here).index)
    group = Group("x", (x,), powers, shares)
    rest = f"where m = max{sigma(running)[1:]} {row}"
    words = "e^(score − largest) divided by the sum over the row"
    count = len(x.raw)
    mine = constant(powers[here].item())
    percent = fill("{} / {}", lambda part, all_of_it: 100 * part / all_of_it, mine, constant(whole.item()))
    about = percent.text(enough_digits(percent, 100 * share.item(), _PERCENT_DIGITS) or 4)
    # How far each score is from the largest, weighted: the rounding of a distance moves its exponential as much.
    apart = ((x.numbers - top).abs() * shares).nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).sum().item()
    if point.call.op == "softmax":
        said = f"is {words}: {about}, {number(100 * share.item(), _PERCENT_DIGITS)} % of the row of {count}"
        if top.item() == -math.inf:
            said = f"is {words}, but every score in the row of {count} is −∞: 0 / 0 has no value"
        formula = f"e^({own} − m) / {sigma(running)} e^({row} − m), {rest}"
        below = series(powers, lambda at: constant(powers[at].item()))
        arithmetic = fill("{} / {}", torch.div, mine, below)
        own_distance = (x.numbers[here] - top).abs().nan_to_num(posinf=0.0).item()
        return Made((group,), share, said, formula, arithmetic, share.item() * (2 + own_distance + apart))
    result = x.numbers[here] - top - whole.log()
    said = f"is the logarithm of {words}: ln({about})"
    formula = f"{own} − m − ln {sigma(running)} e^({row} − m), {rest}"
    parts = (x.numbers[here].item(), top.item(), whole.log().item())
    arithmetic = fill("{0.alone} − {1} − {2}", lambda own, most, log: own - most - log, *map(constant, parts))
    return Made((group,), result, said, formula, arithmetic, sum(map(abs, parts)) + 1 + apart)


def _correction(call: Call) -> float:
    """What is taken from the count before a variance is divided by it: 1 unless said otherwise."""
    unbiased = call.value("unbiased", call.value("dim"))
    given = call.value("correction", unbiased if isinstance(unbiased, bool) else None)
    return 1 if given is None else int(given) if given == int(given) else float(given)


def _square(number: Tensor, mean: Tensor) -> Tensor:
    return (number - mean).square()


def _added(column: Column) -> Printed:
    return series(column.numbers, column.printed)


def _several(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
