"""``F.interpolate``: inside are the neighbours of every new position, each times its share, axis by axis."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.record.inside import FusedCall, opens

_GIVEN = inspect.signature(F.interpolate)
_CUBIC = -0.75  # the constant of torch's cubic


@opens("interpolate")
def open_interpolate(call: FusedCall) -> Any:
    """Nearest, linear and cubic; None for areas and smoothed shrinking."""
    given = _GIVEN.bind(*call.args, **call.kwargs)
    given.apply_defaults()
    named = given.arguments
    kind = {"nearest": 1, "linear": 2, "bilinear": 2, "trilinear": 2, "bicubic": 4}.get(named["mode"])
    if kind is None or named["antialias"]:
        return None
    x = named["input"]
    axes = x.dim() - 2
    sizes = call.result.shape[2:]
    factors = named["scale_factor"]
    scales: list[float | None] = [None] * axes
    if factors is not None and not named["recompute_scale_factor"]:
        scales = list(factors) if isinstance(factors, tuple | list) else [factors] * axes
    return call.record(interpolate, x, tuple(sizes), scales, kind, bool(named["align_corners"]))


def interpolate(
    x: Tensor, sizes: Sequence[int], scales: Sequence[float | None], neighbours: int, aligns_corners: bool
) -> Tensor:
    """Numbers between the given ones (torch.nn.functional.interpolate).

    Args:
        x: (B, C, …).
        sizes: of the axes after the first two, afterwards.
        scales: how many times as long each becomes, None for its size ÷ its size before.
        neighbours: 1 takes the nearest, 2 mixes two, 4 lays a cubic through four.
        aligns_corners: whether the first and last places are those of before.

    Returns:
        (B, C, *sizes).
    """
    for axis, (size, scale) in enumerate(zip(sizes, scales, strict=True), start=2):
        before = x.size(axis)
        step = before / size if scale is None else 1 / scale
        index = torch.arange(size, device=x.device)
        if neighbours == 1:
            nearest = (index * step).floor().long().clamp(max=before - 1)
            x = x.index_select(axis, nearest)
            continue
        # What lies outside has the outermost number.
        position = index * ((before - 1) / max(size - 1, 1)) if aligns_corners else (index + 0.5) * step - 0.5
        left = position.floor()
        part = (position - left).to(x.dtype)
        mixed = None
        for offset, share in _shares(part, neighbours):
            own = x.index_select(axis, (left.long() + offset).clamp(0, before - 1))
            weighed = own * share.reshape(-1, *[1] * (x.dim() - axis - 1))
            mixed = weighed if mixed is None else mixed + weighed
        x = x if mixed is None else mixed
    return x


def _shares(part: Tensor, neighbours: int) -> Sequence[tuple[int, Tensor]]:
    """How much of each neighbour, by where it stands from the one before the position."""
    if neighbours == 2:
        return (0, 1 - part), (1, part)
    a = _CUBIC
    far_left, left, right, far_right = part + 1, part, 1 - part, 2 - part
    return (
        (-1, ((a * far_left - 5 * a) * far_left + 8 * a) * far_left - 4 * a),
        (0, ((a + 2) * left - (a + 3)) * left * left + 1),
        (1, ((a + 2) * right - (a + 3)) * right * right + 1),
        (2, ((a * far_right - 5 * a) * far_right + 8 * a) * far_right - 4 * a),
    )
