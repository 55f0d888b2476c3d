"""The lab of an image as a sentence, as a person meets it."""

import io
import re

import pytest
import torch
from PIL import Image

from engine.labs.image_as_sentence import code, cut, look, project, read, shuffle
from engine.labs.image_as_sentence.costs import costs
from engine.labs.image_as_sentence.pictures import drawn
from engine.ops.notation import number
from tests.pages.labs.opened import answers, lab, revealed, shown
from tests.pages.shown import message_size, stage
from tests.pages.test_pages import words

KEY = "image_as_sentence"
HOUSE = drawn("house").rgb
DEFAULT = (HOUSE, 8, 32, 4, 2, 0, 0.02)


def drawings(app):
    return [one.proto.body for one in app.get("html") if "lab-picture" in one.proto.body]


@pytest.fixture(scope="module")
def whole():
    return revealed(lab(KEY))


def test_before_a_person_predicts_there_is_the_picture_and_one_question():
    app = lab(KEY)
    assert not app.exception
    assert len(app.radio) == 1
    assert len(drawings(app)) == 1
    assert 'alt="a house with a red roof' in drawings(app)[0]
    assert app.get("bidi_component") == []
    app.radio[0].set_value("192").run()
    assert "You predicted: 192. **Computed: 36.**" in words(app)
    assert len(app.radio) == 2
    assert len(drawings(app)) == 1


def test_every_answer_is_the_experiments(whole):
    assert not whole.exception
    assert answers(whole) == {
        "patches": "36",
        "row": "rows of pixels from edge to edge, one colour only",
        "convolution": "equal up to rounding",
        "without": "stays the same, up to rounding",
        "with": "changes",
        "evenly": "1.5 to 3 times",
        "half": "about 16 times",
    }
    said = words(whole)
    assert f"{cut(HOUSE, 8).in_place} stand where they belong" in said
    projected = project(*DEFAULT[:-1])
    assert f"The largest difference is {number(projected.difference)}." in said
    shuffled = shuffle(*DEFAULT)
    for place in (0, 1):
        assert f"{number(shuffled.changes[place])} in float32 and {number(shuffled.exact[place])} in float64" in said
    counted = {cost.patch: cost for cost in costs(32, 4, 0)}
    assert f"from {counted[8].weights:,} to {counted[4].weights:,}: 15.4 times" in said
    assert whole.code[-1].value == code(*DEFAULT).strip()


def test_the_weights_on_the_picture_are_those_of_the_model(whole):
    found = look(read(*DEFAULT), 0, 0, 0)
    [overlay] = [one for one in drawings(whole) if 'data-says="patch' in one]
    said = re.findall(r'data-says="patch (\d,\d): ([^"]+)" style="background: rgba\(10, 12, 18, ([\d.]+)\)', overlay)
    weights = (100 * found.on_patches).flatten().tolist()
    assert [name for name, _, _ in said] == [f"{row},{column}" for row in range(6) for column in range(6)]
    assert [value for _, value, _ in said] == [f"{number(weight, 6)} %" for weight in weights]
    dark = [float(veil) for _, _, veil in said]
    assert dark[weights.index(max(weights))] == 0
    assert dark[weights.index(min(weights))] == max(dark)
    panel = stage(whole, "labs.image.weights")["panels"][0]
    assert [axis["size"] for axis in panel["axes"]] == [6, 6]
    assert panel["scale"]["largest"] == pytest.approx(max(weights))


def test_the_shapes_on_the_way_are_named_and_true(whole):
    [table] = [one.proto.body for one in whole.get("html") if "lab-stops" in one.proto.body]
    rows = re.findall(r"<dt>(\w+)</dt>(.*?)</dd>", table)
    texts = {name: re.sub("<[^>]+>", "", chips.replace("</b>", "\n")) for name, chips in rows}
    shapes = {name: [tuple(chip.split()) for chip in text.splitlines()] for name, text in texts.items()}
    assert shapes["image"] == [("B", "1"), ("C", "3"), ("Hpx", "48"), ("Wpx", "48")]
    assert shapes["patches"] == [("B", "1"), ("N", "36"), ("C·p·p", "192")]
    assert shapes["tokens"] == [("B", "1"), ("N", "36"), ("d_model", "32")]
    for name in ("sentence", "placed", "memory"):
        assert shapes[name] == [("B", "1"), ("S", "37"), ("d_model", "32")]
    assert shapes["summary"] == [("B", "1"), ("d_model", "32")]


def test_every_tensor_on_the_way_can_be_looked_at():
    app = revealed(lab(KEY, patch=16, layers=1))
    output = {"columns": [1, 768, 9], "patches": [1, 9, 768], "tokens": [1, 9, 32], "summary": [1, 32]}
    output |= {name: [1, 10, 32] for name in ("sentence", "placed", "memory")}
    for name, shape in output.items():
        [chooser] = [one for one in app.segmented_control if one.label == "Look at"]
        chooser.set_value(name).run()
        assert not app.exception
        key = "labs.image.memory" if name == "memory" else f"labs.image.stop.{name}"
        assert [axis["size"] for axis in stage(app, key)["panels"][-1]["axes"]] == shape
        assert message_size(app, key) < 300_000


