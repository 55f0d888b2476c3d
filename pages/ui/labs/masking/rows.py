"""The part of the masking lab on rows in which every key is hidden."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import streamlit as st
from torch import Tensor

from engine.labs.masking.rows import Empty, Remedy, empty, fused, remedies
from engine.ops.access import AffineMap, AllIndices, SameIndex
from engine.ops.notation import number
from engine.wording import disjunction
from pages.ui.app.markdown_escape import code
from pages.ui.components.tensor_view import OperationCard, Panel, tensor_view
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.panels import weights_panel

_LAYERS = 3
_ACROSS = 3

_NAN_ROWS = ("{counts}.", "{counts}. A weight of 0 does not keep it out: 0 × NaN is {product}.")
_FUSED_ROW = "{function}, given this mask, returns {numbers} for this row on this machine."
_FUSED_ROWS = "{function}, given this mask, returns {numbers} for these rows on this machine."


def usual(length: int) -> int:
    """The usual number of padding tokens, for ``length`` tokens."""
    return min(2, length - 1)


def draw(tokens: tuple[str, ...], script: Callable[[int], str]) -> int:
    """Draws the slider, both questions and the remedies, folded.

    Args:
        tokens: of the target.
        script: the lab's script for a number of padding tokens.

    Returns:
        The number of padding tokens.
    """
    title = "a row with nothing left to look at, NaN (two more questions)"
    padded = lab_widgets.experts(title, "rows", partial(_draw, tokens, script))
    return usual(len(tokens)) if padded is None else padded


def _draw(tokens: tuple[str, ...], script: Callable[[int], str]) -> int:
    length = len(tokens)
    lab_widgets.section("rows", "A row with nothing left to look at")
    st.markdown(
        "Pad a target on the left, and mask padding and future together. The first rows may look at nothing: what is "
        "not future is padding."
    )
    padded = lab_widgets.number("left", "Padding on the left", 1, length - 1, usual(length))
    run = result(empty, length, padded, _LAYERS)
    if not _softmax(run):
        return padded
    labels = ("⟨pad⟩",) * padded + tokens[: length - padded]
    tensor_view(
        [
            Panel("masked", run.masked, ("T", "L_k"), (labels, labels), role="scores", masked=run.mask),
            weights_panel(
                run.weights,
                ("T", "L_k"),
                (labels, labels),
                footer=f"{int(run.weights.isnan().any(dim=-1).sum())} of {length} rows are NaN",
            ),
        ],
        key="labs.masking.empty",
        reads=[AffineMap.of(run.masked, SameIndex(0), AllIndices())],
        operation=OperationCard(title="softmax", code="masked.softmax(dim=-1)"),
    )
    if not _spread(run, length, padded):
        return padded
    lab_widgets.lines(script(padded), "a row with nothing left")
    _remedies(result(remedies, length, padded), labels, padded)
    _fused(result(fused, length, padded), padded)
    return padded


def _softmax(run: Empty) -> bool:
    row = run.weights[0]
    options = ("0 for every key", f"1/{len(row)} for every key", "NaN")
    index = 2 if row.isnan().all() else 0 if not row.any() else 1
    return lab_widgets.predict(
        "empty",
        "Row 0 has −∞ for every key. What does softmax make of it?",
        options,
        options[index],
        f"The row is {', '.join(map(number, row.tolist()))}: 0 divided by a sum of 0." if index == 2 else "",
        wrong={
            options[0]: "exp(−∞) is 0 for every key, but softmax still divides by their sum, which is 0 too.",
            options[1]: "That is what equal finite scores give. Of −∞ nothing is left to share: the sum is 0.",
        },
    )


def _spread(run: Empty, length: int, padded: int) -> bool:
    first, second = run.nan_rows[:2]
    options = dict.fromkeys(("none", f"{padded}, those of the padding", f"all {length}"))
    answer = {0: "none", padded: f"{padded}, those of the padding", length: f"all {length}"}.get(second, str(second))
    options.setdefault(answer)
    counts = ", ".join(f"{count} after layer {layer}" for layer, count in enumerate(run.nan_rows))
    return lab_widgets.predict(
        "spread",
        f"In the model's decoder, layer 0 then leaves NaN in {first} of {length} rows. To layer 1 these rows are keys, "
        "and they are masked: their weight is exactly 0. How many rows of layer 1 hold a NaN?",
        tuple(options),
        answer,
        _NAN_ROWS[second > first].format(counts=counts, product=number(0 * math.nan)),
        wrong={
            "none": "A NaN never goes away by itself: whatever is computed from it is NaN as well.",
            f"{padded}, those of the padding": "The weighted sum takes every value, those with weight 0 too, and "
            "0 × NaN is NaN. So one bad value reaches all rows.",
            f"all {length}": "Here no row but those of the padding read a NaN.",
        },
    )


def _remedies(fixes: tuple[Remedy, ...], labels: tuple[str, ...], padded: int) -> None:
    st.markdown("##### What to do about it")
    right = labels[padded:] + labels[:padded]
    for start in range(0, len(fixes), _ACROSS):
        for column, remedy in zip(st.columns(_ACROSS, gap="medium"), fixes[start : start + _ACROSS], strict=False):
            names = right if remedy.pads_right else labels
            with column:
                panel = weights_panel(
                    remedy.weights, ("T", "L_k"), (names, names), title=remedy.name, footer=_sums(remedy)
                )
                tensor_view([panel], key=f"labs.masking.remedy.{fixes.index(remedy)}")
                st.markdown(_remedy_text(remedy))


def _sums(remedy: Remedy) -> str:
    sums = sorted({round(total, 4) for total in remedy.sums.tolist()})
    return f"rows sum to {disjunction(map(number, sums))}"


def _remedy_text(remedy: Remedy) -> str:
    words, padding = (
        "nothing" if share == 0 else f"up to {number(100 * share, digits=3)} %"
        for share in (remedy.share_of_words, remedy.share_of_padding)
    )
    slope = "none of the gradients is NaN" if not remedy.nan_gradients else f"{remedy.nan_gradients} gradients are NaN"
    return f"Hidden keys get {words} in the rows of words, {padding} in those of padding; {slope}."


def _fused(rows: Tensor, padded: int) -> None:
    empty_rows = rows[:padded]
    gives = "NaN" if empty_rows.isnan().any() else "0" if not empty_rows.any() else "other numbers"
    sentence = _FUSED_ROW if padded == 1 else _FUSED_ROWS
    st.markdown(sentence.format(function=code("torch.nn.functional.scaled_dot_product_attention"), numbers=gives))
