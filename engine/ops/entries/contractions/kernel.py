"""What convolutions and transposed convolutions share: a kernel that moves along some axes of the input."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from engine.ops.access import AccessMap, AffineMap, SameIndex
from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.printed import constant
from engine.ops.registry import Operation

KERNEL_LETTERS = ("u", "v", "w")


class KernelOperation(Operation):
    """A kernel that moves along the last axes of the input, behind the channels.

    Args:
        name: what it goes by.
        spatial: how many axes the kernel moves along.
    """

    nothing: str
    nothing_but_bias: str

    def __init__(self, name: str, spatial: int) -> None:
        self.names = (name,)
        self.spatial = spatial

    def channel_axis(self, call: Call) -> int | None:
        """The axis of the channels, 1 behind a batch and 0 without one; None where the sizes fit neither."""
        rank = len(call.shape("input"))
        channel = rank - self.spatial - 1
        return channel if channel in (0, 1) and rank == len(call.step.shape) else None

    def per_axis(self, call: Call, name: str, default: int) -> tuple[int, ...]:
        """An argument for each axis that the kernel moves along.

        Args:
            call: the call.
            name: the argument, such as ``stride``.
            default: its value where it is left out.
        """
        return self.repeated(call.value(name, default))

    def repeated(self, value: int | Sequence[int]) -> tuple[int, ...]:
        """One number for all those axes, or one for each."""
        values = (value,) if isinstance(value, int) else tuple(value)
        return values * self.spatial if len(values) == 1 else values

    def bias_reads(self, call: Call, channel: int) -> dict[str, AccessMap]:
        """What an output element reads of the bias, where there is one."""
        if "bias" not in call.tensors:
            return {}
        return {"bias": AffineMap(call.shape("bias"), (SameIndex(channel),))}

    def without_products(self, at: ElementContext, products: Derivation) -> Derivation:
        """An element on which no product lands: 0, or the bias alone."""
        if "bias" not in at.reads:
            return Derivation((), torch.zeros((), dtype=torch.float64), self.nothing, constant(0.0))
        sentence = self.nothing_but_bias.format(bias=at.words("bias"))
        return Derivation(products.groups[1:], products.result, sentence, at.operand("bias").printed())