@pytest.mark.parametrize("picture", ["shapes", "blend"])
def test_the_ends_of_the_sliders_are_shown_as_the_others(picture):
    finest = {"patch": 4, "d_model": 64, "heads": 4, "layers": 4, "layer": 3, "head": 3, "query": 144, "seed": 9}
    app = revealed(lab(KEY, picture=picture, spread=0.5, placed="without", **finest))
    assert not app.exception
    found = look(read(drawn(picture).rgb, 4, 64, 4, 4, 9, 0.5, False), 3, 3, 144)
    [overlay] = [one for one in drawings(app) if 'data-says="patch' in one]
    assert f"patch 0,0: {number(100 * found.on_patches[0, 0].item(), 6)} %" in overlay
    assert re.findall(r'asks" data-says="patch (\d+,\d+)', overlay) == ["11,11"]
    assert ("No two of the 144 patches are alike" in words(app)) == (picture == "blend")
    assert answers(app)["without"] == "stays the same, up to rounding"


def test_with_the_coarsest_patches_a_query_beyond_the_last_is_moved_there():
    coarse = revealed(lab(KEY, patch=16, d_model=16, heads=1, layers=1, query=500))
    assert not coarse.exception
    assert "9 is used." in coarse.warning[0].value
    assert answers(coarse)["patches"] == "9"


def png(colour, size=(70, 50)):
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def test_a_persons_own_picture_goes_the_same_way_and_a_broken_file_leaves_it_there():
    app = lab(KEY, picture="your own")
    assert not app.exception
    assert 'alt="a house' in drawings(app)[0]
    app.file_uploader[0].set_value(("mine.png", png((200, 30, 40)), "image/png")).run()
    assert 'alt="your own picture' in drawings(app)[0]
    assert "Its middle square of 50 × 50 pixels was reduced to 48 × 48." in words(app)
    mine = drawings(app)[0]
    app = revealed(app)
    assert not app.exception
    rgb = bytes((200, 30, 40)) * 48 * 48
    assert answers(app)["with"] == "stays the same, up to rounding"
    assert shuffle(rgb, *DEFAULT[1:]).exact[1] == 0
    assert "all that moved were equal patches" in words(app)
    app.file_uploader[0].set_value(("broken.png", png((1, 2, 3))[:40], "image/png")).run()
    assert not app.exception
    assert "cannot be read as a PNG or JPEG image" in app.warning[0].value
    assert drawings(app)[0] == mine


def test_a_broken_file_leaves_the_picture_that_was_on_screen():
    app = lab(KEY, picture="blend")
    before = drawings(app)[0]
    [picker] = [one for one in app.segmented_control if one.label == "Picture"]
    picker.set_value("your own").run()
    assert drawings(app)[0] == before
    app.file_uploader[0].set_value(("a.jpg", b"not an image", "image/jpeg")).run()
    assert len(app.warning) == 1
    assert drawings(app)[0] == before


@pytest.mark.parametrize(("side", "patch", "count", "width"), [(32, 8, 16, 192), (48, 8, 36, 192), (32, 4, 64, 48)])
def test_the_two_formulas_have_the_numbers_of_the_tensors(side, patch, count, width):
    app = shown(lab(KEY, side=side, patch=patch))
    assert not app.exception
    said = words(app)
    assert f"N = h·w / p² = {side}·{side} / {patch}² = **{count}**" in said
    assert f"p²·c = {patch}²·3 = **{width}**" in said
    assert f"S = N + 1 = **{count + 1}**" in said
    unfolded = torch.nn.functional.unfold(torch.zeros(1, 3, side, side), patch, stride=patch)
    assert tuple(unfolded.shape) == (1, width, count)


def test_a_picture_of_32_pixels_goes_all_the_way():
    app = revealed(lab(KEY, side=32, patch=8))
    assert not app.exception
    assert answers(app)["patches"] == "16"
    assert "becomes (B, N, C·p·p) = (1, 16, 192)" in words(app)
    found = look(read(drawn("house", 32).rgb, *DEFAULT[1:]), 0, 0, 0)
    panel = stage(app, "labs.image.weights")["panels"][0]
    assert [axis["size"] for axis in panel["axes"]] == [4, 4]
    assert panel["scale"]["largest"] == pytest.approx(found.percent.max().item())
    assert app.code[-1].value == code(drawn("house", 32).rgb, *DEFAULT[1:]).strip()


def test_a_patch_that_does_not_divide_the_picture_is_not_offered():
    app = lab(KEY, side=32, patch=6)
    assert "`lab_patch=6` was asked for" in app.warning[0].value
    [patches] = [one for one in app.segmented_control if one.label == "Patch, pixels a side"]
    assert patches.options == ["4", "8", "16"]
