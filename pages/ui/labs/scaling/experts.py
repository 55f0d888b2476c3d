"""The parts of the scaling lab for experts: all sizes of d_k, and the trained model."""

from __future__ import annotations

import math

import streamlit as st

from engine.labs.explanation.trained_scores import TEXTS, trained_scores
from engine.labs.scaling import Measures, ScaledAttention, even, measures_over
from engine.ops.notation import number
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.curves import Curve, curves

_SIZES = tuple(2**power for power in range(11))
_WITHOUT, _WITH = "not divided", "divided by √d_k"


def draw(scaling: ScaledAttention, d_k: int, keys: int, components: str, seed: int) -> None:
    """Draws both parts.

    Args:
        scaling: the attention that the lab shows.
        d_k: width of a query and a key.
        keys: how many keys there are.
        components: what the components of q and k are drawn from.
        seed: of the random numbers.
    """
    _over_sizes(scaling, d_k, keys, components, seed)
    _trained()


def _over_sizes(scaling: ScaledAttention, d_k: int, keys: int, components: str, seed: int) -> None:
    """Draws gradients, largest weight and entropy over d_k, with and without the division."""
    over = dict(zip(_SIZES, result(measures_over, _SIZES, keys, components, seed), strict=True))
    both = sorted({**over, d_k: scaling.measures}.items())
    flat = even(keys)
    gradients = st.columns(2, gap="large")
    with gradients[0]:
        st.markdown("##### Gradient at one score, ‖∂ weights / ∂ score‖")
        _pair(both, "score_gradient", "median", d_k, flat.score_gradient, log_y=True)
    with gradients[1]:
        st.markdown("##### Gradient at the query, ‖∂ weights / ∂ q‖")
        _pair(both, "query_gradient", "median", d_k, log_y=True)
    if any(min(measure.score_gradient, measure.query_gradient) == 0 for _, measures in both for measure in measures):
        st.caption("Where a point is missing, the gradient is smaller than float64 can hold, and came out as 0.")
    weights = st.columns(2, gap="large")
    with weights[0]:
        st.markdown("##### Largest weight")
        _pair(both, "largest", "mean", d_k, flat.largest)
    with weights[1]:
        st.markdown("##### Entropy of the weights")
        st.markdown(
            "How widely a row is spread, in bits: 0 where one key has all the weight, log₂ n where n share it evenly."
        )
        _pair(both, "entropy", "mean, bits", d_k, flat.entropy)
    st.markdown(_what_the_curves_say(both))


def _pair(
    both: list[tuple[int, tuple[Measures, Measures]]],
    name: str,
    label: str,
    d_k: int,
    level: float | None = None,
    *,
    log_y: bool = False,
) -> None:
    lines = []
    for index, title in enumerate((_WITHOUT, _WITH)):
        points = [(size, getattr(measures[index], name)) for size, measures in both]
        # A logarithm has no place for what is too small for float64 and came out as 0.
        points = [(size, value) for size, value in points if value > 0 or not log_y]
        lines.append(Curve(title, [size for size, _ in points], [value for _, value in points]))
    if level is not None:
        lines.append(Curve("even weights", [both[0][0], both[-1][0]], [level, level], dashed=True))
    curves(lines, x="d_k", y=label, log_x=True, log_y=log_y, at=d_k)


def _what_the_curves_say(both: list[tuple[int, tuple[Measures, Measures]]]) -> str:
    (first, begin), (last, end) = both[0], both[-1]
    went = [f"{number(begin[at].score_gradient, 3)} to {number(end[at].score_gradient, 3)}" for at in (0, 1)]
    peak_size, peak = max(both, key=lambda measure: measure[1][0].query_gradient)
    rises = first < peak_size < last and peak[0].query_gradient > 1.2 * begin[0].query_gradient
    rise = (
        "At the query it first rises without the division, because q then reaches the weights through scores √d_k "
        f"times as large: it is largest at d_k = {peak_size:,}, and falls from there. "
    )
    held = [f"{100 * end[at].held_by_tenth:.0f} %" for at in (0, 1)]
    return (
        f"From d_k = {first:,} to {last:,} the gradient at one score goes from {went[0]} without the division, and "
        f"from {went[1]} with it. {rise if rises else ''}What is left is unevenly shared: at d_k = {last:,} the tenth "
        f"of the queries with the largest gradient holds {held[0]} of all of it without the division, and {held[1]} "
        "with it."
    )


def _trained() -> None:
    """Asks how far the trained model's scores are spread, and shows it head by head."""
    lab_widgets.section("trained", "And after training?")
    trained_attentions = result(trained_scores)
    theory = math.sqrt(trained_attentions.d_k)
    deviations = [value for measure in trained_attentions.attentions for value in measure.scores]
    options = ("smaller in every head", "smaller in some heads, larger in others", "larger in every head")
    index = 2 if min(deviations) > theory else 0 if max(deviations) < theory else 1
    if not lab_widgets.predict(
        "trained",
        f"This app's trained model has d_k = {trained_attentions.d_k}. Independent components would give q·k a "
        f"standard deviation of √{trained_attentions.d_k} = {number(theory)}. What it has is",
        options,
        options[index],
        f"It goes from {number(min(deviations), 3)} to {number(max(deviations), 3)}.",
        wrong=lab_widgets.by_order(
            options,
            options[index],
            "Heads spread their scores further than that. Training made q and k longer and alike where a head should "
            "look, so its scores are no longer sums of independent components.",
            "Not in all of them: heads that look around evenly keep their scores close together.",
        ),
    ):
        return
    heads = len(trained_attentions.attentions[0].scores)
    head = f"| q·k / √d_k, standard deviation | {' | '.join(f'head {index}' for index in range(heads))} |\n"
    rows = "\n".join(
        f"| {measure.where} | {' | '.join(number(value, 3) for value in measure.scaled)} |"
        for measure in trained_attentions.attentions
    )
    st.markdown(f"{head}|---|{'---:|' * heads}\n{rows}")
    st.caption(
        f"Measured on {', '.join(f'`{text}`' for text in TEXTS)}. The division is one number, "
        "fixed before training. How sharp a head becomes is learned: longer q and k spread its scores further."
    )
