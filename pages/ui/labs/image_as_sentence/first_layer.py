"""The image lab's second part: from patches to the class token's output, shape by shape."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from engine import Step
from engine.labs.image_as_sentence import project, read
from engine.labs.image_as_sentence.pictures import Picture
from engine.ops import reads
from engine.ops.notation import number
from pages.ui.components.tensor_view import tensor_view
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.shape_chips import CHIP_STYLE, chip
from pages.ui.views.operation_card import card_of
from pages.ui.views.tensor_panels import step_panels

_STOPS = {
    "columns": "one column of numbers a patch",
    "patches": "one row a patch",
    "tokens": "each patch through the same linear layer",
    "sentence": "the class token in front, a learned row that stands for no patch: S = 1 + N",
    "placed": "a learned row for each place is added, for nothing else says where a patch was",
    "encoder.norm.shifted": "through every layer of the encoder, the same as for words",
    "summary": "row 0, the class token's: what a classifier would read",
}
_DIFFERENCE = (
    "The largest difference is {apart}.",
    "The largest difference is {apart}. Both add up the same products, in another order; in float32 that alone can "
    "bring these two sums {rounding} apart.",
)
_STYLE = """<style>
.lab-stops { display: grid; grid-template-columns: max-content max-content 1fr; gap: 0.45rem 1.6rem; margin: 0;
  padding: 0 !important; align-items: baseline; font-size: 0.92rem; }
.lab-stops dt { font: 600 0.88rem var(--st-code-font, monospace); }
.lab-stops dd { margin: 0; }
.lab-stops .says { opacity: 0.85; }
@media (max-width: 640px) { .lab-stops { grid-template-columns: max-content 1fr; gap: 0.2rem 1rem; }
  .lab-stops .says { grid-column: 1 / -1; margin-bottom: 0.5rem; } }
</style>"""


@dataclass(frozen=True)
class VisionSizes:
    """Sizes and seed of the model; ``spread`` is the position embedding's standard deviation.

    ``d_model`` is the width of a token's vector, ``heads`` and ``layers`` say how many there are.
    """

    d_model: int
    heads: int
    layers: int
    seed: int
    spread: float


USUAL = VisionSizes(d_model=32, heads=4, layers=2, seed=0, spread=0.02)


def sizes() -> VisionSizes:
    """The model's sliders."""
    lab_widgets.section("sentence", "From patches to a sentence")
    columns = st.columns([3, 3, 3, 3, 4], gap="medium")
    with columns[0]:
        d_model = int(lab_widgets.pick("d_model", "d_model", ("16", "32", "64"), "32"))
    with columns[1]:
        heads = int(lab_widgets.pick("heads", "Heads", ("1", "2", "4"), "4"))
    with columns[2]:
        layers = lab_widgets.number("layers", "Layers", 1, 4, 2)
    with columns[3]:
        seed = lab_widgets.number("seed", "Seed of the weights", 0, 9, 0)
    with columns[4]:
        spread = float(
            lab_widgets.pick(
                "spread",
                "Position embedding, std",
                ("0.02", "0.1", "0.5"),
                help="How large its random numbers are. 0.02 is usual before training.",
            )
        )
    return VisionSizes(d_model, heads, layers, seed, spread)


def sentence(image: Picture, patch: int, chosen: VisionSizes) -> bool:
    """Every shape on the way, any of the tensors, and the same tokens from a convolution.

    Args:
        image: the picture.
        patch: side of a patch, in pixels.
        chosen: those of the model.

    Returns:
        Whether the question was answered.
    """
    reading = result(read, image.rgb, patch, chosen.d_model, chosen.heads, chosen.layers, chosen.seed, chosen.spread)
    steps = {_name(path): reading.trace.find(path) for path in _STOPS}
    st.html(_table(steps))
    name = lab_widgets.pick("stop", "Look at", tuple(steps), "tokens")
    step = steps[name]
    if name == "memory":  # what the last norm read is of no interest here
        tensor_view(step_panels(reading.trace, step)[-1:], key="labs.image.memory")
    else:
        tensor_view(
            step_panels(reading.trace, step),
            key=f"labs.image.stop.{name}",
            reads=reads(step),
            operation=card_of(reading.trace, step),
        )
    return _convolution(image, patch, chosen)


def _convolution(image: Picture, patch: int, chosen: VisionSizes) -> bool:
    projection = result(project, image.rgb, patch, chosen.d_model, chosen.heads, chosen.layers, chosen.seed)
    options = ("equal to the last bit", "equal up to rounding", "different")
    apart = projection.difference
    index = 0 if apart == 0 else 1 if apart <= projection.rounding else 2
    answered = lab_widgets.predict(
        "convolution",
        f"Many write cutting and linear layer as one `nn.Conv2d(3, {chosen.d_model}, {patch}, stride={patch})` on the "
        f"image. With the linear layer's weight, viewed as ({chosen.d_model}, 3, {patch}, {patch}), how does what it "
        "gives compare with `tokens`?",
        options,
        options[index],
        _DIFFERENCE[index == 1].format(apart=number(apart), rounding=number(projection.rounding)),
        wrong={
            options[0]: "It is the same sum, but the two add up its products in another order, and float32 rounds each "
            "order another way.",
            options[1]: "Here not even rounding differs." if index == 0 else "The difference is larger than rounding.",
            options[2]: "A kernel as large as its stride sees each patch once, and multiplies its pixels by the same "
            "weights as the linear layer does. What differs is rounding.",
        },
    )
    if answered:
        st.code(
            f"kernels = projection.weight.view({chosen.d_model}, 3, {patch}, {patch})\n"
            f"F.conv2d(image, kernels, projection.bias, stride={patch}).flatten(2).transpose(1, 2)",
            wrap_lines=True,
        )
    return answered


def _name(path: str) -> str:
    return "memory" if "." in path else path


def _table(steps: dict[str, Step]) -> str:
    first = next(iter(steps.values())).inputs[0]
    rows = [_row("image", ("B", "C", "Hpx", "Wpx"), tuple(first.value.shape), "pixels from 0 to 1")]
    rows += [
        _row(name, step.axes, step.shape, text)
        for (name, step), text in zip(steps.items(), _STOPS.values(), strict=True)
    ]
    return f'{CHIP_STYLE}{_STYLE}<dl class="lab-stops">{"".join(rows)}</dl>'


def _row(name: str, axes: Sequence[str | None], shape: Sequence[int], text: str) -> str:
    chips = "".join(chip(symbol or "?", size) for symbol, size in zip(axes, shape, strict=True))
    return f'<dt>{name}</dt><dd class="shape-chips">{chips}</dd><dd class="says">{html.escape(text)}</dd>'
