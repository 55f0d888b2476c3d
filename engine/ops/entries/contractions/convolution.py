"""Convolutions: a kernel laid on a window of the input, as many products as both have numbers there."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.ops.access import AffineMap, AllIndices, AxisAccess, SameIndex
from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.contractions.kernel import KERNEL_LETTERS, KernelOperation
from engine.ops.entries.products import product_sum
from engine.ops.formula import Cells
from engine.ops.registry import Reads, register
from engine.ops.window_access import ChannelBlock, SlidingWindow, Taps

_ONE_BESIDE = "{products}; 1 of the kernel's {all} numbers lies on the padding, which is 0"
_BESIDE = "{products}; {outside} of the kernel's {all} numbers lie on the padding, which is 0"


class Convolution(KernelOperation):
    """A convolution over some axes (as PyTorch has it: the kernel is not turned round)."""

    signature = "input weight bias? stride? padding? dilation? groups?"
    nothing = "is 0, because the whole kernel lies on the padding"
    nothing_but_bias = "is {bias} alone, because the whole kernel lies on the padding, which is 0"

    def reads(self, call: Call) -> Reads:
        shape, weight, channel = call.shape("input"), call.shape("weight"), self.channel_axis(call)
        if channel is None:
            return None
        windows = self._windows(call, channel)
        sizes = shape[channel + 1 :]
        together: AxisAccess = AllIndices("c")
        if weight[1] != shape[channel]:
            together = ChannelBlock(channel, weight[0] * weight[1] // shape[channel], weight[1])
        batch = tuple(map(SameIndex, range(channel)))
        taps = tuple(Taps(window, size) for window, size in zip(windows, sizes, strict=True))
        return {
            "input": AffineMap(shape, (*batch, together, *windows)),
            "weight": AffineMap(weight, (SameIndex(channel), AllIndices("c"), *taps)),
            **self.bias_reads(call, channel),
        }

    def formula(self, cells: Cells) -> str:
        bias = f" + {cells.at('bias')}" if "bias" in cells.reads else ""
        formula = f"{cells.sigma('weight')} {cells.at('input')} · {cells.at('weight')}{bias}"
        return f"{formula}, where {cells.call.args['input'].name} is 0 outside" if self._padded(cells.call) else formula

    def derive(self, at: ElementContext) -> Derivation:
        whole = math.prod(at.call.shape("weight")[1:])
        inside = len(at.operand("weight").raw)
        products = product_sum(at, "input", "weight")
        if not inside:
            return self.without_products(at, products)
        if inside == whole:
            return products
        template = _ONE_BESIDE if whole - inside == 1 else _BESIDE
        sentence = template.format(products=products.sentence, outside=whole - inside, all=whole)
        return Derivation(products.groups, products.result, sentence, products.arithmetic)

    def flops(self, call: Call) -> int:
        # As torch.utils.flop_counter counts it, places on the padding included.
        cells = call.step.value.numel()
        return 2 * cells * math.prod(call.shape("weight")[1:]) + (cells if "bias" in call.tensors else 0)

    def _windows(self, call: Call, channel: int) -> list[SlidingWindow]:
        kernel = call.shape("weight")[2:]
        strides, dilations = (self.per_axis(call, name, 1) for name in ("stride", "dilation"))
        before = self._padding(call, kernel, dilations)
        return [
            SlidingWindow(
                channel + 1 + axis, -before[axis], strides[axis], dilations[axis], kernel[axis], KERNEL_LETTERS[axis]
            )
            for axis in range(self.spatial)
        ]

    def _padding(self, call: Call, kernel: Sequence[int], dilations: Sequence[int]) -> Sequence[int]:
        """How many zeros stand before the first number along each axis."""
        padding = call.value("padding", 0)
        if padding == "valid":
            return (0,) * self.spatial
        if padding == "same":
            return [dilation * (size - 1) // 2 for dilation, size in zip(dilations, kernel, strict=True)]
        return self.repeated(padding)

    def _padded(self, call: Call) -> bool:
        padding = call.value("padding", 0)
        return padding == "same" or (padding != "valid" and any(self.repeated(padding)))


register(Convolution("conv1d", 1))
register(Convolution("conv2d", 2))
register(Convolution("conv3d", 3))
