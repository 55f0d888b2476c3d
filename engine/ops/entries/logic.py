"""Comparisons, truth values and bits, and what a truth value chooses between."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from engine.ops.call import Call
from engine.ops.checks import Check, same_numbers
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.elementwise import Elementwise, UnaryFunction
from engine.ops.entries.indexing.searching import nonzero_derivation, nonzero_formula, nonzero_reads
from engine.ops.formula import Cells
from engine.ops.notation import number
from engine.ops.numerics import measurable
from engine.ops.printed import Printed, constant, fill
from engine.ops.registry import Reads, operation, register
from engine.ops.terms import OperandValues, TermGroup
from engine.wording import counted

_OTHER_VALUE = "{wrong:,} of {count:,} with another value"
_VALUED = "{cell} = {value}"
_CHANGED = "{wrong:,} of {count:,} changed"
_HIDDEN = "is masked: {mask} is True, so {filling} stands in for {cell} = {before}"
_PASSED = "is not masked: {mask} is False, so {cell} passes unchanged"
_WHERE = "is {chosen}, because {condition} is {holds}"
_OF_ONE = "is {result}: {word}{first}"
_OF_TWO = "is {result}: {first} ({first_value}) {word} {second} ({second_value})"


class Comparison(Elementwise):
    """Whether one number stands in a relation to another.

    Args:
        names: what it goes by, the usual name first.
        sign: of the relation.
        holds: the sentence where it holds, with ``{first}`` and ``{second}``.
        fails: the sentence where it doesn't.
    """

    signature = "input other"

    def __init__(self, names: str, sign: str, holds: str, fails: str) -> None:
        self.names = tuple(names.split())
        self.sign = sign
        self.templates = (fails, holds)

    def formula(self, cells: Cells) -> str:
        return f"{cells.at('input')} {self.sign} {cells.at('other')}"

    def derive(self, at: ElementContext) -> Derivation:
        operands = (at.operand("input"), at.operand("other"))
        result = at.exactly(("input", "other"), getattr(torch, self.names[0]))
        first, second = (operand.raw[0].item() for operand in operands)
        holds = bool(result[0])
        left, right = at.words("input"), at.words("other")
        sentence = self.templates[holds].format(
            first=left if operands[0].ranges == () else _VALUED.format(cell=left, value=number(first)),
            second=right if operands[1].parent.kind == "argument" else _VALUED.format(cell=right, value=number(second)),
        )
        relation = getattr(torch, self.names[0])
        arithmetic = fill(f"({{0.alone}} {self.sign} {{1.alone}})", relation, *(o.printed() for o in operands))
        return Derivation((TermGroup("comparison", operands, result),), result[0], sentence, arithmetic)


class Connective(Elementwise):
    """and, or, xor and not, of truth values or of bits."""

    def __init__(self, name: str, word: str, sign: str) -> None:
        self.names = (name,)
        self.word, self.sign = word, sign
        self.alone = name.endswith("not")
        self.signature = "input" if self.alone else "input other"

    def formula(self, cells: Cells) -> str:
        word = self._word(cells.call.step.dtype)
        if self.alone:
            return f"{word}{cells.at('input')}"
        return f"{cells.at('input')} {word} {cells.at('other')}"

    def derive(self, at: ElementContext) -> Derivation:
        names = ("input",) if self.alone else ("input", "other")
        operands = tuple(at.operand(name) for name in names)
        function = getattr(torch, self.names[0])
        result = at.exactly(names, function)
        word = self._word(result.dtype)
        values = [number(operand.raw[0].item()) for operand in operands]
        template = f"{word}{{}}" if self.alone else f"({{0.alone}} {word} {{1.alone}})"
        sentence = (_OF_ONE if self.alone else _OF_TWO).format(
            result=number(result[0].item()),
            word=word,
            first=at.words("input"),
            first_value=values[0],
            second="" if self.alone else at.words("other"),
            second_value=values[-1],
        )
        printed = [constant(operand.raw[0].item(), _as_read(operand.raw)) for operand in operands]
        arithmetic = fill(template, function, *printed)
        return Derivation((TermGroup("result", operands, result),), result[0], sentence, arithmetic)

    def _word(self, dtype: torch.dtype) -> str:
        return self.word if dtype == torch.bool else self.sign


def _as_read(raw: Tensor) -> torch.dtype:
    return torch.float64 if raw.is_floating_point() else raw.dtype


def _choice(first: OperandValues, holds: bool, second: OperandValues) -> Printed:
    """``(first if True else second)``."""
    template = f"({{0.alone}} if {holds} else {{1.alone}})"
    return fill(template, lambda left, right: left if holds else right, first.printed(), second.printed())


@operation("masked_fill", "input mask value")
class MaskedFill(Elementwise):
    def formula(self, cells: Cells) -> str:
        return f"{cells.at('value')} if {cells.at('mask')} else {cells.at('input')}"

    def derive(self, at: ElementContext) -> Derivation:
        operands = tuple(at.operand(name) for name in ("input", "mask", "value"))
        x, mask, value = operands
        hidden = bool(mask.raw[0])
        sentence = (_HIDDEN if hidden else _PASSED).format(
            mask=at.words("mask"),
            filling=number(value.raw[0].item()),
            cell=at.words("input"),
            before=number(x.raw[0].item()),
        )
        result = (value if hidden else x).numbers
        group = TermGroup("choice", operands, result)
        return Derivation((group,), result[0], sentence, _choice(value, hidden, x))

    def checks(self, call: Call) -> Iterator[Check]:
        value, before, mask = call.step.value, call.args["input"].value, call.value("mask")
        if not measurable(value, before, mask):
            return
        hidden = mask.bool().expand(value.shape)
        fill = torch.as_tensor(call.value("value"), dtype=value.dtype, device=value.device)
        count, others = int(hidden.sum()), int((~hidden).sum())
        if count:
            wrong = int((~same_numbers(value[hidden], fill)).sum())
            label = counted(
                count, "{count} masked cell is {fill}", "{count} masked cells are {fill}", fill=number(fill.item())
            )
            detail = _OTHER_VALUE if wrong else "each of them has this value"
            yield Check(label, not wrong, detail.format(wrong=wrong, count=count))
        if others:
            wrong = int((~same_numbers(value, before.expand(value.shape)))[~hidden].sum())
            label = counted(others, "{count} other unchanged", "{count} others unchanged")
            detail = _CHANGED if wrong else "each of them is what it was before"
            yield Check(label, not wrong, detail.format(wrong=wrong, count=others))


@operation("where", "condition input? other?")
class Where(Elementwise):
    """``torch.where(condition, x, y)``; with the condition alone, where it holds."""

    def reads(self, call: Call) -> Reads:
        return super().reads(call) if "input" in call.args else nonzero_reads(call, "condition")

    def formula(self, cells: Cells) -> str:
        if "input" not in cells.call.args:
            return nonzero_formula(cells, "condition")
        return f"{cells.at('input')} if {cells.at('condition')} else {cells.at('other')}"

    def derive(self, at: ElementContext) -> Derivation:
        if "input" not in at.call.args:
            return nonzero_derivation(at, "condition")
        operands = tuple(at.operand(name) for name in ("condition", "input", "other"))
        condition, x, y = operands
        holds = bool(condition.raw[0])
        result = (x if holds else y).numbers
        chosen = at.words("input" if holds else "other")
        sentence = _WHERE.format(chosen=chosen, condition=at.words("condition"), holds=holds)
        group = TermGroup("choice", operands, result)
        return Derivation((group,), result[0], sentence, _choice(x, holds, y))


register(Comparison("eq", "==", "is True: {first} is equal to {second}", "is False: {first} is not equal to {second}"))
register(
    Comparison(
        "ne not_equal",
        "≠",
        "is True: {first} is different from {second}",
        "is False: {first} is not different from {second}",
    )
)
register(
    Comparison("lt less", "<", "is True: {first} is less than {second}", "is False: {first} is not less than {second}")
)
register(
    Comparison(
        "le less_equal", "≤", "is True: {first} is at most {second}", "is False: {first} is not at most {second}"
    )
)
register(
    Comparison(
        "gt greater", ">", "is True: {first} is greater than {second}", "is False: {first} is not greater than {second}"
    )
)
register(
    Comparison(
        "ge greater_equal", "≥", "is True: {first} is at least {second}", "is False: {first} is not at least {second}"
    )
)
register(Connective("bitwise_and", "and", "&"))
register(Connective("bitwise_or", "or", "|"))
register(Connective("bitwise_xor", "or else", "xor"))
register(Connective("logical_and", "and", "&"))
register(Connective("logical_or", "or", "|"))
register(Connective("logical_xor", "or else", "xor"))
register(Connective("bitwise_not", "not ", "~"))
register(Connective("logical_not", "not ", "~"))
register(UnaryFunction("isnan", torch.isnan, "({0.alone} is NaN)", "is whether {x} is NaN"))
register(UnaryFunction("isinf", torch.isinf, "({0.alone} is infinite)", "is whether {x} is infinite"))
register(
    UnaryFunction("isfinite", torch.isfinite, "({0.alone} is finite)", "is whether {x} is neither infinite nor NaN")
)
