"""Image files as people have them: every mode and turn comes out right, and no file is an error."""

import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.labs.image_as_sentence.pictures import SIDE
from pages.ui.labs.kit.image_upload import NoPictureError, decoded

RED, GREEN, BLUE, WHITE = (230, 20, 30), (10, 160, 70), (40, 60, 200), (255, 255, 255)


def saved(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def quarters(mode="RGB", size=(96, 96)):
    """Red and green above blue and white."""
    image = Image.new("RGB", size, WHITE)
    width, height = size[0] // 2, size[1] // 2
    for colour, at in ((RED, (0, 0)), (GREEN, (width, 0)), (BLUE, (0, height))):
        image.paste(colour, (*at, at[0] + width, at[1] + height))
    return image.quantize(16) if mode == "P" else image.convert(mode)


def corners(data):
    """The colours near the four corners of what came out: above left and right, below left and right."""
    rgb = decoded(data).picture.rgb
    assert len(rgb) == SIDE * SIDE * 3
    starts = [(down * SIDE + right) * 3 for down in (8, 40) for right in (8, 40)]
    return [tuple(rgb[start : start + 3]) for start in starts]


def near(found, expected, within=3):
    return all(
        abs(a - b) <= within
        for one, other in zip(found, expected, strict=True)
        for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_a_png_of_any_mode_in_colour_keeps_its_colours(mode):
    assert near(corners(saved(quarters(mode))), [RED, GREEN, BLUE, WHITE])


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
def test_a_jpeg_keeps_its_colours(mode):
    assert near(corners(saved(quarters(mode), "JPEG", quality=95)), [RED, GREEN, BLUE, WHITE], within=12)


def test_a_large_jpeg_is_decoded_at_a_fraction_of_its_size_and_looks_the_same():
    assert near(corners(saved(quarters(size=(3000, 3000)), "JPEG", quality=95)), [RED, GREEN, BLUE, WHITE], within=8)


def test_grey_black_and_white_and_sixteen_bit_images_keep_their_brightness():
    grey = Image.new("L", (60, 60), 90)
    assert corners(saved(grey)) == [(90, 90, 90)] * 4
    assert corners(saved(Image.new("1", (60, 60), 1))) == [WHITE] * 4
    sixteen = Image.new("I;16", (60, 60), 90 * 257)
    assert Image.open(io.BytesIO(saved(sixteen))).mode == "I;16"
    assert corners(saved(sixteen)) == [(90, 90, 90)] * 4


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_comes_out_white(mode):
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 32, 64, 64))
    assert corners(saved(image.convert(mode))) == [WHITE, WHITE, (0, 0, 0), (0, 0, 0)]


def test_half_transparent_black_over_white_is_grey():
    assert near(corners(saved(Image.new("RGBA", (50, 50), (0, 0, 0, 128)))), [(127, 127, 127)] * 4, within=1)


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, [RED, GREEN, BLUE, WHITE]),
        (2, [GREEN, RED, WHITE, BLUE]),
        (3, [WHITE, BLUE, GREEN, RED]),
        (4, [BLUE, WHITE, RED, GREEN]),
        (5, [RED, BLUE, GREEN, WHITE]),
        (6, [BLUE, RED, WHITE, GREEN]),
        (7, [WHITE, GREEN, BLUE, RED]),
        (8, [GREEN, WHITE, RED, BLUE]),
        (99, [RED, GREEN, BLUE, WHITE]),
    ],
)
def test_a_photo_is_turned_as_its_camera_noted(orientation, expected):
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert near(corners(saved(quarters(), "JPEG", quality=95, exif=exif)), expected, within=12)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_notes_of_a_camera_do_not_matter():
    data = saved(quarters(), "JPEG", quality=95, exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert near(corners(data), [RED, GREEN, BLUE, WHITE], within=12)


@pytest.mark.parametrize("size", [(96, 300), (300, 96)])
def test_of_a_long_image_the_middle_square_is_kept_and_nothing_is_squeezed(size):
    image = Image.new("RGB", size, RED)
    middle = [(length - 96) // 2 for length in size]
    image.paste(quarters(), tuple(middle))
    assert near(corners(saved(image)), [RED, GREEN, BLUE, WHITE])


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (3, 2)])
def test_the_smallest_and_the_thinnest_image_is_one(size):
    assert corners(saved(Image.new("RGB", size, BLUE))) == [BLUE] * 4


