"""The part of the masking lab in which a token is changed and the decoder's outputs are compared."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from engine.labs.masking.future import Changed, changed
from engine.labs.phrases import by_count
from engine.ops.notation import number
from pages.ui.components.tensor_view import Panel, tensor_view
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.panels import output_panel

# Of one earlier row, and of several.
_EQUAL = (
    "The earlier {rows} is equal bit for bit, by torch.equal.",
    "The earlier {rows} are equal bit for bit, by torch.equal.",
)
_PAIRS = (
    "Of the {pairs} pairs of an output and a later input, {still} have a derivative of exactly 0 with the mask.",
    "Of the {pairs} pairs of an output and a later input, {still} have a derivative of exactly 0 with the mask. So one "
    "pass trains every position at once, each on what came before it; and while writing, what was computed for "
    "earlier tokens stays valid.",
)
_UNEQUAL = ("The earlier {rows} is not equal.", "The earlier {rows} are not equal.")


def usual(length: int) -> int:
    """The usual index of the token to change, for ``length`` tokens."""
    return min(2, length - 1)


def draw(tokens: tuple[str, ...]) -> tuple[int, bool]:
    """Draws the sliders, the question, and both decoders; returns the changed place, and whether it was answered."""
    length = len(tokens)
    lab_widgets.section("future", "Can a later token move an earlier output?")
    place_column, layer_column = st.columns(2)
    with place_column:
        index = lab_widgets.number("place", "Token to change", 0, length - 1, usual(length))
    with layer_column:
        layers = lab_widgets.number("layers", "Decoder layers", 1, 4, 2)
    masked, open_ = (result(changed, length, index, layers, causal) for causal in (True, False))
    is_answered = _rows(masked, tokens, index, layers)
    if is_answered:
        for column, change, name in zip(
            st.columns(2, gap="large"), (masked, open_), ("with the causal mask", "without it"), strict=True
        ):
            with column:
                _show_outputs(change, tokens, name)
        future = masked.influence.triu(diagonal=1)
        pairs = length * (length - 1) // 2
        still = pairs - int(future.count_nonzero())
        st.markdown(_PAIRS[still == pairs].format(pairs=pairs, still=still))
    return index, is_answered


def _rows(change: Changed, tokens: tuple[str, ...], index: int, layers: int) -> bool:
    length = len(tokens)
    spans = ((index, index), (index, length - 1), (0, index), (0, length - 1))
    options = dict.fromkeys((*(_span(range(first, last + 1)) for first, last in spans), _span(change.rows)))
    earlier = range(index)
    same = not set(earlier) & set(change.rows)
    because = "There is no earlier row."
    if index:
        singular, plural = _EQUAL if same else _UNEQUAL
        because = (plural if index > 1 else singular).format(rows=_span(earlier))
    decoder = by_count(layers, "A decoder of {count} layer", "A decoder of {count} layers")
    return lab_widgets.predict(
        "rows",
        f"`{tokens[index]}`, token {index} of {length}, becomes another word. {decoder} with the causal mask runs "
        "again. Which rows of its output change?",
        tuple(options),
        _span(change.rows),
        because,
        wrong=dict.fromkeys(options, _all_rows(index)) | {_span((index,)): _one_row(tokens[index], layers)},
    )


def _one_row(token: str, layers: int) -> str:
    """Feedback for those who expect only the row of the changed token."""
    if layers == 1:
        return f"Rows after `{token}` look at it: its key and its value are new, so their weighted sums are too."
    return f"Rows after `{token}` look at it: its key and its value are new, in each of {layers} layers."


def _all_rows(index: int) -> str:
    """Feedback for those who expect rows to change that are masked from the changed token."""
    return (
        f"The mask hides token {index} from every row before it: their weights on it are 0, whatever it is. Each row "
        "from it on looks at it."
    )


def _show_outputs(decoded: Changed, labels: tuple[str, ...], name: str) -> None:
    change = decoded.after - decoded.before
    panels = (
        output_panel(
            "change of the output",
            change,
            (labels, None),
            axes=("T", "d_model"),
            note=name,
            footer=f"{len(decoded.rows)} of {len(labels)} rows differ · by up to {number(change.abs().max().item())}",
        ),
        Panel(
            "influence",
            decoded.influence,
            ("T", "L_k"),
            (labels, labels),
            note=name,
            footer="‖∂ output / ∂ input‖; a row is an output, a column an input",
        ),
    )
    for panel in panels:
        tensor_view([panel], key=f"labs.masking.{panel.title.partition(' ')[0]}.{name.partition(' ')[0]}")


def _span(rows: Iterable[int]) -> str:
    """Rows that follow one another, or all of them, in words."""
    rows = list(rows)
    if not rows:
        return "no row"
    if len(rows) == 1:
        return f"row {rows[0]}"
    if rows == list(range(rows[0], rows[-1] + 1)):
        return f"rows {rows[0]} to {rows[-1]}"
    return "rows " + ", ".join(map(str, rows))
