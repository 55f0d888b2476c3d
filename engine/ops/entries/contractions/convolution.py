"""Convolutions: a kernel laid on a window of the input, as many products as both have numbers there."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from engine.ops.access import AccessMap, AffineMap, AllIndices, AxisAccess, SameIndex
from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.products import product_sum
from engine.ops.formula import Cells
from engine.ops.printed import constant
from engine.ops.registry import Operation, Reads, register
from engine.ops.window_access import ChannelBlock, SlidingWindow, Taps

_LETTERS = ("u", "v", "w")
_ONE_BESIDE = "{products}; 1 of the kernel's {all} numbers lies on the padding, which is 0"
_BESIDE = "{products}; {outside} of the kernel's {all} numbers lie on the padding, which is 0"
_NOTHING = "is 0, because the whole kernel lies on the padding"
_NOTHING_BUT_BIAS = "is {bias} alone, because the whole kernel lies on the padding, which is 0"


class Convolution(Operation):
    """A convolution over some axes (as PyTorch has it: the kernel is not turned round).

    Args:
        name: what it goes by.
        spatial: how many axes the kernel moves along.
    """

    signature = "input weight bias? stride? padding? dilation? groups?"

    def __init__(self, name: str, spatial: int) -> None:
        self.names = (name,)
        self.spatial = spatial

    def reads(self, call: Call) -> Reads:
        shape, weight, out = call.shape("input"), call.shape("weight"), len(call.step.shape)
        channel = len(shape) - self.spatial - 1
        if channel not in (0, 1) or len(shape) != out:
            return None
        windows = self._windows(call, channel)
        sizes = shape[channel + 1 :]
        together: AxisAccess = AllIndices("c")
        if weight[1] != shape[channel]:
            together = ChannelBlock(channel, weight[0] * weight[1] // shape[channel], weight[1])
        batch = tuple(map(SameIndex, range(channel)))
        taps = tuple(Taps(window, size) for window, size in zip(windows, sizes, strict=True))
        reads: dict[str, AccessMap] = {
            "input": AffineMap(shape, (*batch, together, *windows)),
            "weight": AffineMap(weight, (SameIndex(channel), AllIndices("c"), *taps)),
        }
        if "bias" in call.tensors:
            reads["bias"] = AffineMap(call.shape("bias"), (SameIndex(channel),))
        return reads

    def formula(self, cells: Cells) -> str:
        bias = f" + {cells.at('bias')}" if "bias" in cells.reads else ""
        formula = f"{cells.sigma('weight')} {cells.at('input')} · {cells.at('weight')}{bias}"
        return f"{formula}, where {cells.call.args['input'].name} is 0 outside" if self._padded(cells.call) else formula

    def derive(self, at: ElementContext) -> Derivation:
        whole = math.prod(at.call.shape("weight")[1:])
        inside = len(at.operand("weight").raw)
        if not inside:
            return self._on_padding(at)
        products = product_sum(at, "input", "weight")
        if inside == whole:
            return products
        template = _ONE_BESIDE if whole - inside == 1 else _BESIDE
        sentence = template.format(products=products.sentence, outside=whole - inside, all=whole)
        return Derivation(products.groups, products.result, sentence, products.arithmetic)

    def flops(self, call: Call) -> int:
        # As torch.utils.flop_counter counts it, places on the padding included.
        cells = call.step.value.numel()
        return 2 * cells * math.prod(call.shape("weight")[1:]) + (cells if "bias" in call.tensors else 0)

    def _on_padding(self, at: ElementContext) -> Derivation:
        if "bias" not in at.reads:
            return Derivation((), torch.zeros((), dtype=torch.float64), _NOTHING, constant(0.0))
        products = product_sum(at, "input", "weight")
        sentence = _NOTHING_BUT_BIAS.format(bias=at.words("bias"))
        return Derivation(products.groups[1:], products.result, sentence, at.operand("bias").printed())

    def _windows(self, call: Call, channel: int) -> list[SlidingWindow]:
        kernel = call.shape("weight")[2:]
        strides, dilations = (self._each(call.value(name, 1)) for name in ("stride", "dilation"))
        before = self._padding(call, kernel, dilations)
        return [
            SlidingWindow(
                channel + 1 + axis, -before[axis], strides[axis], dilations[axis], kernel[axis], _LETTERS[axis]
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
        return self._each(padding)

    def _padded(self, call: Call) -> bool:
        padding = call.value("padding", 0)
        return padding == "same" or (padding != "valid" and any(self._each(padding)))

    def _each(self, value: int | Sequence[int]) -> tuple[int, ...]:
        values = (value,) if isinstance(value, int) else tuple(value)
        return values * self.spatial if len(values) == 1 else values


register(Convolution("conv1d", 1))
register(Convolution("conv2d", 2))
register(Convolution("conv3d", 3))
