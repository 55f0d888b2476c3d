"""Operations of every kind, and numbers to try them on: small and large, negative, units, NaN and infinities."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

F = torch.nn.functional
DTYPES = ("float32", "float64", "bfloat16", "float16")
_SPECIAL = (math.nan, 1.0, -2.0, 0.0, math.inf, -math.inf, 0.5, 2.0, -0.0, 3.0, 1e30, -1.0, 1.0, 1.0, -1.0, 0.25)
_UNITS = (-1.0, 1.0, 0.0, -2.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0, 0.5, -0.0, 3.0, -3.0)


def numbers(seed: int, dtype: str) -> Tensor:
    """Four rows of four."""
    if seed % 6 >= 4:
        return torch.tensor(_SPECIAL if seed % 6 == 4 else _UNITS).view(4, 4).to(getattr(torch, dtype))
    draws = torch.Generator().manual_seed(seed)
    return (torch.randn(4, 4, generator=draws) * 10.0 ** (seed % 6 - 2)).to(getattr(torch, dtype))


def _whole(x: Tensor) -> Tensor:
    return x.nan_to_num().clamp(-9, 9).long()


PROGRAMS: Mapping[str, Callable[[Tensor], object]] = {
    "sum": lambda x: x.sum(-1),
    "sum of a long row": lambda x: x.sum(),
    "sum of one": lambda x: x[:, :1].sum(-1),
    "sum of none": lambda x: x[:, :0].sum(-1),
    "sum of truth values": lambda x: (x > 0).sum(-1),
    "mean": lambda x: x.mean(-1),
    "mean of one": lambda x: x[:, :1].mean(-1),
    "mean of a long row": lambda x: x.mean(),
    "var": lambda x: x.var(-1),
    "var of a long row": lambda x: x.var(),
    "var of one": lambda x: x[:, :1].var(-1, correction=0),
    "std": lambda x: x.std(-1, correction=0),
    "amax": lambda x: x.amax(-1),
    "amax of a long row": lambda x: x.amax(),
    "amin of a long row": lambda x: x.amin(),
    "softmax": lambda x: x.softmax(-1),
    "softmax of one": lambda x: x[:, :1].softmax(-1),
    "log_softmax": lambda x: x.log_softmax(-1),
    "matmul": lambda x: x @ x,
    "linear": lambda x: F.linear(x, x, x[0]),
    "linear of one": lambda x: F.linear(x[:, :1], x[:, :1], x[0]),
    "linear of none": lambda x: F.linear(x[:, :0], x[:, :0], x[0]),
    "relu": lambda x: x.relu(),
    "gelu": lambda x: F.gelu(x.nan_to_num(posinf=9, neginf=-9).clamp(-9, 9)),
    "gelu by tanh": lambda x: F.gelu(x.nan_to_num(posinf=9, neginf=-9).clamp(-9, 9), approximate="tanh"),
    "silu": F.silu,
    "sqrt": lambda x: x.sqrt(),
    "rsqrt": lambda x: x.rsqrt(),
    "exp": lambda x: x.exp(),
    "log": lambda x: x.log(),
    "sin": lambda x: x.sin(),
    "cos": lambda x: x.cos(),
    "tanh": lambda x: x.tanh(),
    "sigmoid": lambda x: x.sigmoid(),
    "neg": lambda x: -x,
    "abs": lambda x: x.abs(),
    "square": lambda x: x.square(),
    "reciprocal": lambda x: x.reciprocal(),
    "clamp": lambda x: x.clamp(-1, 2),
    "clamp from below": lambda x: x.clamp(min=-0.1234567),
    "clamp from above": lambda x: x.clamp(max=-1),
    "add": lambda x: x + x.T,
    "add to a number": lambda x: 2 + x,
    "add a part": lambda x: torch.add(x, x.T, alpha=-1 / 3),
    "sub": lambda x: torch.sub(x, x, alpha=2),
    "mul": lambda x: x * x.T,
    "div": lambda x: x / x.T,
    "div into a number": lambda x: 1 / x,
    "pow": lambda x: x**3,
    "negative power": lambda x: x**-1,
    "power of a number": lambda x: 2**x,
    "root": lambda x: x**0.5,
    "floor": lambda x: torch.div(x, 0.3, rounding_mode="floor"),
    "trunc": lambda x: torch.div(x, 0.3, rounding_mode="trunc"),
    "floordiv": lambda x: x.nan_to_num(posinf=1, neginf=1) // 0.3,
    "mod": lambda x: x % 0.7,
    "maximum": lambda x: torch.maximum(x, x.T),
    "minimum": lambda x: torch.minimum(x, x.T),
    "equal": lambda x: x == x.T + 1e-6,
    "less": lambda x: x < x.T,
    "and": lambda x: (x > 0) & (x < 1),
    "or": lambda x: (x > 0) | (x < 1),
    "xor": lambda x: (x > 0) ^ (x < 1),
    "not": lambda x: ~(x > 0),
    "bits": lambda x: ~(_whole(x) & 6) ^ 3,
    "whole": lambda x: _whole(x) // 2,
    "whole power": lambda x: _whole(x) ** 2,
    "whole quotient": lambda x: _whole(x) / 3,
    "where": lambda x: torch.where(x > 0, x, 0.1234567),
    "masked": lambda x: x.masked_fill(x > 0, -1 / 3),
    "cat": lambda x: torch.cat([x, x], 1),
    "reshape": lambda x: x.reshape(-1),
    "triu": lambda x: x.triu(1),
    "arange": lambda x: torch.arange(-1.0, 1.0, 1 / 3),
    "full": lambda x: torch.full((3,), 1 / 3),
    "ones": lambda x: torch.ones(2, 2, dtype=torch.bool),
}
