"""What an image as a sentence says, held to slices, to torch.nn and to counting by hand."""

import itertools
import math
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from engine.labs.image_as_sentence import (
    PATCHES,
    code,
    cut,
    laid_out,
    look,
    patch_name,
    patches_of,
    project,
    read,
    shuffle,
)
from engine.labs.image_as_sentence.costs import costs
from engine.labs.image_as_sentence.pictures import NAMES, SIDE, drawn, pixels
from engine.labs.image_as_sentence.vision import vision

HOUSE = drawn("house").rgb
GREY = bytes([90]) * (SIDE * SIDE * 3)
rgbs = st.integers(0, 2**32 - 1).map(
    lambda seed: bytes(
        torch.randint(0, 256, (SIDE * SIDE * 3,), generator=torch.Generator().manual_seed(seed)).tolist()
    )
)


def slices(image, patch):
    """The patches of (C, Hpx, Wpx), row by row, each by a slice of its own."""
    starts = range(0, SIDE, patch)
    return [image[:, down : down + patch, right : right + patch] for down, right in itertools.product(starts, starts)]


def test_a_picture_is_read_pixel_by_pixel_and_colour_by_colour():
    image = pixels(HOUSE)
    assert image.shape == (1, 3, SIDE, SIDE)
    for down, right, channel in ((0, 0, 0), (9, 39, 1), (47, 3, 2), (35, 20, 0)):
        assert image[0, channel, down, right].item() * 255 == pytest.approx(
            HOUSE[(down * SIDE + right) * 3 + channel], abs=1e-4
        )


def test_the_drawn_pictures_show_what_they_are_said_to_show():
    def colour(name, down, right):
        rgb, start = drawn(name).rgb, (down * SIDE + right) * 3
        return rgb[start : start + 3].hex()

    assert colour("house", 0, 0) == "9fd0ef"
    assert colour("house", 47, 47) == "6fae5c"
    assert colour("house", 9, 39) == "f6c945"
    assert colour("house", 17, 20) == "b5442f"
    assert [colour("shapes", *at) for at in ((14, 14), (14, 36), (40, 24))] == ["d1495b", "2f6690", "edae49"]
    assert colour("letter F", 30, 15) == colour("letter F", 10, 30) == colour("letter F", 24, 30) == "1d2b53"
    assert colour("letter F", 35, 30) == colour("letter F", 10, 5) == "ffe8a3"
    blend = drawn("blend").rgb
    assert len({blend[at : at + 3] for at in range(0, len(blend), 3)}) > 2000
    assert all(len(drawn(name).rgb) == SIDE * SIDE * 3 for name in NAMES)


@settings(max_examples=15)
@given(rgbs, st.sampled_from(PATCHES))
def test_unfold_and_rearrange_give_the_slices_of_the_image_and_view_does_not(rgb, patch):
    found = cut(rgb, patch)
    by_hand = torch.stack([piece.flatten() for piece in slices(found.image[0], patch)])[None]
    assert torch.equal(found.patches, by_hand)
    assert torch.equal(found.rearranged, by_hand)
    assert found.viewed.shape == by_hand.shape
    assert torch.equal(found.viewed.flatten(), found.image.flatten())
    assert torch.equal(found.rebuilt, found.image)
    assert not torch.equal(found.scrambled, found.image)


