"""A person's own image file as a small square picture. Whatever the file holds, no error but a sentence comes out."""

from __future__ import annotations

import io

import torch
from PIL import ExifTags, Image, ImageOps

from engine.labs.pictures import SIDE, Picture

MOST_MEGABYTES = 20
_MOST_PIXELS = 50_000_000  # what phones make; decoded it is 200 MB for a moment
_TOO_LARGE = f"This image has more than {_MOST_PIXELS // 1_000_000} million pixels, which is the most that is read."
_UNREADABLE = "This file cannot be read as a PNG or JPEG image: it is damaged, or of another kind."
_FORMATS = ("PNG", "JPEG")
# How an image's Orientation says it must be turned (Exif 2.3, tag 0x0112).
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class NoPictureError(ValueError):
    """Why a file cannot be shown, in a plain sentence."""


def decoded(data: bytes) -> Picture:
    """The middle square of a PNG or JPEG, reduced to ``SIDE`` pixels; what is transparent comes out white.

    Raises:
        NoPictureError: for everything that is no such image, or too large a one.
    """
    try:
        return Picture("your own", "your own picture", _square(data).tobytes())
    except NoPictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise NoPictureError(_TOO_LARGE) from error
    # A damaged file makes PIL's decoders raise almost anything: OSError, SyntaxError, struct.error, KeyError.
    except Exception as error:
        raise NoPictureError(_UNREADABLE) from error


def _square(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=_FORMATS) as file:
        if file.width * file.height > _MOST_PIXELS:
            raise NoPictureError(_TOO_LARGE)
        turn = _TURNS.get(_orientation(file))
        file.draft(None, (2 * SIDE, 2 * SIDE))  # a JPEG can be decoded at a fraction of its size
        image = _eight_bit(file)
    middle = ImageOps.fit(image, (SIDE, SIDE), Image.Resampling.BOX)
    if middle.has_transparency_data:
        middle = Image.alpha_composite(Image.new("RGBA", middle.size, "white"), middle.convert("RGBA"))
    colours = middle.convert("RGB")
    return colours if turn is None else colours.transpose(turn)


def _eight_bit(image: Image.Image) -> Image.Image:
    """The image in a mode that can be resized and has eight bits a channel."""
    if image.mode.startswith("I"):
        # PIL's own conversion cuts everything above 255 off.
        wide = torch.frombuffer(bytearray(image.convert("I").tobytes()), dtype=torch.int32)
        grey = (wide.clamp(0, 65535) // 257).to(torch.uint8)
        return Image.frombytes("L", image.size, bytes(grey.numpy()))
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image.convert("RGB")


def _orientation(image: Image.Image) -> int:
    # Damaged notes about an image are no reason not to show it.
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        return 1
