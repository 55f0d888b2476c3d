"""What masked_fill does: masks on scores, the filler, the future, empty rows, and zeros that come too late."""

from __future__ import annotations

import streamlit as st

from engine.labs.masking import DTYPES, FILLS, KINDS, HiddenWeight, Masked, code, fillers, masked
from engine.ops.access import AffineMap, AllIndices, SameIndex
from engine.ops.notation import number
from pages.ui.components.tensor_view import AxisLabels, Operation, Panel, tensor_view
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.cached import result
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
        "A mask is a bool tensor. Where it is True, `masked_fill` writes −∞ over the score, before softmax. Padding "
        "hides keys that are no words. The causal mask hides from each token the tokens after it."
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
    fill, place, left = "−∞", future.usual(target), rows.usual(target)
    visible, raised = after.usual(target)
    found = result(masked, kind, batch, heads, target, source, padded)
    if _hidden(found):
        _broadcast(found, kind)
        fill, opened = _filler(kind, batch, heads, target, source, padded)
        if opened:
            place, opened = future.draw(tokens)
        if opened:
            left, opened = rows.draw(tokens)
        if opened:
            visible, raised = after.draw(tokens)
    sizes = (kind, batch, heads, target, source, padded, fill)
    lab_widgets.snippet(code(*sizes, place=place, left=left, visible=visible, raised=raised))


def _hidden(found: Masked) -> bool:
    batch, heads, target, _ = found.scores.shape
    marks = int(found.mask.sum())
    total = found.scores.numel()
    counts = {marks * times for times in (1, heads, target, heads * target, batch * heads)}
    options = sorted({found.hidden, total - found.hidden, *(count for count in counts if count <= total)})
    return lab_widgets.predict(
        "hidden",
        f"The mask has the shape {tuple(found.mask.shape)} and {marks} entries True. The scores have the shape "
        f"{tuple(found.scores.shape)}. How many of the {total} scores does it hide?",
        [str(one) for one in options],
        str(found.hidden),
        f"An axis of size 1 is repeated along the scores: {marks} entries fall onto {found.hidden} scores.",
    )


def _broadcast(found: Masked, kind: str) -> None:
    st.markdown("##### Broadcasting")
    st.caption("Point at a score on the right: the one entry of the mask that decides over it is outlined.")
    axes, labels = _axes(found, kind)
    mask_axes = tuple(axis if size > 1 else "1" for axis, size in zip(axes, found.mask.shape, strict=True))
    if found.scores.size(0) == 1 and kind != "causal":
        mask_axes = ("B", *mask_axes[1:])
    mask_labels = tuple(
        None if size == 1 else label for label, size in zip(_plain(labels, found, kind), found.mask.shape, strict=True)
    )
    tensor_view(
        [
            Panel("scores", found.scores, axes, labels, role="scores"),
            Panel("mask", found.mask, mask_axes, mask_labels, role="mask", note="True hides"),
            Panel(
                "masked",
                found.masked,
                axes,
                labels,
                role="scores",
                masked=found.mask,
                footer=f"{found.hidden} of {found.scores.numel()} are −∞",
            ),
        ],
        key="labs.masking.broadcast",
        reads=[AffineMap.of(found.scores, *_SAME), AffineMap.of(found.mask, *_SAME)],
        operation=Operation(title="masked_fill", code='scores.masked_fill(mask, float("-inf"))'),
    )


def _filler(kind: str, batch: int, heads: int, target: int, source: int, padded: int) -> tuple[str, bool]:
    """The filler that is chosen, and whether its question is answered."""
    st.markdown("##### Why −∞")
    fill = lab_widgets.pick("fill", "What a hidden score becomes", tuple(FILLS))
    found = result(masked, kind, batch, heads, target, source, padded, fill=FILLS[fill])
    options = ("exactly 0", "above 0, below 0.001", "0.001 or more")
    place = 0 if found.largest == 0 else 1 if found.largest < _SMALL else 2
    told = lab_widgets.predict(
        "filler",
        f"Hidden scores become {fill}. What is the largest weight of a hidden key after softmax?",
        options,
        options[place],
        f"The largest of {found.hidden} is {number(found.largest)}.",
    )
    if told:
        axes, labels = _axes(found, kind)
        tensor_view(
            [
                Panel("masked", found.masked, axes, labels, role="scores", masked=found.mask),
                Panel(
                    "weights",
                    found.weights,
                    axes,
                    labels,
                    role="weights",
                    scale="probability",
                    masked=found.mask,
                    footer=f"largest weight of a hidden key: {number(found.largest)}",
                ),
            ],
            key="labs.masking.weights",
            reads=[AffineMap.of(found.masked, *_ROW)],
            operation=Operation(title="softmax", code="masked.softmax(dim=-1)"),
        )
        _table(result(fillers))
    return fill, told


def _table(found: tuple[HiddenWeight, ...]) -> None:
    st.markdown(
        "Softmax takes the exponential, and exp(−∞) is 0. A finite filler leaves exp(filler − largest score): 0 only "
        "where that is too small for the dtype. The largest weight of a hidden key, for 8 tokens under a causal mask:"
    )
    names = [str(dtype).removeprefix("torch.") for dtype in DTYPES]
    said = {(one.fill, one.dtype): "error" if one.largest is None else number(one.largest) for one in found}
    table = {"filler": list(FILLS), **{name: [said[fill, name] for fill in FILLS] for name in names}}
    right = {name: st.column_config.TextColumn(alignment="right") for name in names}
    st.dataframe(table, hide_index=True, column_config=right, width="content")
    for one in found:
        if one.error:
            st.caption(f"{one.dtype} has no number as large as {one.fill}. PyTorch says:")
            st.code(one.error, language=None)


def _axes(found: Masked, kind: str) -> tuple[tuple[str, ...], tuple[AxisLabels, ...]]:
    """The scores' axes, and the tokens along queries and keys, padding at the end of the last sentence."""
    target, keys = found.scores.shape[2:]
    own = words(keys) if kind == "padding" else _TARGET
    sentences = tuple((*own[: keys - count], *(_PAD,) * count) for count in found.pads.tolist())
    if kind == "padding":
        return ("B", "H", "T", "S"), (None, None, _TARGET[:target], sentences)
    return ("B", "H", "T", "L_k"), (None, None, sentences, sentences)


def _plain(labels: tuple[AxisLabels, ...], found: Masked, kind: str) -> tuple[AxisLabels, ...]:
    """The mask's labels: one mask for every sentence has one list of tokens."""
    return (None, None, *(_TARGET[: found.mask.size(-1)],) * 2) if kind == "causal" else labels
