"""Transposed convolutions: every number of the input lays the kernel, times itself, on the output."""

from __future__ import annotations

import math

import torch

from engine.ops.access import AffineMap, AllIndices, AxisAccess, SameIndex
from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.contractions.kernel import KERNEL_LETTERS, KernelOperation
from engine.ops.entries.products import sum_of_products
from engine.ops.formula import Cells
from engine.ops.registry import Reads, register
from engine.ops.terms import ListedValues, OperandValues
from engine.ops.window_access import ChannelBlock, ComputedIndex, IndexTerm, LandingIndices, Taps


class TransposedConvolution(KernelOperation):
    """A transposed convolution over some axes."""

    signature = "input weight bias? stride? padding? output_padding? groups? dilation?"
    nothing = "is 0, because no number of the input lays the kernel on it"
    nothing_but_bias = "is {bias} alone, because no number of the input lays the kernel on it"

    def reads(self, call: Call) -> Reads:
        shape, weight, channel = call.shape("input"), call.shape("weight"), self.channel_axis(call)
        if channel is None:
            return None
        kernel, sizes, outputs = weight[2:], shape[channel + 1 :], weight[1]
        groups = call.step.shape[channel] // outputs
        strides, dilations = (self.per_axis(call, name, 1) for name in ("stride", "dilation"))
        padding = self.per_axis(call, "padding", 0)
        landings = [
            LandingIndices(
                channel + 1 + axis, padding[axis], strides[axis], dilations[axis], kernel[axis], KERNEL_LETTERS[axis]
            )
            for axis in range(self.spatial)
        ]
        together: AxisAccess = AllIndices("c")
        own: AxisAccess = SameIndex(channel)
        if groups > 1:
            together = ChannelBlock(channel, outputs, weight[0] // groups)
            own = ComputedIndex((IndexTerm(channel, mod=outputs),))
        batch = tuple(map(SameIndex, range(channel)))
        taps = tuple(Taps(landing, size) for landing, size in zip(landings, sizes, strict=True))
        return {
            "input": AffineMap(shape, (*batch, together, *landings)),
            "weight": AffineMap(weight, (together, own, *taps)),
            **self.bias_reads(call, channel),
        }

    def formula(self, cells: Cells) -> str:
        bias = f" + {cells.at('bias')}" if "bias" in cells.reads else ""
        return f"{cells.sigma('weight')} {cells.at('input')} · {cells.at('weight')}{bias}"

    def derive(self, at: ElementContext) -> Derivation:
        x, weight = at.operand("input"), at.operand("weight")
        products = sum_of_products(at, x, self._turned(weight), "input", "weight")
        return products if len(x.raw) else self.without_products(at, products)

    def flops(self, call: Call) -> int:
        # As torch.utils.flop_counter counts it: every number of the input with the whole kernel.
        biases = call.step.value.numel() if "bias" in call.tensors else 0
        return 2 * call.args["input"].value.numel() * math.prod(call.shape("weight")[1:]) + biases

    def _turned(self, weight: OperandValues) -> OperandValues:
        """The kernel's numbers in the order of the input's: where the index grows, the place in the kernel falls."""
        positions = torch.arange(len(weight.raw)).reshape([len(indices) for indices in weight.ranges])
        axes = list(range(positions.dim() - self.spatial, positions.dim()))
        return ListedValues.of(weight, positions.flip(axes).reshape(-1))


register(TransposedConvolution("conv_transpose1d", 1))
register(TransposedConvolution("conv_transpose2d", 2))
register(TransposedConvolution("conv_transpose3d", 3))
