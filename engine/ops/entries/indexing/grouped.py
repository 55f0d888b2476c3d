"""``torch._grouped_mm``: rows that lie in groups, each group multiplied by a matrix of its own (mixture of experts)."""

from __future__ import annotations

import torch

from engine.ops.access import AffineMap, AllIndices, SameIndex
from engine.ops.call import Call
from engine.ops.conditions import Guard
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.formula import Cells
from engine.ops.index_access import CountUpTo, table_of
from engine.ops.printed import fill, long_sum
from engine.ops.registry import Operation, Reads, operation
from engine.ops.terms import TermGroup

_SENTENCE = (
    "is the sum of {count} products, {row} · {column}; the row belongs to group {group}, whose ends are {offsets}"
)
_BEYOND = "was not computed: the row lies behind the last group, whose ends are {offsets}"


@operation("_grouped_mm grouped_mm", "input weight index *rest")
class GroupedMatrixProduct(Operation):
    """Row t of the first matrix times matrix g of the second, g being how many of the offsets are at most t."""

    def reads(self, call: Call) -> Reads:
        rows, matrices = call.shape("input"), call.shape("weight")
        offsets = call.args["index"].value
        if len(rows) != 2 or len(matrices) != 3 or offsets.is_meta or not offsets.numel():
            return None
        inside = Guard(0, end=int(offsets[-1]))
        group = CountUpTo(table_of(call, "index"), 0)
        return {
            "input": AffineMap(rows, (SameIndex(0), AllIndices()), inside),
            "weight": AffineMap(matrices, (group, AllIndices(), SameIndex(1)), inside),
            "index": AffineMap(tuple(offsets.shape), (AllIndices(),)),
        }

    def flops(self, call: Call) -> int:
        return 2 * call.step.value.numel() * call.shape("input")[1]

    def formula(self, cells: Cells) -> str:
        return f"{cells.sigma('input')} {cells.at('input')} · {cells.at('weight')}"

    def derive(self, at: ElementContext) -> Derivation:
        offsets = at.words("index")
        if not at.is_read("input"):
            return Derivation((), None, _BEYOND.format(offsets=offsets), magnitude=0.0)
        row, column = at.operand("input"), at.operand("weight")
        products = row.numbers * column.numbers
        sentence = _SENTENCE.format(
            count=len(products),
            row=at.words("input"),
            column=at.words("weight"),
            group=column.ranges[0].start,
            offsets=offsets,
        )
        arithmetic = long_sum(
            products, lambda at: fill("{} · {}", torch.mul, row.printed(at), column.printed(at), compound=False)
        )
        return Derivation((TermGroup("product", (row, column), products),), products.sum(), sentence, arithmetic)
