"""The Fourier transforms of ``torch.fft``: inside are the products with the waves, axis by axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from engine.record.inside import FusedCall, opens

_SCALES = {
    (False, "backward"): lambda count: 1.0,
    (False, "forward"): lambda count: 1 / count,
    (True, "backward"): lambda count: 1 / count,
    (True, "forward"): lambda count: 1.0,
}


@opens("fft_fft", "fft_ifft", "fft_fft2", "fft_ifft2", "fft_fftn", "fft_ifftn", "fft_rfft", less_work=True)
def open_fourier(call: FusedCall) -> Any:
    """Transforms of one axis or of several; None where they are cut or padded first."""
    given = dict(zip(("input", "s", "dim", "norm"), call.args, strict=False)) | dict(call.kwargs)
    if given.get("s") is not None or given.get("n") is not None or given.get("out") is not None:
        return None
    x = given["input"]
    is_of_one = call.op in ("fft_fft", "fft_ifft", "fft_rfft")
    dims = given.get("dim")
    if is_of_one:
        dims = (-1 if dims is None else dims,)
    elif dims is None:
        dims = (-2, -1) if call.op.endswith("2") else tuple(range(x.dim()))
    return call.record(fourier, x, dims, "ifft" in call.op, given.get("norm") or "backward", call.op == "fft_rfft")


def fourier(x: Tensor, dims: Sequence[int], is_inverse: bool, norm: str, halves: bool) -> Tensor:
    """The sums of an axis' numbers, each times its point on a circle that is walked round k times (torch.fft).

    Args:
        x: any shape, of real or complex numbers.
        dims: the axes, one after the other.
        is_inverse: whether the circle is walked the other way round.
        norm: "backward", "forward" or "ortho": where the sums are divided by how many numbers there are.
        halves: whether only the first half is kept, which says all where ``x`` is real.

    Returns:
        The shape of ``x``, but for a last axis that is halved.
    """
    turns = x if x.is_complex() else torch.complex(x, torch.zeros_like(x))
    for dim in dims:
        count = x.size(dim)
        positions = torch.arange(count, device=x.device)
        # Whole turns change nothing, and without them the angles are small, and exact.
        part = (torch.outer(positions, positions) % count).to(turns.real.dtype)
        angles = part * (2 * math.pi / count * (1 if is_inverse else -1))
        waves = torch.complex(angles.cos(), angles.sin())  # (positions, waves)
        turns = (turns.movedim(dim, -1) @ waves).movedim(-1, dim)
        scale = 1 / math.sqrt(count) if norm == "ortho" else _SCALES[is_inverse, norm](count)
        if scale != 1:
            turns = turns * scale
    return turns.narrow(dims[-1], 0, x.size(dims[-1]) // 2 + 1) if halves else turns
