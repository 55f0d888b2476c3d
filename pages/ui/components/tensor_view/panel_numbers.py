"""The numbers of a panel as they go to the browser: their type, the part in a window, the scale of their colours."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pages.ui.components.tensor_view.types import Panel
from pages.ui.components.tensor_view.window import Window

if TYPE_CHECKING:
    import numpy
    import torch

# A larger number is taken for a filler such as −1e9 that a mask put in: in its scale all others would have no colour.
FILLER = 1e8


def drawable(panel: Panel) -> Panel:
    """The panel as the rest expects it: dense, real, with as many axes and labels as it has dimensions."""
    value = panel.value.detach()
    if value.layout != _torch().strided:
        value = value.to_dense()
    if value.is_quantized:
        value = value.dequantize()
    axes, labels = list(panel.axes), list(panel.labels)
    if value.is_complex():
        value = _torch().view_as_real(value.resolve_conj())
        axes = [*_fitted(axes, value.ndim - 1), "re_im"]
        labels = [*_fitted(labels, value.ndim - 1), ("re", "im")]
    return replace(panel, value=value, axes=tuple(_fitted(axes, value.ndim)), labels=tuple(_fitted(labels, value.ndim)))


def _fitted(items: list[Any], length: int) -> list[Any]:
    return (items + [None] * length)[:length]


def transport_of(dtype: torch.dtype) -> str:
    """How numbers of this type travel, losing nothing: every half fits a float32, every small integer an int32."""
    torch = _torch()
    if dtype == torch.bool:
        return "u1"
    if dtype == torch.float64:
        return "f8"
    if dtype.is_floating_point:
        return "f4"
    return "i8" if dtype in (torch.int64, torch.uint32, torch.uint64) else "i4"


def numbers_in(value: torch.Tensor, window: Window) -> tuple[numpy.ndarray[Any, Any], str]:
    """The numbers inside the window, on the CPU, in the type they travel in."""
    torch = _torch()
    part, kind = value[window.slices].cpu(), transport_of(value.dtype)
    if kind == "f4":
        part = part.to(torch.float32)
    elif kind == "i4":
        part = part.to(torch.int32)
    elif kind == "i8":
        part = part.to(torch.int64)
    array = part.resolve_neg().contiguous().numpy()
    return (array.astype("uint8") if kind == "u1" else array), kind


# Scales that end elsewhere than at the largest number, or are none.
_WITHOUT_LARGEST = ("probability", "ids", "bool")


def scale_of(panel: Panel) -> dict[str, Any]:
    """What the colours of a tensor mean, as the browser takes it: the kind of scale, and where it ends."""
    kind = panel.scale
    if kind == "auto":
        whole = "bool" if panel.value.dtype == _torch().bool else "ids"
        kind = "diverging" if panel.value.is_floating_point() else whole
    if kind in _WITHOUT_LARGEST or panel.value.is_meta:
        return {"kind": kind, "largest": None}
    return {"kind": kind, "largest": largest(panel.value, panel.masked) if panel.largest is None else panel.largest}


def largest(value: torch.Tensor, masked: torch.Tensor | None = None) -> float:
    """The largest finite magnitude of the whole tensor, so that colours stay put while people page through it.

    Args:
        value: the tensor, of any shape and dtype that is not complex.
        masked: bool, broadcastable to its shape: cells that do not count.

    Returns:
        The magnitude, of fillers like −1e9 only where there is no other; 0 for a tensor without elements.
    """
    torch = _torch()
    if value.numel() == 0:
        return 0.0
    if not value.is_floating_point() or value.element_size() == 1:
        value = value.to(torch.float32)  # whole numbers and eighth-size floats lack what follows
    if masked is not None and masked.any():
        value = value.masked_fill(masked.to(value.device), 0)
    reach = _reach(value)
    if math.isfinite(reach) and reach < FILLER:
        return reach
    finite = value.nan_to_num(0, 0, 0)
    ordinary = _reach(finite.masked_fill(finite.abs() >= FILLER, 0))
    return ordinary or _reach(finite)


def _reach(value: torch.Tensor) -> float:
    low, high = _torch().aminmax(value)
    return max(abs(float(low)), abs(float(high))) if not low.isnan() else math.nan


def _torch() -> Any:
    # Imported late, so that a page shows before torch has loaded; whoever has a tensor to draw has loaded it already.
    import torch

    return torch
