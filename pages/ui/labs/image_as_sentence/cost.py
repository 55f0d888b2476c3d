"""The image lab's last part: what smaller patches cost."""

from __future__ import annotations

import math

import streamlit as st

from engine.labs.image_as_sentence.costs import costs
from engine.labs.image_as_sentence.pictures import Picture, side_of
from engine.ops.notation import number
from pages.ui.labs.image_as_sentence.first_layer import VisionSizes
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.curves import Curve, curves


def counted(image: Picture, patch: int, sizes: VisionSizes) -> bool:
    """Asks what half the patch costs, then shows what was counted for each size of patch.

    Takes ``image``, ``patch`` and ``sizes``, and returns, as ``first_layer.sentence`` does.
    """
    side = side_of(image.rgb)
    layer_costs = result(costs, sizes.d_model, sizes.heads, sizes.seed, side)
    by_patch = {cost.patch: cost for cost in layer_costs}
    now, half = by_patch[patch], by_patch[patch // 2]
    lab_widgets.section("cost", "What smaller patches cost")
    factor = half.weights / now.weights
    factors = (2, 4, 16, 64)
    nearest = min(factors, key=lambda option: abs(math.log(option / factor)))
    if not lab_widgets.predict(
        "half",
        f"With patches half as wide, {patch // 2} pixels for {patch}, how many times as many attention weights does a "
        "head have?",
        [f"about {option} times" for option in factors],
        f"about {nearest} times",
        f"S grows from {now.tokens:,} to {half.tokens:,}, and S × S from {now.weights:,} to {half.weights:,}: "
        f"{number(factor, 3)} times. (S counts the class token too.)",
        wrong=lab_widgets.by_order(
            [f"about {option} times" for option in factors],
            f"about {nearest} times",
            "More. Half the width means four patches where one was, so four times the tokens; and every token looks at "
            "every token, which makes it four times four.",
            "Less. Four times the tokens, and weights for every pair: four times four, 16.",
        ),
    ):
        return False
    sides = [cost.patch for cost in layer_costs]
    charts = (
        ("count in one head, log scale", {"tokens, S": "tokens", "weights, S × S": "weights"}),
        ("FLOPs of a layer, log scale", {"between tokens": "between", "each token alone": "each"}),
    )
    for column, (y, lines) in zip(st.columns(2, gap="large"), charts, strict=True):
        with column:
            curves(
                [Curve(name, sides, [getattr(cost, field) for cost in layer_costs]) for name, field in lines.items()],
                x="patch, pixels a side",
                y=y,
                log_x=True,
                log_y=True,
                at=patch,
            )
    more = [cost.patch for cost in layer_costs if cost.between > cost.each]
    crossing = (
        f"From patches of {max(more)} pixels down, most of a layer's work is attention between tokens."
        if more
        else "At all of these sizes most of a layer's work is done for each token on its own."
    )
    pixels = side * side
    st.markdown(
        f"{crossing} With each pixel a token, a head would need {pixels + 1:,}² = {(pixels + 1) ** 2:,} weights for "
        f"this small image. That is why patches: the ViT cuts 224 × 224 pixels into 14 × 14 patches of 16."
    )
    return True
