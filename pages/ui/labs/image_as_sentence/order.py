"""The image lab's third part: the patches in another order."""

from __future__ import annotations

import math
from functools import partial

import streamlit as st

from engine.labs.image_as_sentence import Shuffle, shuffle
from engine.labs.image_as_sentence.pictures import Picture, pixels
from engine.ops.notation import number
from pages.ui.app.lazy_expander import lazy_expander
from pages.ui.components.tensor_view import Panel, tensor_view
from pages.ui.labs.image_as_sentence.first_layer import VisionSizes
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.image_html import picture, side_by_side

_MOVED = (
    "The largest difference is {before} in float32 and {exact} in float64: more exact arithmetic does not take it away."
)
_NOTHING_MOVED = "The largest difference is {before} in float32 and {exact} in float64."
_ROUNDED = (
    "The largest difference is {before} in float32 and {exact} in float64: what shrinks with the arithmetic's "
    "precision is its rounding."
)
_OPTIONS = ("stays the same, up to rounding", "changes")


def shuffled(image: Picture, patch: int, sizes: VisionSizes) -> bool:
    """What the class token's output makes of it, without and with position embedding.

    Takes ``image``, ``patch`` and ``sizes``, and returns, as ``first_layer.sentence`` does.
    """
    shuffling = result(shuffle, image.rgb, patch, sizes.d_model, sizes.heads, sizes.layers, sizes.seed, sizes.spread)
    lab_widgets.section("order", "The patches in another order")
    count = shuffling.order.numel()
    left, right = st.columns([5, 7], gap="large")
    with left:
        before = picture(pixels(image.rgb)[0], image.description, "The image", patch=patch)
        after = picture(
            shuffling.image[0], f"{image.description}, its patches shuffled", "Its patches shuffled", patch=patch
        )
        st.html(side_by_side(before, after))
    with right:
        without = lab_widgets.predict(
            "without",
            f"The {count} patches are shuffled, and the position embedding is left out. "
            "The class token's output after the encoder",
            _OPTIONS,
            _OPTIONS[shuffling.moved(placed=False)],
            _because(shuffling, placed=False),
            wrong={
                _OPTIONS[0]: "Something told the places apart here.",
                _OPTIONS[1]: "The class token adds up the same patches with the same weights, only in another order. "
                "Nothing in the encoder says where a patch stood; what differs is rounding.",
            },
        )
        answered = without and lab_widgets.predict(
            "with",
            "And with the position embedding, which adds to each patch the row of the place where it now stands?",
            _OPTIONS,
            _OPTIONS[shuffling.moved(placed=True)],
            _because(shuffling, placed=True),
            wrong={
                _OPTIONS[0]: "Each patch gets the row of the place where it stands now, so what it was and where it is "
                "are joined anew: its tokens, and all that is computed from them, are others.",
                _OPTIONS[1]: "All patches that moved have equal pixels, so every place has what it had before.",
            },
        )
    if answered:
        _outputs(shuffling, count)
    return answered


def _because(shuffling: Shuffle, placed: bool) -> str:
    before, exact = shuffling.changes[placed], shuffling.exact[placed]
    template = _MOVED if shuffling.moved(placed) else _NOTHING_MOVED if before == exact == 0 else _ROUNDED
    return template.format(before=number(before), exact=number(exact))


def _factorial(count: int) -> str:
    digits = str(math.factorial(count))
    power = str(len(digits) - 1).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{int(digits[:3]) / 100:.1f} · 10{power}"


def _outputs(shuffling: Shuffle, count: int) -> None:
    if shuffling.moved(placed=True) and not shuffling.moved(placed=False):
        st.markdown(
            "Attention mixes a set: without the embedding, every order of these patches is the same image to the "
            f"model, all {count}! ≈ {_factorial(count)} of them. Only the position embedding knows where a patch was."
        )
    elif not shuffling.moved(placed=True):
        st.markdown("Here the order makes no difference even with the embedding: all that moved were equal patches.")
    lazy_expander("The class token's output, number by number", "labs.image.output", partial(_numbers, shuffling))


def _numbers(shuffling: Shuffle) -> None:
    names = ("without position", "with position")
    panel = Panel(
        "summary",
        shuffling.summaries,
        ("embedding", "image", "d_model"),
        (names, ("as it is", "shuffled"), None),
        note="of the class token",
        role="output",
    )
    tensor_view([panel], key="labs.image.summaries")