@pytest.mark.parametrize("patch", PATCHES)
def test_the_numbers_in_place_and_the_first_row_of_the_view_are_those_counted_by_hand(patch):
    across, size = SIDE // patch, 3 * patch * patch
    in_place = 0
    for channel, down, right in itertools.product(range(3), range(SIDE), range(SIDE)):
        memory = (channel * SIDE + down) * SIDE + right
        n = down // patch * across + right // patch
        inside = (channel * patch + down % patch) * patch + right % patch
        in_place += divmod(memory, size) == (n, inside)
    found = cut(HOUSE, patch)
    assert found.in_place == in_place
    expected = [[at // SIDE**2, at // SIDE % SIDE, at % SIDE] for at in range(size)]
    assert found.first.tolist() == expected


@settings(max_examples=12)
@given(rgbs, st.sampled_from(PATCHES), st.sampled_from((16, 32, 64)), st.sampled_from((1, 2, 4)), st.integers(0, 9))
def test_a_convolution_and_a_linear_layer_are_both_the_same_sum_within_the_bound_of_rounding(
    rgb, patch, d_model, heads, seed
):
    found = project(rgb, patch, d_model, heads, 1, seed)
    layer = vision(SIDE, patch, d_model, heads, 1, seed).projection
    convolution = nn.Conv2d(3, d_model, patch, stride=patch)
    convolution.load_state_dict({"weight": layer.weight.reshape(d_model, 3, patch, patch), "bias": layer.bias})
    with torch.no_grad():
        theirs = convolution(pixels(rgb)).flatten(2).mT
    assert torch.equal(found.convolved, theirs)
    exact = torch.stack(
        [(piece.flatten().double() @ layer.weight.double().T) for piece in slices(pixels(rgb)[0], patch)]
    )
    torch.testing.assert_close(found.linear[0].double(), exact, rtol=0, atol=1e-5)
    assert found.difference == (found.linear - theirs).abs().max().item()
    assert found.difference <= found.rounding < 0.05


def torch_vit(model, image, patch):
    """The class token's output from torch.nn.TransformerEncoder with the same weights."""
    width = model.class_token.size(-1)
    layers = model.encoder.layers
    heads = layers[0].self_attention.heads
    layer = nn.TransformerEncoderLayer(width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True)
    theirs = nn.TransformerEncoder(layer, len(layers), nn.LayerNorm(width), enable_nested_tensor=False).eval()
    for ours, one in zip(layers, theirs.layers, strict=True):
        attention = ours.self_attention
        maps = (attention.w_q, attention.w_k, attention.w_v)
        one.load_state_dict(
            {
                "self_attn.in_proj_weight": torch.cat([linear.weight for linear in maps]),
                "self_attn.in_proj_bias": torch.cat([linear.bias for linear in maps]),
                "self_attn.out_proj.weight": attention.w_o.weight,
                "self_attn.out_proj.bias": attention.w_o.bias,
                "linear1.weight": ours.feed_forward.w_1.weight,
                "linear1.bias": ours.feed_forward.w_1.bias,
                "linear2.weight": ours.feed_forward.w_2.weight,
                "linear2.bias": ours.feed_forward.w_2.bias,
                "norm1.weight": torch.ones(width),
                "norm1.bias": torch.zeros(width),
                "norm2.weight": torch.ones(width),
                "norm2.bias": torch.zeros(width),
            }
        )
    pieces = torch.stack([piece.flatten() for piece in slices(image[0], patch)])[None]
    tokens = pieces @ model.projection.weight.T
    sentence = torch.cat([model.class_token, tokens], dim=1) + (model.position if model.placed else 0)
    with torch.no_grad():
        first = theirs.layers[0]
        normed = first.norm1(sentence)
        weights = first.self_attn(normed, normed, normed, average_attn_weights=False)[1]
        return theirs(sentence)[:, 0], weights


@pytest.mark.parametrize("placed", [True, False])
def test_the_model_is_a_vision_transformer_as_torchs_encoder_computes_it(placed):
    found = read(HOUSE, 12, 16, 2, 3, 4, 0.1, placed)
    summary, weights = torch_vit(vision(SIDE, 12, 16, 2, 3, 4, 0.1, placed=placed), pixels(HOUSE), 12)
    torch.testing.assert_close(found.trace.output, summary)
    torch.testing.assert_close(found.weights[0], weights)
    assert [tuple(layer.shape) for layer in found.weights] == [(1, 2, 17, 17)] * 3


@pytest.mark.parametrize("patch", PATCHES)
def test_every_axis_on_the_way_has_the_size_that_its_symbol_says(patch):
    count = (SIDE // patch) ** 2
    sizes = {"B": 1, "N": count, "S": 1 + count, "C*p*p": 3 * patch**2, "d_model": 16, "H": 2, "1": 1}
    sizes |= {"d_k": 8, "d_v": 8, "d_ff": 64, "H*d_k": 16, "H*d_v": 16}
    trace = read(HOUSE, patch, 16, 2, 1, 0, 0.02).trace
    for step in trace.steps:
        assert step.shape == tuple(sizes[symbol] for symbol in step.axes), step.full_name
    ours = [step.name for step in trace.steps if not step.path]
    assert ours == ["columns", "patches", "tokens", "class_token", "sentence", "placed", "summary"]
    assert trace.labels["S"][0][:3] == ("class", "0,0", "0,1")
    assert len(trace.labels["S"][0]) == 1 + count
    assert patch_name(count - 1, patch) == f"{SIDE // patch - 1},{SIDE // patch - 1}"


def test_the_parts_of_the_model_are_drawn_as_usual_and_do_not_hang_on_patch_or_position():
    model, other = vision(SIDE, 4, 64, 4, 2, 1, 0.5), vision(SIDE, 16, 64, 4, 2, 1, placed=False)
    assert model.position.std().item() == pytest.approx(0.5, rel=0.05)
    assert other.position.std().item() == pytest.approx(0.02, rel=0.1)
    assert torch.equal(model.encoder.layers[1].feed_forward.w_1.weight, other.encoder.layers[1].feed_forward.w_1.weight)
    # Glorot and Bengio (2010): uniform within ±√(6 / (fan in + fan out)).
    bound = math.sqrt(6 / (64 + 256))
    assert 0.95 * bound < other.encoder.layers[0].feed_forward.w_1.weight.abs().max().item() <= bound
    assert not torch.equal(model.class_token, vision(SIDE, 4, 64, 4, 2, 2).class_token)


@pytest.mark.parametrize("patch", PATCHES)
@pytest.mark.parametrize("name", NAMES)
def test_shuffled_patches_change_the_class_token_only_with_position_embedding(name, patch):
    rgb = drawn(name).rgb
    found = shuffle(rgb, patch, 16, 2, 2, 3, 0.02)
    assert sorted(found.order.tolist()) == list(range((SIDE // patch) ** 2))
    pieces, moved = slices(pixels(rgb)[0], patch), slices(found.image[0], patch)
    assert all(torch.equal(moved[place], pieces[came]) for place, came in enumerate(found.order.tolist()))
    assert not found.moved(placed=False)
    assert found.moved(placed=True)
    assert found.changes[0] < 1e-4 < found.changes[1]
    assert found.exact[0] < 1e-12
    assert found.exact[1] == pytest.approx(found.changes[1], abs=1e-4)
    for place, placed in enumerate((False, True)):
        model = vision(SIDE, patch, 16, 2, 2, 3, 0.02, placed=placed)
        for at, image in enumerate((pixels(rgb), found.image)):
            torch.testing.assert_close(found.summaries[place, at], torch_vit(model, image, patch)[0][0])


def test_a_picture_of_one_colour_is_the_same_in_any_order():
    found = shuffle(GREY, 8, 16, 2, 1, 0, 0.5)
    assert found.changes == found.exact == (0, 0)
    assert not found.moved(placed=True)


def test_patches_laid_out_elsewhere_come_back_as_they_were():
    patches = torch.arange(3.0 * SIDE * SIDE).view(1, 36, 192)
    assert torch.equal(torch.stack([piece.flatten() for piece in slices(laid_out(patches, 8)[0], 8)]), patches[0])


@pytest.mark.parametrize(("layer", "head", "query"), [(0, 0, 0), (1, 3, 7), (1, 1, 36)])
def test_a_look_is_a_row_of_the_weights_laid_out_as_the_patches_lie(layer, head, query):
    reading = read(HOUSE, 8, 32, 4, 2, 0, 0.02)
    found = look(reading, layer, head, query)
    row = reading.weights[layer][0, head, query]
    assert found.on_class == row[0].item()
    assert found.on_patches.shape == (6, 6)
    assert all(found.on_patches[place // 6, place % 6] == row[1 + place] for place in range(36))
    assert found.on_class + found.on_patches.sum().item() == pytest.approx(1, abs=1e-6)
    assert found.even == 1 / 37


@pytest.mark.parametrize("name", NAMES)
def test_patches_with_equal_pixels_are_one_token_until_a_position_is_added(name):
    rgb = drawn(name).rgb
    pieces = [bytes((piece * 255).round().byte().flatten().tolist()) for piece in slices(pixels(rgb)[0], 8)]
    without, placed = (read(rgb, 8, 32, 4, 2, 0, 0.5, has) for has in (False, True))
    for one, other in itertools.combinations(range(36), 2):
        assert (without.kinds[one] == without.kinds[other]).item() == (pieces[one] == pieces[other])
    for layer, head, query in itertools.product((0, 1), (0, 3), (0, 20)):
        assert look(without, layer, head, query).alike < 1e-7
        if len(set(pieces)) < 36:
            assert look(placed, layer, head, query).alike > 1e-4
    assert (len(set(pieces)) == 36) == (name == "blend")


@pytest.mark.parametrize(("d_model", "heads"), [(16, 1), (32, 4), (64, 2)])
def test_the_costs_are_those_of_the_formulas_and_of_torchs_own_counter(d_model, heads):
    for cost in costs(d_model, heads, 0):
        tokens = (SIDE // cost.patch) ** 2 + 1
        square = tokens * tokens
        assert (cost.tokens, cost.weights) == (tokens, square)
        # Two products of width d_model; a division and softmax's four operations for each weight.
        assert cost.between == square * (4 * d_model + 5 * heads)
        layer = vision(SIDE, cost.patch, d_model, heads, 1, 0).encoder.layers[0]
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            layer(torch.zeros(1, tokens, d_model), None)
        counts = counter.get_flop_counts()["Global"]
        products = sum(count for op, count in counts.items() if "bmm" in str(op))
        assert products == cost.between - 5 * heads * square
        # The rest: the linear layers, and what is done once for each of the numbers in a row.
        linear = sum(count for op, count in counts.items() if "addmm" in str(op) or "aten.mm" in str(op))
        assert linear == 24 * tokens * d_model**2
        assert linear < cost.each < linear + tokens * d_model * 60


@pytest.mark.parametrize("sizes", [(4, 16, 2, 1), (6, 16, 1, 1), (8, 32, 4, 2), (12, 64, 4, 4), (16, 16, 1, 1)])
def test_the_code_prints_what_the_experiment_found(sizes, capsys):
    usual = torch.get_default_dtype()
    try:
        exec(code(HOUSE, *sizes, 1, 0.5), {})
    finally:
        torch.set_default_dtype(usual)
    cutting = cut(HOUSE, sizes[0])
    order = shuffle(HOUSE, *sizes, 1, 0.5)
    patches, in_place, *differences, where, _, half = capsys.readouterr().out.splitlines()
    assert patches == f"patches {tuple(cutting.patches.shape)} equal to rearrange: True"
    assert in_place == f"a straight view has {cutting.in_place} of {cutting.image.numel()} numbers where they belong"
    convolved, without, placed = (float(line.rpartition(" ")[2]) for line in differences)
    assert max(convolved, without) < 1e-12
    assert placed == pytest.approx(order.exact[1], rel=1e-3)
    focus = look(read(HOUSE, *sizes, 1, 0.5), 0, 0, 0)
    largest = max(focus.on_class, focus.on_patches.max().item())
    percent, share = map(float, re.findall(r"[\d.]+", where))
    assert (percent, share) == pytest.approx((100 * largest, largest / focus.even), rel=1e-2)
    tokens = (48 // (sizes[0] // 2)) ** 2 + 1
    assert half == f"patches of {sizes[0] // 2} pixels: S = {tokens}, S × S = {tokens**2} weights in a head"


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_of_32_pixels_shows_what_the_one_of_48_shows(name):
    small, large = drawn(name, 32).rgb, drawn(name).rgb
    assert len(small) == 32 * 32 * 3
    mean = [pixels(rgb).mean(dim=(-2, -1)) for rgb in (small, large)]
    torch.testing.assert_close(*mean, rtol=0, atol=0.02)
    resized = nn.functional.interpolate(pixels(large), (32, 32), mode="area")
    assert (resized - pixels(small)).abs().mean() < 0.03


@pytest.mark.parametrize("patch", patches_of(32))
def test_a_picture_of_32_pixels_is_cut_into_slices_and_put_together_again(patch):
    rgb = drawn("house", 32).rgb
    found = cut(rgb, patch)
    starts = range(0, 32, patch)
    by_hand = [
        found.image[0, :, down : down + patch, right : right + patch].flatten()
        for down, right in itertools.product(starts, starts)
    ]
    assert torch.equal(found.patches[0], torch.stack(by_hand))
    assert torch.equal(found.rearranged, found.patches)
    assert torch.equal(found.rebuilt, found.image)
    assert read(rgb, patch, 16, 2, 1, 0, 0.02).weights[0].shape == (1, 2, len(by_hand) + 1, len(by_hand) + 1)
    assert next(cost for cost in costs(16, 2, 0, 32) if cost.patch == patch).tokens == len(by_hand) + 1


def test_only_patches_that_divide_a_picture_are_offered_for_it():
    assert patches_of(SIDE) == PATCHES
    assert patches_of(32) == (4, 8, 16)
