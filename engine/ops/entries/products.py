"""Sums of products: linear layers, matrix products, attention in one call."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from engine.ops.access import AccessMap, AffineMap, AllIndices, AxisAccess, ConstIndex, SameIndex, Shape, UpToIndex
from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.softmax import FLOPS_PER_CELL
from engine.ops.formula import Cells
from engine.ops.notation import number
from engine.ops.printed import constant, fill, long_sum, sum_of
from engine.ops.registry import Operation, Reads, operation
from engine.ops.terms import OperandValues, TermGroup
from engine.ops.window_access import ChannelBlock
from engine.wording import counted

_ONE_PRODUCT = "is 1 product, {left} times {right}"
_PRODUCTS = "is {count} products added up, {left} times {right}"
_ONE_PRODUCT_AND_BIAS = "is 1 product, {left} times {right}, plus {bias}"
_PRODUCTS_AND_BIAS = "is {count} products added up, {left} times {right}, plus {bias}"
_VALUES = ("{count} value", "{count} values")
_MIXED = (
    "is {values} added up, {value}, each times its weight: the softmax of {scale} times the products of {query} with "
    "the keys {keys}; the largest weight is {weight}, of key {key}"
)
_MIXED_MASKED = (
    "is {values} added up, {value}, each times its weight: the softmax of {scale} times the products of {query} with "
    "the keys {keys}, under the mask {mask}; the largest weight is {weight}, of key {key}"
)


def product_sum(at: ElementContext, left: str, right: str) -> Derivation:
    """A sum of products of two parameters' elements, plus a bias where one is read.

    Args:
        at: the element.
        left, right: the parameters.
    """
    return sum_of_products(at, at.operand(left), at.operand(right), left, right)


def sum_of_products(at: ElementContext, x: OperandValues, y: OperandValues, left: str, right: str) -> Derivation:
    """The same of elements in an order of their own.

    Args:
        at: the element.
        x, y: the numbers that are multiplied, term by term.
        left, right: the parameters that they are of.
    """
    groups = [TermGroup("product", (x, y), x.numbers * y.numbers)]
    result = groups[0].contributions.sum()
    arithmetic = long_sum(
        groups[0].contributions,
        lambda position: fill("{}·{}", torch.mul, x.printed(position), y.printed(position), compound=False),
    )
    count = len(groups[0])
    words = {"left": at.words(left), "right": at.words(right)}
    sentence = (_ONE_PRODUCT if count == 1 else _PRODUCTS).format(count=count, **words)
    if "bias" in at.reads:
        bias = at.operand("bias")
        groups.append(TermGroup("bias", (bias,), bias.numbers))
        result = result + bias.numbers[0]
        arithmetic = sum_of([arithmetic, bias.printed()])
        template = _ONE_PRODUCT_AND_BIAS if count == 1 else _PRODUCTS_AND_BIAS
        sentence = template.format(count=count, bias=at.words("bias"), **words)
    return Derivation(tuple(groups), result, sentence, arithmetic)


def product_formula(cells: Cells, left: str, right: str) -> str:
    """The formula of a sum of products, plus a bias where one is read."""
    formula = f"{cells.sigma(left)} {cells.at(left)} · {cells.at(right)}"
    return f"{formula} + {cells.at('bias')}" if "bias" in cells.reads else formula


@operation("linear", "input weight bias?")
class Linear(Operation):
    def reads(self, call: Call) -> Reads:
        out = len(call.step.shape)
        shape, weight = call.shape("input"), call.shape("weight")
        rows: tuple[AxisAccess, ...] = (SameIndex(out - 1),) if len(weight) == 2 else ()
        leading = len(shape) - 1
        if weight[-1:] != shape[-1:] or (*shape[:-1], *weight[:-1]) != call.step.shape:
            return None
        reads: dict[str, AccessMap] = {
            "input": AffineMap(shape, (*map(SameIndex, range(leading)), AllIndices())),
            "weight": AffineMap(weight, (*rows, AllIndices())),
        }
        if "bias" in call.tensors:
            bias = call.shape("bias")
            if bias not in (weight[:-1], (1,), ()):
                return None
            reads["bias"] = AffineMap(bias, rows[: len(bias)] or (ConstIndex(0),) * len(bias))
        return reads

    def derive(self, at: ElementContext) -> Derivation:
        return product_sum(at, "input", "weight")

    def formula(self, cells: Cells) -> str:
        return product_formula(cells, "input", "weight")

    def flops(self, call: Call) -> int:
        cells = call.step.value.numel()
        return 2 * cells * call.shape("weight")[-1] + (cells if "bias" in call.tensors else 0)


@operation("matmul mm bmm mv dot linalg_matmul _int_mm", "input other")
class MatrixProduct(Operation):
    takes_complex = True

    def reads(self, call: Call) -> Reads:
        out = len(call.step.shape)
        left, right = call.shape("input"), call.shape("other")
        if not left or not right or left[-1] != right[-2:][0]:
            return None
        batch = out - (len(left) > 1) - (len(right) > 1)

        def leading(shape: Shape) -> list[AxisAccess]:
            return [SameIndex(batch - (len(shape) - 2) + axis) for axis in range(len(shape) - 2)]

        row: list[AxisAccess] = [*leading(left), SameIndex(batch), AllIndices()] if len(left) > 1 else [AllIndices()]
        column: list[AxisAccess] = [AllIndices()]
        if len(right) > 1:
            column = [*leading(right), AllIndices(), SameIndex(out - 1)]
        return {"input": AffineMap(left, tuple(row)), "other": AffineMap(right, tuple(column))}

    def derive(self, at: ElementContext) -> Derivation:
        return product_sum(at, "input", "other")

    def formula(self, cells: Cells) -> str:
        return product_formula(cells, "input", "other")

    def flops(self, call: Call) -> int:
        # As torch.utils.flop_counter counts it: a product and an addition for every term of every cell.
        return 2 * call.step.value.numel() * call.shape("input")[-1]


@operation("scaled_dot_product_attention", "query key value attn_mask? dropout_p? is_causal? scale?")
class ScaledDotProductAttention(Operation):
    """softmax(scale · query @ keyᵀ + mask) @ value, in one call (torch.nn.functional.scaled_dot_product_attention)."""

    def reads(self, call: Call) -> Reads:
        if call.value("dropout_p", 0.0):
            return None  # it drops weights that it does not hand out
        out = call.step.shape
        rank, causal = len(out), call.value("is_causal", False)
        # A query reads no key that stands after it.
        keys: AxisAccess = UpToIndex(rank - 2, "j") if causal else AllIndices("j")
        last: dict[str, tuple[AxisAccess, AxisAccess]] = {
            "query": (SameIndex(rank - 2), AllIndices("d")),
            "key": (keys, AllIndices("d")),
            "value": (keys, SameIndex(rank - 1)),
        }
        reads: dict[str, AccessMap] = {}
        for name, axes in last.items():
            shape = call.shape(name)
            leading: list[AxisAccess] = list(map(SameIndex, range(rank - 2)))
            heads = shape[-3] if rank > 2 and len(shape) == rank else 1
            if call.value("enable_gqa", False) and 1 < heads < out[-3]:
                leading[-1] = ChannelBlock(rank - 3, out[-3] // heads)
            elif len(shape) != rank or any(
                size not in (1, wide) for size, wide in zip(shape[:-2], out[:-2], strict=True)
            ):
                return None
            reads[name] = AffineMap(shape, (*leading, *axes))
        if "attn_mask" in call.tensors:
            mask = call.shape("attn_mask")
            rows = tuple(map(SameIndex, range(rank - len(mask), rank - 1)))
            reads["attn_mask"] = AffineMap(mask, (*rows, AllIndices("j")))
        return reads

    def derive(self, at: ElementContext) -> Derivation:
        value = at.operand("value")
        weights = self._weights(at)
        group = TermGroup("x", (value,), weights * value.numbers, weights)
        heaviest = int(weights.nan_to_num().argmax())
        sentence = (_MIXED_MASKED if "attn_mask" in at.reads else _MIXED).format(
            values=counted(len(group), *_VALUES),
            value=at.words("value"),
            query=at.words("query"),
            keys=at.words("key"),
            mask=at.words("attn_mask") if "attn_mask" in at.reads else "",
            scale=number(self._scale(at.call)),
            weight=number(weights[heaviest].item()),
            key=heaviest,
        )
        arithmetic = long_sum(
            group.contributions,
            lambda position: fill(
                "{}·{}", torch.mul, constant(weights[position].item()), value.printed(position), compound=False
            ),
        )
        size = (weights * value.numbers.abs()).sum().item()
        query, key = at.operand("query").numbers, at.operand("key").numbers
        # The rounding of a score moves its weight by as much of itself, and long rows make large scores.
        steep = (query.norm() * key.reshape(len(weights), -1).norm(dim=-1).max() * abs(self._scale(at.call))).item()
        magnitude = size * (1 + steep) if math.isfinite(size) else 0.0
        return Derivation((group,), group.contributions.sum(), sentence, arithmetic, magnitude)

    def formula(self, cells: Cells) -> str:
        scale = number(self._scale(cells.call))
        query, key, value = cells.at("query"), cells.at("key"), cells.at("value")
        mask = f" + {cells.at('attn_mask')}" if "attn_mask" in cells.reads else ""
        letter = cells.running("value")[0]
        scores = f"{scale} · {cells.sigma('query')} {query} · {key}{mask}"
        return f"{cells.sigma('value')} w{cells.subscript(letter)} · {value}, where w is the softmax of {scores}"

    def flops(self, call: Call) -> int:
        query, key, value = (call.shape(name) for name in ("query", "key", "value"))
        pairs = math.prod(query[:-1]) * key[-2]
        return pairs * (2 * query[-1] + 2 * value[-1] + FLOPS_PER_CELL)

    def _scale(self, call: Call) -> float:
        given = call.value("scale")
        return call.shape("query")[-1] ** -0.5 if given is None else float(given)

    def _weights(self, at: ElementContext) -> Tensor:
        query, key = at.operand("query").numbers, at.operand("key").numbers
        scores = key.reshape(-1, len(query)) @ query * self._scale(at.call)
        if "attn_mask" in at.reads:
            mask = at.operand("attn_mask")
            if mask.parent.value.dtype == torch.bool:
                scores = scores.masked_fill(~mask.raw.expand(scores.shape), -math.inf)
            else:
                scores = scores + mask.numbers
        if scores.numel() and bool(scores.isneginf().all()):
            return torch.zeros_like(scores)  # torch gives a query that may look at nothing the answer 0
        return scores.softmax(0)
