"""softmax and its logarithm."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.ops.access import AllIndices
from engine.ops.call import Call
from engine.ops.checks import Check, same_numbers
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.accesses import axis_of, like_output
from engine.ops.formula import Cells
from engine.ops.notation import number
from engine.ops.numerics import measurable, to_float64, tolerance
from engine.ops.printed import constant, enough_digits, fill, long_sum
from engine.ops.registry import Operation, Reads, bind, operation
from engine.ops.terms import TermGroup
from engine.wording import counted

# Per element: subtract the largest, exp, add up, divide (softmax) or take the log and subtract (log_softmax).
FLOPS_PER_CELL = 4
_PERCENT_DIGITS = 3
_SHARE = "is e^(score − largest) divided by the sum over the row: {fraction}, {percent} % of the row of {count}"
_NO_SHARE = (
    "is e^(score − largest) divided by the sum over the row, but every score in the row of {count} is −∞: 0 / 0 has no "
    "value"
)
_LOGARITHM = "is the logarithm of e^(score − largest) divided by the sum over the row: ln({fraction})"
_NOT_ZERO = "{wrong:,} of {count:,} not 0, the largest {largest}"
_NAN = "the sum of {lost:,} of {rows} is NaN"
_NAN_OF_HIDDEN = "the sum of {lost:,} of {rows} is NaN, because every score there is −∞"
_BELOW_ONE = "the furthest of {rows} sums to 1 − {off}"
_ABOVE_ONE = "the furthest of {rows} sums to 1 + {off}"
_EXACTLY_ONE = "the furthest of {rows} sums to exactly 1"


@dataclass(frozen=True)
class _LineWords:
    """What the lines that are added up are called: the two checks, and how many lines there are."""

    sums: str
    exponentials: str
    counted: tuple[str, str]


# By the axis of a line, counted from the last.
_LINES = {
    1: _LineWords("rows sum to 1", "exponentials of rows sum to 1", ("{count} row", "{count} rows")),
    2: _LineWords("columns sum to 1", "exponentials of columns sum to 1", ("{count} column", "{count} columns")),
}
_OTHER_LINES = _LineWords("lines sum to 1", "exponentials of lines sum to 1", ("{count} line", "{count} lines"))


@operation("softmax", "input dim? *rest")
class Softmax(Operation):
    logarithm = False
    _FORMULA = "e^({own} − m) / {sum} e^({row} − m), where m = {largest} {row}"

    def reads(self, call: Call) -> Reads:
        shape = call.shape("input")
        dim = call.value("dim")
        if dim is None:
            return None
        row = axis_of(dim, len(shape))
        return {"input": like_output(shape, {row: AllIndices()})}

    def flops(self, call: Call) -> int:
        return call.step.value.numel() * FLOPS_PER_CELL

    def formula(self, cells: Cells) -> str:
        signs = {"sum": cells.sigma("input"), "largest": cells.sigma("input", "max")}
        return self._FORMULA.format(own=self._own(cells), row=cells.at("input"), **signs)

    def derive(self, at: ElementContext) -> Derivation:
        row = _Row(at)
        share = row.shares[row.position]
        count = len(row.powers)
        template = _NO_SHARE if row.top.item() == -math.inf else _SHARE
        percent = number(100 * share.item(), _PERCENT_DIGITS)
        sentence = template.format(fraction=row.fraction, percent=percent, count=count)
        below = long_sum(row.powers, lambda position: constant(row.powers[position].item()))
        arithmetic = fill("{} / {}", torch.div, row.own_power, below)
        own_distance = (row.x.numbers[row.position] - row.top).abs().nan_to_num(posinf=0.0).item()
        magnitude = share.item() * (2 + own_distance + row.spread)
        return Derivation((row.group,), share, sentence, arithmetic, magnitude)

    def checks(self, call: Call) -> Iterator[Check]:
        if measurable(call.step.value, call.value("input")):
            yield from self._sums(call)
            yield from self._nothing_masked(call)

    def _own(self, cells: Cells) -> str:
        axis = axis_of(cells.call.value("dim"), len(cells.call.step.shape))
        return cells.at("input", own=(axis,) if cells.call.step.shape else ())

    def _sums(self, call: Call) -> Iterator[Check]:
        dim = call.value("dim")
        if not isinstance(dim, int):
            return
        value, scores = to_float64(call.step.value), to_float64(call.args["input"].value)
        shares = value.exp() if self.logarithm else value
        sums, count = shares.sum(dim), value.shape[dim] if value.dim() else 1
        # The logarithm of a small share is rounded more coarsely than the share.
        depth = (shares * -value).nan_to_num(0.0).sum(dim) if self.logarithm else sums.new_zeros(sums.shape)
        allowed = tolerance(call.step.dtype, count, 1 + depth)
        # Counted from the last axis, whichever way the call counted.
        words = _LINES.get(-dim if dim < 0 else max(1, value.dim()) - dim, _OTHER_LINES)
        label = words.exponentials if self.logarithm else words.sums
        off, rows = sums - 1, counted(sums.numel(), *words.counted)
        lost = int(sums.isnan().sum())
        if lost:
            hidden = int(scores.isneginf().all(dim).sum())
            template = _NAN_OF_HIDDEN if hidden == lost else _NAN
            yield Check(label, False, template.format(lost=lost, rows=rows))
            return
        furthest = off.flatten()[off.abs().argmax()].item()
        template = _BELOW_ONE if furthest < 0 else _ABOVE_ONE if furthest else _EXACTLY_ONE
        detail = template.format(rows=rows, off=number(abs(furthest), 2))
        yield Check(label, bool((off.abs() <= allowed).all()), detail)

    def _nothing_masked(self, call: Call) -> Iterator[Check]:
        """softmax gives nothing to what the mask hides, or, where no mask is read, to what is −∞."""
        scores, value = call.args["input"], to_float64(call.step.value)
        above = bind(scores) if scores.kind == "step" else None
        if above is not None and above.op == "masked_fill" and measurable(above.value("mask")):
            hidden = above.value("mask").detach().cpu().bool().expand(value.shape)
        else:
            hidden = to_float64(scores.value).isneginf()
        shares: Tensor = (value.exp() if self.logarithm else value)[hidden]
        count = shares.numel()
        if count:
            wrong = int((~same_numbers(shares, shares.new_zeros(()))).sum())
            detail = _NOT_ZERO if wrong else "each of them is exactly 0"
            detail = detail.format(wrong=wrong, count=count, largest=number(shares.max().item()))
            yield Check(counted(count, "{count} masked cell is 0", "{count} masked cells are 0"), not wrong, detail)


@operation("log_softmax")
class LogSoftmax(Softmax):
    logarithm = True
    _FORMULA = "{own} − m − ln {sum} e^({row} − m), where m = {largest} {row}"

    def derive(self, at: ElementContext) -> Derivation:
        row = _Row(at)
        result = row.x.numbers[row.position] - row.top - row.whole.log()
        sentence = _LOGARITHM.format(fraction=row.fraction)
        parts = (row.x.numbers[row.position].item(), row.top.item(), row.whole.log().item())
        arithmetic = fill("{0.alone} − {1} − {2}", lambda own, top, log: own - top - log, *map(constant, parts))
        magnitude = sum(map(abs, parts)) + 1 + row.spread
        return Derivation((row.group,), result, sentence, arithmetic, magnitude)


class _Row:
    """The row of scores that one element's softmax is taken over."""

    def __init__(self, at: ElementContext) -> None:
        self.x = at.operand("input")
        self.position = at.index[at.call.value("dim")] if at.index else 0
        self.top = self.x.numbers.max()
        self.powers = (self.x.numbers - self.top).exp()
        self.whole = self.powers.sum()
        self.shares = self.powers / self.whole
        self.group = TermGroup("x", (self.x,), self.powers, self.shares)
        self.own_power = constant(self.powers[self.position].item())
        percent = fill("{} / {}", lambda part, whole: 100 * part / whole, self.own_power, constant(self.whole.item()))
        share = 100 * self.shares[self.position].item()
        self.fraction = percent.text(enough_digits(percent, share, _PERCENT_DIGITS) or 4)
        # How far each score is from the largest, weighted: the rounding of a distance moves its exponential as much.
        distances = (self.x.numbers - self.top).abs() * self.shares
        self.spread = distances.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).sum().item()
