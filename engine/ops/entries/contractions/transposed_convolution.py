"""Transposed convolutions: every number of the input lays the kernel, times itself, on the output."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from engine.ops.access import AccessMap, AffineMap, AllIndices, AxisAccess, SameIndex
from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.products import sum_of_products
from engine.ops.formula import Cells
from engine.ops.index_access import ComputedIndex, IndexTerm
from engine.ops.printed import constant
from engine.ops.registry import Operation, Reads, register
from engine.ops.terms import ListedValues, OperandValues
from engine.ops.window_access import ChannelBlock, LandedTaps, LandingIndices

_LETTERS = ("u", "v", "w")
_NOTHING = "is 0, because no number of the input lays the kernel on it"
_NOTHING_BUT_BIAS = "is {bias} alone, because no number of the input lays the kernel on it"


class TransposedConvolution(Operation):
    """A transposed convolution over some axes.

    Args:
        name: what it goes by.
        spatial: how many axes the kernel moves along.
    """

    signature = "input weight bias? stride? padding? output_padding? groups? dilation?"

    def __init__(self, name: str, spatial: int) -> None:
        self.names = (name,)
        self.spatial = spatial

    def reads(self, call: Call) -> Reads:
        shape, weight = call.shape("input"), call.shape("weight")
        channel = len(shape) - self.spatial - 1
        if channel not in (0, 1) or len(shape) != len(call.step.shape):
            return None
        kernel, sizes, outputs = weight[2:], shape[channel + 1 :], weight[1]
        groups = call.step.shape[channel] // outputs
        strides, dilations = (self._each(call.value(name, 1)) for name in ("stride", "dilation"))
        padding = self._each(call.value("padding", 0))
        landings = [
            LandingIndices(
                channel + 1 + axis, padding[axis], strides[axis], dilations[axis], kernel[axis], _LETTERS[axis]
            )
            for axis in range(self.spatial)
        ]
        together: AxisAccess = AllIndices("c")
        own: AxisAccess = SameIndex(channel)
        if groups > 1:
            together = ChannelBlock(channel, outputs, weight[0] // groups)
            own = ComputedIndex((IndexTerm(channel, mod=outputs),))
        batch = tuple(map(SameIndex, range(channel)))
        taps = tuple(LandedTaps(landing, size) for landing, size in zip(landings, sizes, strict=True))
        reads: dict[str, AccessMap] = {
            "input": AffineMap(shape, (*batch, together, *landings)),
            "weight": AffineMap(weight, (together, own, *taps)),
        }
        if "bias" in call.tensors:
            reads["bias"] = AffineMap(call.shape("bias"), (SameIndex(channel),))
        return reads

    def formula(self, cells: Cells) -> str:
        bias = f" + {cells.at('bias')}" if "bias" in cells.reads else ""
        return f"{cells.sigma('weight')} {cells.at('input')} · {cells.at('weight')}{bias}"

    def derive(self, at: ElementContext) -> Derivation:
        x, weight = at.operand("input"), at.operand("weight")
        products = sum_of_products(at, x, self._turned(weight), "input", "weight")
        if len(x.raw):
            return products
        if "bias" not in at.reads:
            return Derivation((), torch.zeros((), dtype=torch.float64), _NOTHING, constant(0.0))
        sentence = _NOTHING_BUT_BIAS.format(bias=at.words("bias"))
        return Derivation(products.groups[1:], products.result, sentence, at.operand("bias").printed())

    def flops(self, call: Call) -> int:
        # As torch.utils.flop_counter counts it: every number of the input with the whole kernel.
        biases = call.step.value.numel() if "bias" in call.tensors else 0
        return 2 * call.args["input"].value.numel() * math.prod(call.shape("weight")[1:]) + biases

    def _turned(self, weight: OperandValues) -> OperandValues:
        """The kernel's numbers in the order of the input's: where the index grows, the place in the kernel falls."""
        positions = torch.arange(len(weight.raw)).reshape([len(indices) for indices in weight.ranges])
        axes = list(range(positions.dim() - self.spatial, positions.dim()))
        return ListedValues.of(weight, positions.flip(axes).reshape(-1))

    def _each(self, value: int | Sequence[int]) -> tuple[int, ...]:
        values = (value,) if isinstance(value, int) else tuple(value)
        return values * self.spatial if len(values) == 1 else values


register(TransposedConvolution("conv_transpose1d", 1))
register(TransposedConvolution("conv_transpose2d", 2))
register(TransposedConvolution("conv_transpose3d", 3))
