"""The image lab's fourth part: attention weights drawn on the image."""

from __future__ import annotations

import streamlit as st

from engine.labs.image_as_sentence import TokenAttention, look, patch_name, read
from engine.labs.image_as_sentence.pictures import Picture, pixels, side_of
from engine.ops.notation import number
from pages.ui.components.tensor_view import Panel, tensor_view
from pages.ui.labs.image_as_sentence.first_layer import VisionSizes
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.image_html import Veil, veiled

_WITH, _WITHOUT = "with", "without"
_DARKEST = 0.75
_ALL_DIFFERENT = "No two of the {count} patches are alike, so each has a key of its own."
_ALIKE_BUT_PLACED = (
    "The {count} patches are of {kinds} kinds. Patches with equal pixels get weights that differ by {points} "
    "percentage points at the most: only the position embedding tells them apart. Leave it out and look again."
)
_ALIKE = (
    "The {count} patches are of {kinds} kinds. Patches with equal pixels get weights that differ by {points} "
    "percentage points at the most: without position embedding they are the same token. That is why outlines show, "
    "and not learning."
)
_CAPTION = {  # by whether the percent are written on the patches, and whether a patch asks
    (False, False): "Brightest {most}, darkest {least}; on the class token {on_class}. Point at a patch for its "
    "weight.",
    (False, True): "Brightest {most}, darkest {least}; on the class token {on_class}. Point at a patch for its weight. "
    "The patch that asks has an orange frame.",
    (True, False): "Brightest {most}, darkest {least}; on the class token {on_class}. The numbers are percent. Point "
    "at a patch for its weight.",
    (True, True): "Brightest {most}, darkest {least}; on the class token {on_class}. The numbers are percent. Point at "
    "a patch for its weight. The patch that asks has an orange frame.",
}
_WRITTEN = 8  # patches across, beyond which a number no longer fits into one


def looks(image: Picture, patch: int, sizes: VisionSizes) -> tuple[dict[str, int], bool]:
    """Asks how evenly an untrained head looks around, then shows where any token looks.

    Takes ``image``, ``patch`` and ``sizes`` as ``first_layer.sentence`` does.

    Returns:
        Which token looks, in which layer and head, as ``code`` takes it, and whether the question was answered.
    """
    lab_widgets.section("attention", "Where a token looks")
    st.markdown(
        "Each token spreads a weight of 1 over all S tokens. **This model was never trained: where it looks is chance "
        "and pixels, and means nothing learned.** Another seed looks elsewhere."
    )
    side = side_of(image.rgb)
    across = side // patch
    columns = st.columns([2, 2, 4, 2], gap="medium")
    with columns[0]:
        layer = lab_widgets.number("layer", "Layer", 0, sizes.layers - 1, 0)
    with columns[1]:
        head = lab_widgets.number("head", "Head", 0, sizes.heads - 1, 0)
    with columns[2]:
        query = lab_widgets.number("query", "Query: 0 is the class token, then row by row", 0, across * across, 0)
    with columns[3]:
        placed = lab_widgets.pick("placed", "Position embedding", (_WITH, _WITHOUT)) == _WITH
    reading = result(read, image.rgb, patch, sizes.d_model, sizes.heads, sizes.layers, sizes.seed, sizes.spread, placed)
    focus = look(reading, layer, head, query)
    asks = "the class token" if query == 0 else f"patch {patch_name(query - 1, patch, side)}"
    chosen = {"layer": layer, "head": head, "query": query, "placed": placed}
    if not _evenness(focus, asks):
        return chosen, False
    left, right = st.columns([4, 5], gap="large")
    with left:
        st.html(_overlay(image, focus, query, asks, patch))
    with right:
        names = tuple(str(index) for index in range(across))
        panel = Panel(
            "weights, in %",
            focus.percent,
            ("row", "column"),
            (names, names),
            note=f"of {asks}, layer {layer}, head {head}",
            role="weights",
            footer=f"{number(focus.percent.sum().item())} % on the patches and "
            f"{number(100 * focus.on_class)} % on the class token make 100 %",
        )
        tensor_view([panel], key="labs.image.weights")
        st.caption(_alike(focus, int(reading.kinds.max()) + 1, reading.kinds.numel(), placed))
    return chosen, True


def _evenness(focus: TokenAttention, asks: str) -> bool:
    largest = max(focus.on_class, focus.on_patches.max().item())
    ratio = largest / focus.even
    options = ("less than 1.5 times", "1.5 to 3 times", "more than 3 times")
    return lab_widgets.predict(
        "evenly",
        f"Looking evenly, {asks} would give every token {percent(focus.even)}. How many times that is its largest "
        "weight?",
        options,
        options[(ratio >= 1.5) + (ratio > 3)],
        f"It is {percent(largest)}, {number(ratio, 3)} times the even share; on a patch the smallest is "
        f"{percent(focus.on_patches.min().item())}.",
        wrong=lab_widgets.by_order(
            options,
            options[(ratio >= 1.5) + (ratio > 3)],
            "It looks less evenly than that. Patches with large or alike pixels make large products q·k, trained or "
            "not.",
            "It looks more evenly than that. Untrained weights make small scores, all near 0, and softmax of equal "
            "scores "
            "is even.",
        ),
    )


def _overlay(image: Picture, focus: TokenAttention, query: int, asks: str, patch: int) -> str:
    weights = focus.percent.flatten().tolist()
    low, high = min(weights), max(weights)
    width = high - low
    side = side_of(image.rgb)
    least, most = f"{number(low, 3)} %", f"{number(high, 3)} %"
    veils = [
        Veil(
            dark=_DARKEST * (high - weight) / width if width else 0.0,
            tooltip=f"patch {patch_name(index, patch, side)}: {number(weight, 6)} %",
            text=f"{weight:.1f}" if side // patch <= _WRITTEN else "",
            asks=index == query - 1,
        )
        for index, weight in enumerate(weights)
    ]
    where = patch_name(weights.index(high), patch, side)
    caption = _CAPTION[bool(veils[0].text), bool(query)].format(
        most=most, least=least, on_class=percent(focus.on_class)
    )
    alt = f"{image.description}; {asks} gives the most to patch {where}, {most}, and the least is {least}"
    return veiled(pixels(image.rgb)[0], veils, alt, caption)


def _alike(focus: TokenAttention, kinds: int, count: int, placed: bool) -> str:
    template = _ALL_DIFFERENT if kinds == count else _ALIKE_BUT_PLACED if placed else _ALIKE
    return template.format(count=count, kinds=kinds, points=number(100 * focus.alike, 3))


def percent(share: float) -> str:
    """A weight in per cent, to three digits."""
    return f"{number(100 * share, 3)} %"
