"""The image lab's first part: how many patches there are, and which ways of cutting give them."""

from __future__ import annotations

from functools import partial

import streamlit as st
import torch

from engine.labs.image_as_sentence import Cut
from engine.labs.image_as_sentence.vision import CHANNELS
from engine.wording import conjunction
from pages.ui.app.lazy_expander import lazy_expander
from pages.ui.components.tensor_view import Panel, tensor_view
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.image_html import picture

_AXES = ("B", "N", "C*p*p")


def formulas(side: int, patch: int) -> str:
    """How many tokens there are and how wide a patch is, as formulas with their numbers."""
    count, width = (side // patch) ** 2, patch * patch * CHANNELS
    return (
        f"**Two formulas.** Tokens: N = h·w / p² = {side}·{side} / {patch}² = **{count}**. Numbers in each: p²·c = "
        f"{patch}²·{CHANNELS} = **{width}**. With the class token in front the encoder reads S = N + 1 = "
        f"**{count + 1}**."
    )


def count(cut_image: Cut, patch: int) -> bool:
    """How long the sentence gets."""
    _, patches, numbers = cut_image.patches.shape
    side = cut_image.image.size(-1)
    across = side // patch
    return lab_widgets.predict(
        "patches",
        f"The image has {side} × {side} pixels of 3 colours each. A patch has {patch} × {patch}. "
        "How many patches, and so how many tokens, does it give?",
        [f"{size:,}" for size in (across, patches, numbers, side * side)],
        f"{patches:,}",
        f"{across} across and {across} down. Each is one row of 3 · {patch} · {patch} = {numbers:,} numbers, so "
        f"(B, C, Hpx, Wpx) = {tuple(cut_image.image.shape)} becomes (B, N, C·p·p) = {tuple(cut_image.patches.shape)}. "
        f"(The paper writes P²·C.)",
        wrong={
            f"{across:,}": f"{across} is how many patches stand in one row. There are {across} such rows, one below "
            "the "
            "other.",
            f"{numbers:,}": f"{numbers:,} is how many numbers one patch holds, p²·c: how wide a token is before the "
            "linear "
            "layer, not how many tokens there are.",
            f"{side * side:,}": f"{side * side:,} is how many pixels there are. A patch takes {patch}² = "
            f"{patch * patch} "
            "of them together.",
        },
    )


def ways(cut_image: Cut, patch: int, description: str) -> bool:
    """The right ways, which are equal, and the one that has only the shape.

    Args:
        cut_image: the image, cut both ways.
        patch: side of a patch, in pixels.
        description: of the picture, for who cannot see it.

    Returns:
        Whether the question was answered.
    """
    _, patches, numbers = cut_image.patches.shape
    channels, rows, columns = (set(axis) for axis in cut_image.first.T.tolist())
    options = (
        "the patch at the top left, all its colours",
        "rows of pixels from edge to edge, one colour only",
        "pixels from all over the image",
    )
    corner = rows == columns == set(range(patch)) and channels == {0, 1, 2}
    index = 0 if corner else 1 if len(channels) == 1 and columns == set(range(cut_image.image.size(-1))) else 2
    colours = conjunction(("red", "green", "blue")[channel] for channel in sorted(channels))
    if not lab_widgets.predict(
        "row",
        f"`image.view(1, {patches}, {numbers})` has the same shape. What stands in its row 0, "
        "where the patch at the top left should be?",
        options,
        options[index],
        f"It holds the {colours} of pixel rows {min(rows)} to {max(rows)}, columns {min(columns)} to {max(columns)}. "
        f"Of all {cut_image.image.numel():,} numbers of the image {cut_image.in_place:,} stand where they belong.",
        wrong={
            options[0]: "In memory an image lies colour by colour and row by row. The first numbers are the red of the "
            "uppermost rows, across the whole width; the patch ends after a few of them.",
            options[1]: "So many numbers reach further here: they take in more than whole rows of one colour.",
            options[
                2
            ]: "They lie one after the other in memory, so they are neighbours there: rows from the top, and not "
            "from all over.",
        },
    ):
        return False
    _side_by_side(cut_image, patch, description)
    return True


def _side_by_side(cut_image: Cut, patch: int, description: str) -> None:
    _, patches, numbers = cut_image.patches.shape
    same = torch.equal(cut_image.patches, cut_image.rearranged)
    caption = (
        "`torch.equal` says that the two lines give the same numbers, to the last bit."
        if same
        else "`torch.equal` says that the two lines give different numbers."
    )
    lab_widgets.section("cut", "Two ways to cut, and one that only has the shape")
    right, wrong = st.columns(2, gap="large")
    with right:
        st.markdown("**Cut into patches**")
        st.code(
            f"F.unfold(image, {patch}, stride={patch}).transpose(1, 2)\n"
            f'rearrange(image, "b c (n p) (m q) -> b (n m) (c p q)", p={patch}, q={patch})',
            wrap_lines=True,
        )
        _laid_out(cut_image.rebuilt, patch, f"{description}, put together from its patches")
        st.caption(caption)
    with wrong:
        st.markdown("**Straight view**")
        st.code(f"image.view(1, {patches}, {numbers})\n# no error: the numbers are as many", wrap_lines=True)
        _laid_out(cut_image.scrambled, patch, "stripes of false colours: rows of memory taken for patches")
        st.caption("A row is a stretch of memory, and in memory an image is one colour after the other, row by row.")
    lazy_expander("The numbers of both", "labs.image.numbers", partial(_numbers, cut_image))


def _numbers(cut_image: Cut) -> None:
    for name, value in (("patches", cut_image.patches), ("viewed", cut_image.viewed)):
        tensor_view([Panel(name, value, _AXES)], key=f"labs.image.{name}")


def _laid_out(image: torch.Tensor, patch: int, alt: str) -> None:
    count = (image.size(-1) // patch) ** 2
    st.html(picture(image[0], alt, f"Each of the {count} rows, drawn as the patch it is taken for.", patch=patch))
