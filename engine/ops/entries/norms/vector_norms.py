"""How large numbers are together: norms, division by a norm, the logarithm of a sum of exponentials."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from engine.ops.access import AllIndices
from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.accesses import axis_of, like_output
from engine.ops.entries.reductions import Reduction
from engine.ops.formula import Cells
from engine.ops.notation import given, number
from engine.ops.printed import Printed, constant, fill, long_sum
from engine.ops.registry import Operation, Reads, operation, register
from engine.ops.terms import ListedValues, OperandValues, TermGroup

_EUCLIDEAN = "is the norm of {numbers}: the square root of the sum of their squares {total}"
_TAXICAB = "is the norm of {numbers}: the sum of their magnitudes"
_LARGEST = "is the norm of {numbers}: the largest of their magnitudes"
_SMALLEST = "is the norm of {numbers}: the smallest of their magnitudes"
_COUNT = "is the norm of {numbers}: how many of them are not 0"
_ANY = "is the norm of {numbers}: the sum of their magnitudes to the power {p}, {total}, to the power 1 / {p}"

_DIVIDED = "is {own} divided by {norm}, the norm of {numbers}"
_DIVIDED_BY_EPS = "is {own} divided by {eps}, because the norm {norm} of {numbers}, is smaller"


class VectorNorm(Reduction):
    """The p-norm of the numbers along some axes.

    Args:
        names: what it goes by, the usual name first.
        signature: its parameters.
        p: which of them says the power.
    """

    flops_per_element = 2

    def __init__(self, names: str, signature: str, p: str) -> None:
        self.names = tuple(names.split())
        self.signature = signature
        self.parameter = p

    def reads(self, call: Call) -> Reads:
        p, dim, rank = call.value(self.parameter), call.value("dim"), len(call.shape("input"))
        if self.names[0] == "linalg_norm" and p is not None:
            axes = rank if dim is None else 1 if isinstance(dim, int) else len(dim)
            if axes == 2 and p != "fro":
                return None  # the norm of a matrix, which is no sum over its numbers
        if isinstance(p, str) and p != "fro":
            return None
        return super().reads(call)

    def power(self, call: Call) -> float:
        """Which norm it is."""
        p = call.value(self.parameter)
        return 2.0 if p is None or p == "fro" else float(p)

    def formula(self, cells: Cells) -> str:
        return norm_formula(cells, self.power(cells.call))

    def derive(self, at: ElementContext) -> Derivation:
        x, p = at.operand("input"), self.power(at.call)
        norm, arithmetic, parts, total = _norm(x, p)
        templates = {2.0: _EUCLIDEAN, 1.0: _TAXICAB, math.inf: _LARGEST, -math.inf: _SMALLEST, 0.0: _COUNT}
        sentence = templates.get(p, _ANY).format(numbers=at.numbers("input"), total=number(total), p=given(p))
        magnitude = norm.item() if math.isfinite(norm.item()) else 0.0
        return Derivation((TermGroup("x", (x,), parts),), norm, sentence, arithmetic, 2 * magnitude)


@operation("normalize", "input p? dim? eps?")
class Normalize(Operation):
    """A number divided by the norm of its row (``torch.nn.functional.normalize``)."""

    def reads(self, call: Call) -> Reads:
        shape, along = call.shape("input"), self._along(call)
        return {"input": like_output(shape, dict.fromkeys(along, AllIndices()))}

    def flops(self, call: Call) -> int:
        return 3 * call.step.value.numel()

    def formula(self, cells: Cells) -> str:
        own = cells.at("input", own=self._along(cells.call))
        norm, eps = norm_formula(cells, float(cells.call.value("p", 2.0))), given(self._eps(cells.call))
        return f"{own} / max(n, {eps}), where n = {norm}"

    def derive(self, at: ElementContext) -> Derivation:
        x, p, eps = at.operand("input"), float(at.call.value("p", 2.0)), self._eps(at.call)
        norm, *_ = _norm(x, p)
        position = 0
        for axis, indices in enumerate(x.ranges):
            position = position * len(indices) + at.index[axis] - indices.start
        own = ListedValues.of(x, torch.tensor([position]))
        result = own.numbers[0] / norm.clamp(min=eps)
        template = _DIVIDED_BY_EPS if norm < eps else _DIVIDED
        sentence = template.format(
            own=at.describe(at.call.args["input"], at.index),
            norm=number(norm.item()),
            numbers=at.numbers("input"),
            eps=given(eps),
        )
        divisor = constant(norm.clamp(min=eps).item())
        arithmetic = fill("{0.alone} / {1}", torch.div, own.printed(), divisor)
        parts = x.numbers.abs() ** p if math.isfinite(p) else x.numbers.abs()
        groups = (TermGroup("x", (own,), result.reshape(1)), TermGroup("norm", (x,), parts, parts / parts.sum()))
        magnitude = 3 * result.abs().item() if math.isfinite(result.item()) else 0.0
        return Derivation(groups, result, sentence, arithmetic, magnitude)

    def _along(self, call: Call) -> Sequence[int]:
        rank, dim = len(call.shape("input")), call.value("dim", 1)
        return [axis_of(axis, rank) for axis in ((dim,) if isinstance(dim, int) else dim)] if rank else []

    def _eps(self, call: Call) -> float:
        return float(call.value("eps", 1e-12))


@operation("logsumexp special_logsumexp", "input dim? keepdim?")
class LogSumExp(Reduction):
    flops_per_element = 3
    _SENTENCE = (
        "is the logarithm of the sum of e^x over {numbers}: their largest {largest}, plus ln {total}, the sum "
        "of e^(x − largest)"
    )

    def formula(self, cells: Cells) -> str:
        return f"ln {cells.sigma('input')} e^{cells.at('input')}"

    def derive(self, at: ElementContext) -> Derivation:
        x = at.operand("input")
        top = x.numbers.max()
        top = top if top.isfinite() else torch.zeros((), dtype=torch.float64)
        powers = (x.numbers - top).exp()
        total = powers.sum()
        result = top + total.log()
        sentence = self._SENTENCE.format(
            numbers=at.numbers("input"),
            largest=number(x.numbers.max().item()),
            total=number(total.item()),
        )
        below = long_sum(powers, lambda position: constant(powers[position].item()))
        arithmetic = fill("{0.alone} + ln({1.alone})", lambda a, b: a + b.log(), constant(top.item()), below)
        size = (
            top.abs() + total.log().abs() + 1 + (x.numbers - top).abs().mul(powers / total).nan_to_num(0.0).sum()
        ).item()
        magnitude = size if math.isfinite(size) else 0.0
        group = TermGroup("x", (x,), powers, powers / total)
        return Derivation((group,), result, sentence, arithmetic, magnitude)


def norm_formula(cells: Cells, p: float) -> str:
    """The p-norm of what is read of the input."""
    x, sigma = cells.at("input"), cells.sigma("input")
    written = {
        2.0: f"√({sigma} {x}²)",
        1.0: f"{sigma} |{x}|",
        0.0: f"{sigma} ({x} ≠ 0)",
        math.inf: f"{cells.sigma('input', 'max')} |{x}|",
        -math.inf: f"{cells.sigma('input', 'min')} |{x}|",
    }
    return written.get(p, f"({sigma} |{x}|^{given(p)})^(1/{given(p)})")


def _norm(x: OperandValues, p: float) -> tuple[Tensor, Printed | None, Tensor, float]:
    """The norm, how it is written, what each number puts in, and what those add up to."""
    sizes = x.numbers.abs()
    if math.isinf(p):
        pick: Callable[..., Tensor] = torch.amax if p > 0 else torch.amin
        result = pick(sizes, 0)
        return result, None, sizes, result.item()
    parts = (sizes != 0).double() if p == 0 else sizes if p == 1 else sizes**p
    total = parts.sum()
    if p in (0, 1):
        added = long_sum(parts, lambda position: constant(parts[position].item()))
        return total, added, parts, total.item()
    power = "²" if p == 2 else f"^{given(p)}"
    term = "{0.base}²" if p == 2 else f"|{{0.alone}}|{power}"
    added = long_sum(
        parts, lambda position: fill(term, lambda value: value.abs() ** p, x.printed(position), compound=False)
    )
    root = "√({0.alone})" if p == 2 else f"({{0.alone}})^(1/{given(p)})"
    return total ** (1 / p), fill(root, lambda value: value ** (1 / p), added), parts, total.item()


register(VectorNorm("norm", "input p? dim? keepdim? dtype?", "p"))
register(VectorNorm("linalg_vector_norm", "input ord? dim? keepdim?", "ord"))
register(VectorNorm("linalg_norm", "input ord? dim? keepdim?", "ord"))
