"""What masked_fill does: masks on scores, the filler, the future, empty rows, and zeros that come too late."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from engine.labs.masking import DTYPES, FILLS, KINDS, HiddenWeight, Masked, code, fillers, masked
from engine.ops.access import AffineMap, AllIndices, SameIndex
from engine.ops.notation import number
from pages.ui.components.tensor_view import AxisLabels, OperationCard, Panel, tensor_view
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.panels import weights_panel
from pages.ui.labs.kit.sample_words import words
from pages.ui.labs.masking import after, future, rows

_PAD = "⟨pad⟩"
_TARGET = ("나는", "집에", "가서", "책을", "읽고", "잔다")  # "I go home, read a book and sleep"
_SAME = tuple(map(SameIndex, range(4)))
_ROW = (*_SAME[:3], AllIndices())
_SMALL = 1e-3


def draw() -> None:
    """Draws the five parts; each opens with the answer to the one before."""
    st.markdown(
        "`scores.masked_fill(mask, value)` returns a new tensor: `value` where the bool `mask` is True, the score "
        "everywhere else. `scores` itself stays as it was. Attention fills with −∞, before softmax, so that the weight "
        "becomes 0. Padding hides keys that are no words; the causal mask hides from each token the tokens after it."
    )
    kind = lab_widgets.pick("kind", "Mask", KINDS)
    sliders = iter(st.columns({"padding": 5, "causal": 3, "both": 4}[kind]))
    with next(sliders):
        batch = lab_widgets.number("batch", "Batch", 1, 3, 2)
    with next(sliders):
        heads = lab_widgets.number("heads", "Heads", 1, 4, 2)
    with next(sliders):
        target = lab_widgets.number("target", "Target length T", 2, len(_TARGET), 5)
    source, padded = target, 0
    if kind == "padding":
        with next(sliders):
            source = lab_widgets.number("source", "Source length S", 2, 6, 6)
    if kind != "causal":
        with next(sliders):
            padded = lab_widgets.number("padded", "Padding, last sentence", 1, source - 1, min(2, source - 1))
    tokens = _TARGET[:target]
    # Until a part is open, its sliders stand where they will stand at first.
    fill, index, left = "−∞", future.usual(target), rows.usual(target)
    visible, raised = after.usual(target)
    masking = result(masked, kind, batch, heads, target, source, padded)
    usual: dict[str, Any] = {"changed": index, "left": left, "visible": visible, "raised": raised}
    script = partial(code, kind, batch, heads, target, source, padded)
    if _hidden(masking):
        _broadcast(masking, kind)
        lab_widgets.lines(script(**usual), "what the mask hides")
        fill, opened = _filler(kind, batch, heads, target, source, padded)
        if opened:
            lab_widgets.lines(script(fill, **usual), "what is left of a hidden key")
            visible, raised, opened = after.draw(tokens)
        if opened:
            lab_widgets.lines(script(**usual | {"visible": visible, "raised": raised}), "0 after softmax")
            index, opened = future.draw(tokens)
        if opened:
            lab_widgets.lines(script(**usual | {"changed": index}), "what a later token moves")
            left = rows.draw(tokens, lambda left: script(**usual | {"left": left}))
    lab_widgets.snippet(script(fill, changed=index, left=left, visible=visible, raised=raised))


def _hidden(masking: Masked) -> bool:
    batch, heads, target, _ = masking.scores.shape
    marks = int(masking.mask.sum())
    total = masking.scores.numel()
    counts = {marks * times for times in (1, heads, target, heads * target, batch * heads)}
    options = sorted({masking.hidden, total - masking.hidden, *(count for count in counts if count <= total)})
    return lab_widgets.predict(
        "hidden",
        f"The mask has the shape {tuple(masking.mask.shape)} and {marks} entries True. The scores have the shape "
        f"{tuple(masking.scores.shape)}. How many of the {total} scores does it hide?",
        [str(option) for option in options],
        str(masking.hidden),
        f"An axis of size 1 is repeated along the scores: {marks} entries fall onto {masking.hidden} scores.",
        wrong=_miscounted(masking, marks, options),
    )


def _miscounted(masking: Masked, marks: int, options: list[int]) -> dict[str, str]:
    """Feedback on every wrong number of hidden scores."""
    batch, heads, target, _ = masking.scores.shape
    total = masking.scores.numel()
    fewer = (
        f"That is fewer: the mask has no axis of its own for all of {heads} heads and {target} queries, so its entries "
        "count again for each of them."
    )
    more = (
        f"That is more: an axis that the mask has at full size is not repeated. Its {marks} entries True already say "
        "for which sentence or query they are."
    )
    wrong = {str(option): fewer if option < masking.hidden else more for option in options}
    wrong[str(total - masking.hidden)] = (
        f"{total - masking.hidden} is what stays visible: True hides, False leaves the score as it is."
    )
    wrong[str(marks)] = (
        f"{marks} entries are True in the mask itself. The mask is smaller than the scores: broadcasting repeats it "
        f"along every axis of size 1, over {batch} sentences, {heads} heads and {target} queries as far as it has "
        "only one entry for all of them."
    )
    return wrong


def _broadcast(masking: Masked, kind: str) -> None:
    lab_widgets.section("broadcast", "Broadcasting: which entry of the mask falls on which score")
    tokens = (
        "Rows are what the decoder writes, in Korean; columns are the English sentence it translates. "
        if kind == "padding"
        else "Rows and columns are the Korean words that the decoder writes: each row is a word, and looks at the "
        "others. "
    )
    st.caption(f"{tokens}Point at a masked score: the one entry of the mask that decides over it is outlined.")
    axes, labels = _axes(masking, kind)
    mask_axes = tuple(axis if size > 1 else "1" for axis, size in zip(axes, masking.mask.shape, strict=True))
    if masking.scores.size(0) == 1 and kind != "causal":
        mask_axes = ("B", *mask_axes[1:])
    mask_labels = tuple(
        None if size == 1 else label
        for label, size in zip(_plain(labels, masking, kind), masking.mask.shape, strict=True)
    )
    tensor_view(
        [
            Panel("scores", masking.scores, axes, labels, role="scores"),
            Panel("mask", masking.mask, mask_axes, mask_labels, role="mask", note="True hides"),
            Panel(
                "masked",
                masking.masked,
                axes,
                labels,
                role="scores",
                masked=masking.mask,
                footer=f"{masking.hidden} of {masking.scores.numel()} are −∞",
            ),
        ],
        key="labs.masking.broadcast",
        reads=[AffineMap.of(masking.scores, *_SAME), AffineMap.of(masking.mask, *_SAME)],
        operation=OperationCard(title="masked_fill", code='scores.masked_fill(mask, float("-inf"))'),
    )


def _filler(kind: str, batch: int, heads: int, target: int, source: int, padded: int) -> tuple[str, bool]:
    """The filler that is chosen, and whether its question is answered."""
    lab_widgets.section("filler", "Which value hides completely?")
    fill = lab_widgets.pick("fill", "What a hidden score becomes", tuple(FILLS))
    masking = result(masked, kind, batch, heads, target, source, padded, fill=FILLS[fill])
    options = ("exactly 0", "above 0, below 0.001", "0.001 or more")
    index = 0 if masking.largest == 0 else 1 if masking.largest < _SMALL else 2
    is_answered = lab_widgets.predict(
        "filler",
        f"Hidden scores become {fill}. What is the largest weight of a hidden key after softmax?",
        options,
        options[index],
        f"The largest of {masking.hidden} is {number(masking.largest)}.",
        wrong={
            options[0]: f"0 it would be only for exp({fill}) = 0. Softmax takes exp of every score, and of this filler "
            "something is left beside the largest score.",
            options[1]: f"exp({fill}) is exactly 0 in this dtype: nothing at all is left."
            if index == 0
            else f"{fill} is close to the scores themselves, so a hidden key keeps a real share.",
            options[2]: f"{fill} is far below every score, and exp makes of a difference a factor: next to nothing is "
            "left, or nothing.",
        },
    )
    if is_answered:
        axes, labels = _axes(masking, kind)
        tensor_view(
            [
                Panel("masked", masking.masked, axes, labels, role="scores", masked=masking.mask),
                weights_panel(
                    masking.weights,
                    axes,
                    labels,
                    footer=f"largest weight of a hidden key: {number(masking.largest)}",
                    masked=masking.mask,
                ),
            ],
            key="labs.masking.weights",
            reads=[AffineMap.of(masking.masked, *_ROW)],
            operation=OperationCard(title="softmax", code="masked.softmax(dim=-1)"),
        )
        _table(result(fillers))
    return fill, is_answered


def _table(hidden_weights: tuple[HiddenWeight, ...]) -> None:
    st.markdown(
        "Softmax takes the exponential, and exp(−∞) is 0. A finite filler leaves exp(filler − largest score): 0 only "
        "where that is too small for the dtype. The largest weight of a hidden key, for 8 tokens under a causal mask:"
    )
    names = [str(dtype).removeprefix("torch.") for dtype in DTYPES]
    texts = {
        (weight.fill, weight.dtype): "error" if weight.largest is None else number(weight.largest)
        for weight in hidden_weights
    }
    table = {"filler": list(FILLS), **{name: [texts[fill, name] for fill in FILLS] for name in names}}
    right = {name: st.column_config.TextColumn(alignment="right") for name in names}
    st.dataframe(table, hide_index=True, column_config=right, width="content")
    for weight in hidden_weights:
        if weight.error:
            st.caption(f"{weight.dtype} has no number as large as {weight.fill}. PyTorch says:")
            st.code(weight.error, language=None, wrap_lines=True)


def _axes(masking: Masked, kind: str) -> tuple[tuple[str, ...], tuple[AxisLabels, ...]]:
    """The scores' axes, and the tokens along queries and keys, padding at the end of the last sentence."""
    target, keys = masking.scores.shape[2:]
    own = words(keys) if kind == "padding" else _TARGET
    sentences = tuple((*own[: keys - count], *(_PAD,) * count) for count in masking.pads.tolist())
    if kind == "padding":
        return ("B", "H", "T", "S"), (None, None, _TARGET[:target], sentences)
    return ("B", "H", "T", "L_k"), (None, None, sentences, sentences)


def _plain(labels: tuple[AxisLabels, ...], masking: Masked, kind: str) -> tuple[AxisLabels, ...]:
    """The mask's labels: one mask for every sentence has one list of tokens."""
    return (None, None, *(_TARGET[: masking.mask.size(-1)],) * 2) if kind == "causal" else labels