@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        ((32, 32), "Its middle square of 32 × 32 pixels was enlarged to 48 × 48."),
        ((900, 47), "Its middle square of 47 × 47 pixels was enlarged to 48 × 48."),
        ((48, 48), "Its middle square has 48 × 48 pixels and is shown as it is."),
        ((48, 99), "Its middle square has 48 × 48 pixels and is shown as it is."),
        ((49, 300), "Its middle square of 49 × 49 pixels was reduced to 48 × 48."),
        ((3000, 2000), "Its middle square of 2,000 × 2,000 pixels was reduced to 48 × 48."),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_it_is_said_whether_the_middle_square_was_enlarged_or_reduced(kind, size, sentence):
    assert decoded(saved(Image.new("RGB", size, BLUE), kind)).scaling == sentence


# How the four corners of an image stand after the turn that a camera notes.
TURNED = {
    1: (0, 1, 2, 3),
    2: (1, 0, 3, 2),
    3: (3, 2, 1, 0),
    4: (2, 3, 0, 1),
    5: (0, 2, 1, 3),
    6: (2, 0, 3, 1),
    7: (3, 1, 2, 0),
    8: (1, 3, 0, 2),
}


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([("PNG", mode) for mode in ("RGB", "RGBA", "P")] + [("JPEG", mode) for mode in ("RGB", "CMYK")]),
    st.tuples(st.integers(20, 200), st.integers(20, 200)),
    st.sampled_from(sorted(TURNED)),
)
def test_every_size_mode_and_turn_comes_out_right(kind_and_mode, size, orientation):
    kind, mode = kind_and_mode
    exif = Image.Exif()
    exif[0x0112] = orientation
    side = min(size) // 2 * 2
    image = Image.new("RGB", size, WHITE)
    image.paste(quarters(size=(side, side)), tuple((length - side) // 2 for length in size))
    image = image.quantize(16) if mode == "P" else image.convert(mode)
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {}
    data = saved(image, kind, exif=exif, **options)
    expected = [(RED, GREEN, BLUE, WHITE)[place] for place in TURNED[orientation]]
    assert near(corners(data), expected, within=20)
    assert decoded(data).side == min(size)


def test_of_an_animated_image_the_first_frame_is_shown():
    frames = [Image.new("RGB", (60, 60), colour) for colour in (RED, GREEN)]
    assert corners(saved(frames[0], save_all=True, append_images=frames[1:])) == [RED] * 4


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def claiming(width, height):
    """A PNG of a few bytes that says it is so large."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(9000, 9000), (11000, 11000), (60000, 60000), (2**31 - 1, 2**31 - 1)])
def test_an_image_that_says_it_is_huge_is_refused_before_it_is_decoded(size):
    with pytest.raises(NoPictureError, match="more than 50 million pixels"):
        decoded(claiming(*size))


WHOLE_PNG, WHOLE_JPEG = saved(quarters()), saved(quarters(), "JPEG")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"a text",
        WHOLE_PNG[:60],
        WHOLE_PNG[:33] + b"\xff" * 40,
        WHOLE_JPEG[: len(WHOLE_JPEG) // 2],
        WHOLE_JPEG[:30],
        claiming(0, 5),
        claiming(500, 500),
        saved(quarters(), "GIF"),
        saved(quarters(), "BMP"),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    ],
)
def test_what_is_no_whole_png_or_jpeg_is_refused_in_a_sentence(data):
    with pytest.raises(NoPictureError, match="cannot be read as a PNG or JPEG image"):
        decoded(data)


def test_a_png_whose_notes_blow_up_is_refused():
    bomb = b"note\0\0" + zlib.compress(b"\0" * 80_000_000)
    with pytest.raises(NoPictureError, match="cannot be read"):
        decoded(WHOLE_PNG[:33] + chunk(b"zTXt", bomb) + WHOLE_PNG[33:])
