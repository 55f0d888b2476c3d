"""A matrix product added to a tensor, products of every pair of two vectors, and products with int8 weights."""

from __future__ import annotations

import torch

from engine.ops.access import AccessMap, AffineMap, AllIndices, AxisAccess, SameIndex
from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.elementwise import of_two
from engine.ops.entries.products import product_formula
from engine.ops.formula import Cells
from engine.ops.notation import format_operand, given, sentence_name
from engine.ops.printed import fill, long_sum
from engine.ops.registry import Operation, Reads, operation, register
from engine.ops.terms import ListedValues, TermGroup

_PRODUCTS = "is {added} plus {count} products added up, {left} times {right}"
_SCALED = "is {beta} times {added} plus {alpha} times the sum of {count} products, {left} times {right}"
_WITHOUT = "is {alpha} times the sum of {count} products, {left} times {right}; beta = 0 leaves {added} out"


class AddedProduct(Operation):
    """beta · input + alpha · (mat1 @ mat2).

    Args:
        name: what it goes by.
        batches: what is done with a batch of matrices: "each" gives one product each, "summed" adds them up, and
            "none" means that there is none.
    """

    signature = "input mat1 mat2"

    def __init__(self, name: str, batches: str = "none") -> None:
        self.names = (name,)
        self.batches = batches

    def reads(self, call: Call) -> Reads:
        out, left, right = call.step.shape, call.shape("mat1"), call.shape("mat2")
        added = call.shape("input")
        skipped = len(out) - len(added)
        if skipped < 0:
            return None
        leads: dict[str, list[AxisAccess]] = {"none": [], "each": [SameIndex(0)], "summed": [AllIndices("b")]}
        lead = leads[self.batches]
        row = 1 if self.batches == "each" else 0
        column: list[AxisAccess] = [SameIndex(row + 1)] if len(right) == len(left) else []
        reads: dict[str, AccessMap] = {}
        if call.value("beta", 1) != 0:  # torch then leaves even a NaN out
            reads["input"] = AffineMap(added, tuple(SameIndex(skipped + axis) for axis in range(len(added))))
        reads["mat1"] = AffineMap(left, (*lead, SameIndex(row), AllIndices("d")))
        reads["mat2"] = AffineMap(right, (*lead, AllIndices("d"), *column))
        return reads

    def formula(self, cells: Cells) -> str:
        beta, alpha = (_times(cells.call, name) for name in ("beta", "alpha"))
        products = f"{cells.sigma('mat1')} {cells.at('mat1')} · {cells.at('mat2')}"
        if alpha:
            products = f"{alpha}({products})"
        return f"{beta}{cells.at('input')} + {products}" if cells.call.value("beta", 1) != 0 else products

    def derive(self, at: ElementContext) -> Derivation:
        x, y = at.operand("mat1"), at.operand("mat2")
        alpha, beta = at.call.value("alpha", 1), at.call.value("beta", 1)
        products = x.numbers * y.numbers * alpha
        groups = [TermGroup("product" if alpha == 1 else "scaled product", (x, y), products)]
        arithmetic = long_sum(
            x.numbers * y.numbers,
            lambda position: fill("{}·{}", torch.mul, x.printed(position), y.printed(position), compound=False),
        )
        if alpha != 1:
            arithmetic = fill(f"{format_operand(alpha)} · {{}}", lambda total: alpha * total, arithmetic)
        if not at.is_read("input"):
            result = products.sum()
            sentence = _WITHOUT
        else:
            added = at.operand("input")
            groups.append(TermGroup("bias", (added,), added.numbers * beta))
            result = products.sum() + groups[1].contributions[0]
            template = "{0.alone} + {1.alone}" if beta == 1 else f"{format_operand(beta)} · {{0}} + {{1.alone}}"
            arithmetic = fill(template, lambda total, more: beta * total + more, added.printed(), arithmetic)
            sentence = _PRODUCTS if alpha == beta == 1 else _SCALED
        sentence = sentence.format(
            beta=given(beta),
            alpha=given(alpha),
            added=at.words("input") if at.is_read("input") else sentence_name(at.call.args["input"]),
            count=len(products),
            left=at.words("mat1"),
            right=at.words("mat2"),
        )
        return Derivation(tuple(groups), result, sentence, arithmetic)

    def flops(self, call: Call) -> int:
        cells, terms = call.step.value.numel(), call.shape("mat1")[-1]
        if self.batches == "summed":
            terms *= call.shape("mat1")[0]
        scaled = (call.value("alpha", 1) != 1) + (call.value("beta", 1) not in (0, 1))
        return cells * (2 * terms + (call.value("beta", 1) != 0) + scaled)


@operation("outer ger", "input other")
class OuterProduct(Operation):
    """Every number of one vector times every number of another."""

    def reads(self, call: Call) -> Reads:
        return {name: AffineMap(call.shape(name), (SameIndex(axis),)) for axis, name in enumerate(("input", "other"))}

    def formula(self, cells: Cells) -> str:
        return f"{cells.at('input')} · {cells.at('other')}"

    def derive(self, at: ElementContext) -> Derivation:
        return of_two(at, torch.mul, "{} · {}", "is {x} times {y}", "product")

    def flops(self, call: Call) -> int:
        return call.step.value.numel()


@operation("_weight_int8pack_mm", "input weight scales")
class WeightInInt8(Operation):
    """A linear layer whose weights are int8, each row with a scale of its own (``torch._weight_int8pack_mm``)."""

    _SENTENCE = "is {count} products added up, {left} times {right}, then times the row's scale {scales} = {scale}"

    def reads(self, call: Call) -> Reads:
        return {
            "input": AffineMap(call.shape("input"), (SameIndex(0), AllIndices())),
            "weight": AffineMap(call.shape("weight"), (SameIndex(1), AllIndices())),
            "scales": AffineMap(call.shape("scales"), (SameIndex(1),)),
        }

    def formula(self, cells: Cells) -> str:
        return f"({product_formula(cells, 'input', 'weight')}) · {cells.at('scales')}"

    def derive(self, at: ElementContext) -> Derivation:
        x, weight, scale = at.operand("input"), at.operand("weight"), at.operand("scales")
        products = x.numbers * weight.numbers.double()
        added = long_sum(
            products,
            lambda position: fill("{}·{}", torch.mul, x.printed(position), weight.printed(position), compound=False),
        )
        scales = ListedValues.of(scale, torch.zeros(len(products), dtype=torch.long))
        group = TermGroup("scaled product", (x, weight, scales), products * scale.numbers[0])
        sentence = self._SENTENCE.format(
            count=len(products),
            left=at.words("input"),
            right=at.words("weight"),
            scales=at.words("scales"),
            scale=given(scale.raw[0].item()),
        )
        arithmetic = fill("{} · {}", torch.mul, added, scale.printed())
        return Derivation((group,), products.sum() * scale.numbers[0], sentence, arithmetic)

    def flops(self, call: Call) -> int:
        return call.step.value.numel() * (2 * call.shape("input")[-1] + 1)


def _times(call: Call, name: str) -> str:
    """The number that a part of the sum is multiplied by, empty where it is 1."""
    value = call.value(name, 1)
    return "" if value == 1 else f"{format_operand(value)} · "


register(AddedProduct("addmm"))
register(AddedProduct("addmv"))
register(AddedProduct("baddbmm", "each"))
register(AddedProduct("addbmm", "summed"))
