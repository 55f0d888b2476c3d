"""Linear layers whose numbers are rounded to 8 bits on the way (``torch.ao.nn.quantized.dynamic.Linear``)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.record.inside import FusedCall, opens


@opens("linear_dynamic", "linear_relu_dynamic")
def open_dynamic_linear(call: FusedCall) -> Any:
    """The input rounded to 8 bits by its own range, and the weights as they are stored."""
    source, packed = call.args[:2]
    reduce_range = call.kwargs.get("reduce_range", call.args[2] if len(call.args) > 2 else False)
    weight, bias = packed.unpack()
    steps = 127 if reduce_range else 255
    return call.record(dynamic_linear, source, weight.dequantize(), bias, steps, call.op == "linear_relu_dynamic")


def dynamic_linear(source: Tensor, weight: Tensor, bias: Tensor | None, steps: int, has_relu: bool) -> Tensor:
    """A linear layer of an input that is rounded to ``steps`` equal steps from its smallest number to its largest.

    Args:
        source: (…, d_in).
        weight: (d_out, d_in), what the stored 8 bits stand for.
        bias: (d_out).
        steps: how many steps there are; 0 is on one of them.
        has_relu: whether negative results are set to 0.

    Returns:
        (…, d_out).
    """
    low = source.min().clamp(max=0.0)
    high = source.max().clamp(min=0.0)
    step = (high - low) / steps
    step = torch.where(step == 0, 1.0, step)
    zero = (-low / step).round()
    levels = (source / step).round() + zero
    inside = levels.clamp(0, steps)
    rounded = (inside - zero) * step
    output = F.linear(rounded, weight, bias)
    return output.relu() if has_relu else output
