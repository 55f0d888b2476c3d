"""Images as HTML: every pixel a crisp square, and patches that say something when pointed at."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from einops import rearrange
from PIL import Image
from torch import Tensor

_STYLE = """<style>
.lab-picture { margin: 0; max-width: 24rem; }
.lab-pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; max-width: 34rem; }
.lab-picture .plane { position: relative; container-type: inline-size; }
.lab-picture img { display: block; width: 100%; image-rendering: pixelated; border-radius: 3px; }
.lab-picture figcaption { font-size: 0.82rem; opacity: 0.85; margin-top: 0.35rem; line-height: 1.4; }
.lab-picture .grid { position: absolute; inset: 0; display: grid; grid-template-columns: repeat(var(--across), 1fr);
  grid-auto-rows: 1fr; }
.lab-picture .cell { position: relative; display: flex; align-items: center; justify-content: center;
  color: #fff; font-size: clamp(8px, calc(24cqw / var(--across)), 16px); font-weight: 600; line-height: 1;
  text-shadow: 0 0 3px #000, 0 0 3px #000, 0 0 2px #000; }
.lab-picture .cell:hover { outline: 2px solid #fff; outline-offset: -2px; z-index: 1; }
.lab-picture .cell.asks { outline: 3px solid #ff8c1a; outline-offset: -3px; z-index: 1; }
.lab-picture .cell::after { content: attr(data-says); display: none; position: absolute; z-index: 2; bottom: 100%;
  padding: 0.3rem 0.5rem; border-radius: 0.35rem; background: #1d2433; color: #fff; white-space: nowrap;
  font-family: inherit; font-size: 12px; line-height: 1.3; text-shadow: none; pointer-events: none; }
.lab-picture .cell.left::after { left: 0; }
.lab-picture .cell.right::after { right: 0; }
.lab-picture .cell.top::after { bottom: auto; top: 100%; }
.lab-picture .cell:hover::after { display: block; }
</style>"""
_ENLARGED = 4  # so that the gaps between patches can be finer than a pixel


@dataclass(frozen=True)
class Veil:
    """What lies over one patch.

    Attributes:
        dark: how dark it is, from 0 to 1.
        tooltip: shown when somebody points at the patch.
        text: written on the patch.
        asks: whether the patch is the query, and outlined.
    """

    dark: float
    tooltip: str
    text: str = ""
    asks: bool = False


def picture(image: Tensor, alt: str, caption: str = "", *, patch: int | None = None) -> str:
    """An image (C, Hpx, Wpx) of numbers from 0 to 1; with ``patch``, cut apart into patches of that many pixels.

    Args:
        image: the pixels.
        alt: what it shows, in words.
        caption: what stands below.
        patch: side of a patch, in pixels.

    Returns:
        HTML.
    """
    shown = image if patch is None else _apart(image, patch)
    return _figure(f'<img src="{_png(shown)}" alt="{html.escape(alt)}">', caption)


def side_by_side(*pictures: str) -> str:
    """Two pictures side by side, on a narrow page too."""
    return f'<div class="lab-pair">{"".join(pictures)}</div>'


def veiled(image: Tensor, veils: Sequence[Veil], alt: str, caption: str = "") -> str:
    """An image with a veil over each of its patches, row by row.

    Args:
        image: the pixels, (C, Hpx, Wpx).
        veils: one for each patch.
        alt: what it shows, in words.
        caption: what stands below.

    Returns:
        HTML.
    """
    across = round(len(veils) ** 0.5)
    cells = "".join(_cell(veil, index, across) for index, veil in enumerate(veils))
    grid = f'<div class="grid" aria-hidden="true" style="--across: {across}">{cells}</div>'
    return _figure(f'<img src="{_png(image)}" alt="{html.escape(alt)}">{grid}', caption)


def _figure(inside: str, caption: str) -> str:
    below = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    return f'{_STYLE}<figure class="lab-picture"><div class="plane">{inside}</div>{below}</figure>'


def _cell(veil: Veil, index: int, across: int) -> str:
    row, column = divmod(index, across)
    names = ["cell", "left" if column < across / 2 else "right"]
    names += ["top"] * (row == 0) + ["asks"] * veil.asks
    return (
        f'<span class="{" ".join(names)}" data-says="{html.escape(veil.tooltip)}" '
        f'style="background: rgba(10, 12, 18, {veil.dark:.3f})">{html.escape(veil.text)}</span>'
    )


def _apart(image: Tensor, patch: int) -> Tensor:
    """The image enlarged, with transparent gaps between its patches: (4, height, width)."""
    opaque = torch.cat([image, torch.ones_like(image[:1])])
    large = opaque.repeat_interleave(_ENLARGED, 1).repeat_interleave(_ENLARGED, 2)
    size = patch * _ENLARGED
    gap = max(2, size // 8)
    padded = torch.nn.functional.pad(large.unfold(1, size, size).unfold(2, size, size), (0, gap, 0, gap))
    laid = rearrange(padded, "C row column height width -> C (row height) (column width)")
    return laid[:, :-gap, :-gap]


def _png(image: Tensor) -> str:
    channels, height, width = image.shape
    levels = (image.clamp(0, 1) * 255).round().to(torch.uint8)
    file = io.BytesIO()
    Image.frombytes(
        "RGB" if channels == 3 else "RGBA",
        (width, height),
        rearrange(levels, "C Hpx Wpx -> Hpx Wpx C").numpy().tobytes(),
    ).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
