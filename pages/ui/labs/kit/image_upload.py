"""A person's own image file as a small square picture. Whatever the file holds, no error but a sentence comes out."""

from __future__ import annotations

import io
from dataclasses import dataclass

import torch
from PIL import Image, ImageOps

from engine.labs.image_as_sentence.pictures import SIDE, Picture, side_of

MOST_MEGABYTES = 20
_MOST_PIXELS = 50_000_000  # what phones make; decoded it is 200 MB for a moment
_TOO_LARGE = f"This image has more than {_MOST_PIXELS // 1_000_000} million pixels, which is the most that is read."
_UNREADABLE = "This file cannot be read as a PNG or JPEG image: it is damaged, or of another kind."
_AS_IT_IS = "Its middle square has {side} × {side} pixels and is shown as it is."
_ENLARGED = "Its middle square of {given:,} × {given:,} pixels was enlarged to {side} × {side}."
_REDUCED = "Its middle square of {given:,} × {given:,} pixels was reduced to {side} × {side}."
_FORMATS = ("PNG", "JPEG")


class NoPictureError(ValueError):
    """Why a file cannot be shown, in a plain sentence."""


@dataclass(frozen=True)
class Upload:
    """A picture of somebody's own, and how many pixels a side its middle square had in the file."""

    picture: Picture
    side: int

    @property
    def scaling(self) -> str:
        """What was done to its middle square, in a sentence."""
        side = side_of(self.picture.rgb)
        template = _AS_IT_IS if self.side == side else _ENLARGED if self.side < side else _REDUCED
        return template.format(side=side, given=self.side)


def decoded(data: bytes, to_side: int = SIDE) -> Upload:
    """The middle square of a PNG or JPEG, brought to ``to_side`` pixels a side; what is transparent comes out white.

    Raises:
        NoPictureError: for everything that is no such image, or too large a one.
    """
    try:
        square, side = _square(data, to_side)
        return Upload(Picture("your own", "your own picture", square.tobytes()), side)
    except NoPictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise NoPictureError(_TOO_LARGE) from error
    # A damaged file makes PIL's decoders raise almost anything: OSError, SyntaxError, struct.error, KeyError.
    except Exception as error:
        raise NoPictureError(_UNREADABLE) from error


def _square(data: bytes, to_side: int) -> tuple[Image.Image, int]:
    """The picture, and how many pixels a side its middle square had in the file."""
    with Image.open(io.BytesIO(data), formats=_FORMATS) as file:
        if file.width * file.height > _MOST_PIXELS:
            raise NoPictureError(_TOO_LARGE)
        side = min(file.size)
        file.draft(None, (2 * to_side, 2 * to_side))  # a JPEG can be decoded at a fraction of its size
        image = _eight_bit(file)
        exif = _exif(file)
    middle = ImageOps.fit(image, (to_side, to_side), Image.Resampling.BOX)
    if middle.has_transparency_data:
        middle = Image.alpha_composite(Image.new("RGBA", middle.size, "white"), middle.convert("RGBA"))
    return _upright(middle.convert("RGB"), exif), side


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


def _exif(file: Image.Image) -> bytes:
    """A camera's notes; of a damaged set nothing, which is no reason not to show the image."""
    try:
        return file.getexif().tobytes()
    except Exception:
        return b""


def _upright(image: Image.Image, exif: bytes) -> Image.Image:
    """The image turned as the camera noted."""
    image.info["exif"] = exif
    try:
        return ImageOps.exif_transpose(image)
    except Exception:
        return image
