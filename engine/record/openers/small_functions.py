"""Functions of torch that are a line or two of plainer ones: products of vectors, distances, and sums of products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from engine.record.inside import FusedCall, opens


def adjoint(x: Tensor) -> Tensor:
    """The matrices turned around, each number with its imaginary part of the other sign (Tensor.mH)."""
    turned = x.transpose(-2, -1)
    return turned.conj() if turned.is_complex() else turned


def vdot(x: Tensor, y: Tensor) -> Tensor:
    """The product of two vectors, the first with its imaginary parts of the other sign (torch.vdot).

    Args:
        x: (n).
        y: (n).
    """
    first = x.conj() if x.is_complex() else x
    return first @ y


def inner(x: Tensor, y: Tensor) -> Tensor:
    """The products of the last axis of the one with that of the other (torch.inner).

    Args:
        x: (…, n), or a number.
        y: (…, n), or a number.
    """
    if not x.dim() or not y.dim():
        return x * y
    rows, others = x.reshape(-1, x.size(-1)), y.reshape(-1, y.size(-1))
    return (rows @ others.mT).reshape((*x.shape[:-1], *y.shape[:-1]))


def trace(matrix: Tensor) -> Tensor:
    """The sum of the diagonal (torch.trace)."""
    return matrix.diagonal().sum()


def lerp(start: Tensor, end: Tensor, weight: Tensor | float) -> Tensor:
    """So far from one number to another (torch.lerp).

    Args:
        start: where 0 is.
        end: where 1 is.
        weight: how far.
    """
    return start + weight * (end - start)


def addcmul(x: Tensor, left: Tensor, right: Tensor, *, value: float = 1) -> Tensor:
    """A product added (torch.addcmul).

    Args:
        x: what it is added to.
        left, right: the factors.
        value: what the product is multiplied by.
    """
    return x + value * left * right


def addcdiv(x: Tensor, left: Tensor, right: Tensor, *, value: float = 1) -> Tensor:
    """A quotient added (torch.addcdiv).

    Args:
        x: what it is added to.
        left: what is divided.
        right: what it is divided by.
        value: what the quotient is multiplied by.
    """
    return x + value * left / right


def hypot(x: Tensor, y: Tensor) -> Tensor:
    """The long side of a right-angled triangle (torch.hypot).

    Args:
        x, y: the short sides.
    """
    return (x * x + y * y).sqrt()


def frac(x: Tensor) -> Tensor:
    """What stands behind the point (torch.frac)."""
    return x - x.trunc()


def fmod(x: Tensor, y: Tensor | float) -> Tensor:
    """What a division towards 0 leaves over, with the sign of what was divided (torch.fmod).

    Args:
        x: what is divided.
        y: what it is divided by.
    """
    return x - y * torch.trunc(x / y)


def nan_to_num(x: Tensor, nan: float | None = None, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """Other numbers in the place of NaN and of infinities (torch.nan_to_num).

    Args:
        x: any shape.
        nan: in the place of NaN; None for 0.
        posinf, neginf: in the place of infinities; None for the largest and the smallest number there is.
    """
    limits = torch.finfo(x.dtype)
    known = torch.where(x.isnan(), 0.0 if nan is None else nan, x)
    below = torch.where(known == torch.inf, limits.max if posinf is None else posinf, known)
    return torch.where(below == -torch.inf, limits.min if neginf is None else neginf, below)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The product of two vectors of length 1 in their directions (torch.nn.functional.cosine_similarity).

    Args:
        x1, x2: any shapes that broadcast.
        dim: the axis along which the vectors lie.
        eps: the least length that a vector is taken to have.
    """
    left = x1 / x1.norm(dim=dim, keepdim=True).clamp(min=eps)
    right = x2 / x2.norm(dim=dim, keepdim=True).clamp(min=eps)
    return (left * right).sum(dim)


def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str = "") -> Tensor:
    """The distance of every row of the one from every row of the other (torch.cdist).

    Args:
        x1: (…, rows, d).
        x2: (…, other rows, d).
        p: 2 for the length of the difference, 1 for the sum of its sizes.
        compute_mode: how torch computes it, which changes nothing but its rounding.

    Returns:
        (…, rows, other rows).
    """
    difference = x1.unsqueeze(-2) - x2.unsqueeze(-3)
    return difference.norm(p=p, dim=-1)


def weight_norm(direction: Tensor, size: Tensor, dim: int = 0) -> Tensor:
    """Weights as a direction and a length, an axis left alone (torch.nn.utils.parametrizations.weight_norm).

    Args:
        direction: any shape.
        size: the lengths, 1 on all axes but one.
        dim: that axis; -1 for one length of the whole.
    """
    return direction * (size / norm_except_dim(direction, 2, dim))


def norm_except_dim(weight: Tensor, pow: int = 2, dim: int = 0) -> Tensor:
    """The lengths of all that lies along one axis; -1 for the length of the whole.

    Args:
        weight: any shape.
        pow: 2 for the length, 1 for the sum of the sizes.
        dim: the axis that is left.
    """
    if dim == -1:
        return weight.norm(p=pow)
    dims = [axis for axis in range(weight.dim()) if axis != dim % weight.dim()]
    return weight.norm(p=pow, dim=dims, keepdim=True)


def matrix_exp(matrix: Tensor) -> Tensor:
    """e to the power of a matrix: 1 + A + A²/2 + A³/6 + …, of A halved until it is small, squared as often again.

    Args:
        matrix: (…, n, n).

    Returns:
        (…, n, n), as torch.linalg.matrix_exp.
    """
    size = float(matrix.abs().sum(-1).max()) if matrix.numel() else 0.0
    halvings = 0
    while size > 0.5 * 2**halvings:
        halvings += 1
    small = matrix / 2**halvings
    term = torch.eye(matrix.size(-1), dtype=matrix.dtype, device=matrix.device).expand(matrix.shape)
    total = term
    for power in range(1, 13):  # of at most a half, the next is less than a rounding of float64
        term = term @ small / power
        total = total + term
    for _ in range(halvings):
        total = total @ total
    return total


_PLAIN: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("mH", "H", "adjoint"), adjoint),
    **dict.fromkeys(("matrix_exp", "linalg_matrix_exp"), matrix_exp),
    "_weight_norm": weight_norm,
    **{
        function.__name__: function
        for function in (
            *(vdot, inner, trace, lerp, addcmul, addcdiv, hypot, frac, fmod, nan_to_num, cosine_similarity, cdist),
            norm_except_dim,
        )
    },
}


@opens(*_PLAIN)
def open_small_function(call: FusedCall) -> Any:
    """A function that is called as its plain form is."""
    if call.op == "nan_to_num" and not call.args[0].is_floating_point():
        return None
    return call.record(
        _PLAIN[call.op], *call.args, **{name: each for name, each in call.kwargs.items() if name != "out"}
    )
