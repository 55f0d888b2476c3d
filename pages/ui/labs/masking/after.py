"""The part of the masking lab on multiplying by 0 after softmax."""

from __future__ import annotations

import streamlit as st
from torch import Tensor

from engine.labs.masking.after import Afterwards, afterwards
from engine.ops.notation import number
from pages.ui.components.tensor_view import tensor_view
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.panels import weights_panel

# Of sums of a few float32 numbers near 1.
_ROUNDING = 1e-5
_LEAKS = (
    "Multiplied, a hidden key still acts on the visible weights, forwards and through the gradient. Under a causal "
    "mask, that is the future leaking into the past."
)
_MOVED_NOTHING = "Here the hidden score moved nothing; raise it."
_RENORMALISING_FAILS = "Renormalising fails here: the visible weights have become 0, and 0 divided by 0 is NaN."
_RENORMALISING_MENDS = (
    "Renormalising mends it, until the hidden score is so large that the visible weights become 0 (try 120)."
)
_CHANGES = ("none of them", "the multiplied ones alone", "the multiplied and the renormalised ones", "all of them")


def usual(length: int) -> tuple[int, int]:
    """The usual number of visible keys among ``length``, and how much is added to the last key's score."""
    return max(1, length - 2), 4


def draw(tokens: tuple[str, ...]) -> tuple[int, int, bool]:
    """Draws the sliders, both questions and the three ways.

    Returns:
        The values of the sliders, as ``usual`` has them, and whether both questions are answered.
    """
    length = len(tokens)
    lab_widgets.section("after", "Why −∞ before softmax, and not 0 after it?")
    st.markdown("The wrong way first: softmax over all keys, then each hidden weight times 0. That is 0 as well.")
    left, right = st.columns(2)
    with left:
        visible = lab_widgets.number("visible", "Visible keys", 1, length - 1, usual(length)[0])
    with right:
        raised = lab_widgets.number("raised", "Raise the last key's score by", 0, 120, usual(length)[1])
    outcome = result(afterwards, length, visible, float(raised))
    is_answered = _sum(outcome, length, visible) and _leak(outcome, tokens[-1], raised)
    if is_answered:
        _ways(outcome, tokens)
    return visible, raised, is_answered


def _sum(outcome: Afterwards, length: int, visible: int) -> bool:
    total = outcome.multiplied[0].sum().item()
    options = ("less than 1", "1", "more than 1")
    index = 1 if abs(total - 1) <= _ROUNDING else 0 if total < 1 else 2
    same = (outcome.renormalised[0] - outcome.inside[0]).abs().max().item()
    return lab_widgets.predict(
        "sum",
        f"One query, {length} keys, the last {length - visible} of them hidden. Softmax runs over all keys, then the "
        "hidden weights are multiplied by 0. What does the row sum to?",
        options,
        options[index],
        f"To {number(total)}: the hidden keys keep their part of the denominator. Divided by that sum, it differs from "
        f"the row of −∞ before softmax by at most {number(same)}.",
        wrong={
            options[
                1
            ]: "Softmax made the whole row sum to 1, hidden keys included. Setting some of it to 0 takes their "
            "share away and gives it to nobody. With −∞ before softmax, they never enter the sum it divides by.",
            options[2]: "Nothing is added: weights are positive, and some of them become 0. The sum can only fall.",
            options[0]: "Here the hidden keys had no weight that could be lost.",
        },
    )


def _leak(outcome: Afterwards, last: str, raised: int) -> bool:
    moved = [_moved(way) for way in (outcome.inside, outcome.multiplied, outcome.renormalised)]
    inside, multiplied, renormalised = (not size <= _ROUNDING for size in moved)  # a NaN has moved too
    if inside:
        answer = _CHANGES[3]
    elif renormalised:
        answer = _CHANGES[2]
    else:
        answer = _CHANGES[1] if multiplied else _CHANGES[0]
    return lab_widgets.predict(
        "leak",
        f"Add {raised} to the score of `{last}`, which is hidden. On three ways – −∞ before softmax, "
        "multiplied by 0 after it, multiplied and renormalised – which visible weights change?",
        _CHANGES,
        answer,
        f"The largest change is {number(moved[0])} with −∞, {number(moved[1])} multiplied, {number(moved[2])} "
        "renormalised.",
        wrong=_not_changed(answer),
    )


def _not_changed(answer: str) -> dict[str, str]:
    """Feedback on every wrong set of changed weights."""
    shared = (
        "After softmax it is too late: the hidden score stands in the denominator exp(s₁) + … + exp(sₙ) by which every "
        "visible weight was divided. Raise it, and they all become smaller."
    )
    return {
        _CHANGES[0]: shared,
        _CHANGES[1]: "Nothing was raised, so nothing can change."
        if answer == _CHANGES[0]
        else "The renormalised row changed too: dividing by its sum mends it only while rounding leaves a sum to "
        "divide "
        "by.",
        _CHANGES[2]: "Nothing was raised, so nothing can change."
        if answer == _CHANGES[0]
        else "Renormalising divides the common factor out again: what the hidden score did to all visible weights is "
        "undone.",
        _CHANGES[3]: "−∞ stands where the hidden score stood, so before softmax nothing is left of it: that row cannot "
        "change.",
    }


def _ways(outcome: Afterwards, labels: tuple[str, ...]) -> None:
    ways = (
        ("−∞ before softmax", outcome.inside),
        ("times 0 after softmax", outcome.multiplied),
        ("times 0, renormalised", outcome.renormalised),
    )
    for index, (column, (name, way)) in enumerate(zip(st.columns(3, gap="medium"), ways, strict=True)):
        with column:
            panel = weights_panel(
                way,
                ("score", "L_k"),
                (("as it is", "raised"), labels),
                title=name,
                footer=f"sums of the rows: {', '.join(number(total) for total in way.sum(dim=-1).tolist())}",
                masked=outcome.hidden,
            )
            tensor_view([panel], key=f"labs.masking.after.{index}")
            slope = outcome.slopes[index].abs().max().item()
            st.markdown(f"Largest slope of a weight by the hidden score: {number(slope)}.")
    st.markdown(_meaning(outcome))


def _meaning(outcome: Afterwards) -> str:
    multiplied = _LEAKS if _moved(outcome.multiplied) > _ROUNDING else _MOVED_NOTHING
    renormalised = _RENORMALISING_FAILS if outcome.renormalised.isnan().any() else _RENORMALISING_MENDS
    return f"{multiplied} {renormalised}"


def _moved(way: Tensor) -> float:
    """The largest change from the first row to the second; NaN where one is NaN."""
    return (way[1] - way[0]).abs().max().item()
