"""Small pictures drawn with tensors, for experiments that need an image and no file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

SIDE = 48  # pixels; 4, 6, 8, 12 and 16 divide it
SIDES = (SIDE, 32)  # 32 is the side of the pictures of CIFAR-10, which many courses use
_CHANNELS = 3


@dataclass(frozen=True)
class Picture:
    """A square colour picture of one of ``SIDES`` pixels a side.

    ``rgb`` holds a byte for each colour of each pixel, row by row, red before green before blue (as PIL's ``tobytes``
    gives them), so that a picture can be compared and kept by value. ``description`` is what to tell who cannot see it.
    """

    name: str
    description: str
    rgb: bytes


def pixels(rgb: bytes) -> Tensor:
    """The bytes of a picture as the image a model reads, (B, C, Hpx, Wpx), from 0 to 1."""
    side = side_of(rgb)
    rows = torch.frombuffer(bytearray(rgb), dtype=torch.uint8).view(1, side, side, _CHANNELS)
    return rows.permute(0, 3, 1, 2).contiguous().float() / 255


def side_of(rgb: bytes) -> int:
    """How many pixels a side a square picture of these bytes has."""
    return math.isqrt(len(rgb) // _CHANNELS)


def _bytes(image: Tensor) -> bytes:
    """The bytes of an image (C, Hpx, Wpx) of numbers from 0 to 1."""
    return bytes((image * 255).round().to(torch.uint8).permute(1, 2, 0).flatten().tolist())


def _colour(code: str) -> Tensor:
    channels = [int(code[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    return torch.tensor(channels).view(_CHANNELS, 1, 1)


def _plane(side: int) -> tuple[Tensor, Tensor]:
    """How far down and how far to the right each pixel's middle is, (Hpx, Wpx) each, the whole picture being 48."""
    middle = (torch.arange(side) + 0.5) * SIDE / side
    return middle.view(side, 1).expand(side, side), middle.view(1, side).expand(side, side)


def _house(down: Tensor, right: Tensor) -> Tensor:
    image = torch.where(down < 36, _colour("9fd0ef"), _colour("6fae5c"))
    image = torch.where((down - 9) ** 2 + (right - 39) ** 2 < 5.5**2, _colour("f6c945"), image)
    image = torch.where((down > 22) & (down < 42) & (right > 8) & (right < 32), _colour("e9dcc3"), image)
    image = torch.where((down > 10) & (down < 22) & ((right - 20).abs() < down - 7), _colour("b5442f"), image)
    image = torch.where((down > 30) & (down < 42) & (right > 17) & (right < 23), _colour("6b4a2f"), image)
    return torch.where((down > 26) & (down < 31) & ((right - 13).abs() < 2.5), _colour("3f6f9f"), image)


def _shapes(down: Tensor, right: Tensor) -> Tensor:
    image = _colour("f1efe8").expand(_CHANNELS, *down.shape)
    image = torch.where((down - 14) ** 2 + (right - 14) ** 2 < 10**2, _colour("d1495b"), image)
    image = torch.where((down > 6) & (down < 22) & (right > 28) & (right < 44), _colour("2f6690"), image)
    return torch.where((down > 26) & (down < 43) & ((right - 24).abs() < (down - 26) * 0.62), _colour("edae49"), image)


def _letter(down: Tensor, right: Tensor) -> Tensor:
    inside = (down > 6) & (down < 42)
    stem = inside & (right > 12) & (right < 20)
    bars = (right > 12) & (right < 37) & (((down > 6) & (down < 14)) | ((down > 21) & (down < 28) & (right < 32)))
    return torch.where(stem | bars, _colour("1d2b53"), _colour("ffe8a3"))


def _blend(down: Tensor, right: Tensor) -> Tensor:
    return torch.stack([right / SIDE, down / SIDE, 1 - (down + right) / (2 * SIDE)])


_DRAWN: Mapping[str, tuple[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "house": ("a house with a red roof on a meadow, the sun at the upper right", _house),
    "shapes": ("a red disc, a blue square and a yellow triangle on a pale ground", _shapes),
    "letter F": ("a dark letter F on a pale yellow ground", _letter),
    "blend": ("colours that change little by little, blue at the upper left, yellow at the lower right", _blend),
}
NAMES = tuple(_DRAWN)


def drawn(name: str, side: int = SIDE) -> Picture:
    """One of the pictures ``NAMES`` lists, with this many pixels a side."""
    description, draw = _DRAWN[name]
    return Picture(name, description, _bytes(draw(*_plane(side))))
