"""Why the scores are divided by √d_k: the spread of q·k, and softmax with and without the division."""

from __future__ import annotations

import math

import streamlit as st
from torch import Tensor

from engine.labs.explanation.trained_scores import TEXTS, trained_scores
from engine.labs.scaling import (
    COMPONENTS,
    PAIRS,
    QUERIES,
    SETS,
    Measures,
    ScaledAttention,
    Spread,
    attention,
    code,
    density,
    even,
    measures_over,
    normal_density,
    spread,
    spreads,
)
from engine.ops.access import AffineMap, AllIndices, SameIndex
from engine.ops.notation import number
from pages.ui.components.tensor_view import OperationCard, Panel, tensor_view
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.curves import Curve, curves
from pages.ui.labs.kit.lab_widgets import Slider

_GROWTH = 16
_SPREAD_SIZES = tuple(4**power for power in range(6))
_SIZES = tuple(2**power for power in range(11))
_ROWS = 6
_WITHOUT, _WITH = "not divided", "divided by √d_k"


def draw() -> None:
    st.markdown(
        "Attention divides the scores q·k by √d_k before softmax (paper, section 3.2.1). Its footnote 4 gives the "
        "reason: where the components of q and k are independent, with mean 0 and variance 1, q·k has mean 0 and "
        "variance d_k. First this is measured, then what softmax makes of it."
    )
    d_k, keys, seed = lab_widgets.numbers(
        Slider("d_k", "d_k", 1, 256, 64),
        Slider("keys", "Keys", 2, 64, 10),
        Slider("seed", "Draw", 0, 20, 0, help="Other random q and k."),
    )
    components = lab_widgets.pick(
        "components",
        "Components of q and k",
        COMPONENTS,
        help="All have mean 0 and variance 1. In the last kind they are not independent.",
    )
    if _spread(d_k, components, seed):
        scaling = result(attention, d_k, keys, components, seed)
        if _largest(scaling, d_k, keys):
            _rows(scaling, d_k, keys)
            if _gradient(scaling, d_k, keys):
                _curves(scaling, d_k, keys, components, seed)
                _trained()
    lab_widgets.snippet(code(d_k, keys, components, seed))


def _spread(d_k: int, components: str, seed: int) -> bool:
    small, large = (result(spread, size, components, seed) for size in (d_k, _GROWTH * d_k))
    growth = large.deviation / small.deviation
    options = {1: "not at all", 4: "about 4-fold", 16: "about 16-fold", 256: "about 256-fold"}
    nearest = min(options, key=lambda factor: abs(math.log(growth / factor)))
    if not lab_widgets.predict(
        "spread",
        f"d_k grows {_GROWTH}-fold, from {d_k:,} to {large.d_k:,}. The standard deviation of q·k grows",
        tuple(options.values()),
        options[nearest],
        f"Over {PAIRS:,} pairs each it is {number(small.deviation)} and {number(large.deviation)}: "
        f"{number(growth, 3)} times as much. The variances are {_variance_words(small)} and {_variance_words(large)}.",
    ):
        return False
    _variance(small, large, d_k, components, seed)
    return True


def _variance_words(of: Spread) -> str:
    return f"{of.variance:,.0f}" if of.variance >= 10_000 else number(of.variance)


def _variance(small: Spread, large: Spread, d_k: int, components: str, seed: int) -> None:
    measured = sorted(
        {measure.d_k: measure for measure in (*result(spreads, _SPREAD_SIZES, components, seed), small)}.items()
    )
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("##### Variance of q·k")
        curves(
            [
                Curve("measured", [size for size, _ in measured], [measure.variance for _, measure in measured]),
                Curve("theory: d_k", _SPREAD_SIZES, _SPREAD_SIZES, dashed=True),
            ],
            x="d_k",
            y="variance of q·k",
            log_x=True,
            log_y=True,
            at=d_k,
        )
    with right:
        st.markdown(f"##### How q·k is spread at d_k = {d_k}")
        raw, divided = density(small.products), density(small.products / math.sqrt(d_k))
        curves(
            [
                Curve("q·k", raw.middles, raw.shares),
                Curve("q·k / √d_k", divided.middles, divided.shares),
                Curve("normal, var. d_k", raw.middles, [normal_density(x, d_k) for x in raw.middles], dashed=True),
                Curve("normal, var. 1", divided.middles, [normal_density(x, 1) for x in divided.middles], dashed=True),
            ],
            x="value",
            y="density",
        )
    ratios = [measure.variance / size for size, measure in measured]
    furthest = max(ratios, key=lambda ratio: abs(math.log(ratio)))
    if 0.8 < furthest < 1.25:
        st.markdown(
            f"Measured variance over d_k is nowhere further from 1 than {number(furthest, 3)}. The variance grows as "
            f"d_k, so the standard deviation grows as √d_k. After the division it is "
            f"{number(small.deviation / math.sqrt(d_k), 3)} at d_k = {d_k} and "
            f"{number(large.deviation / math.sqrt(large.d_k), 3)} at {large.d_k:,}."
        )
    else:
        st.markdown(
            f"At d_k = {measured[-1][0]:,} the variance is {number(ratios[-1])} times d_k: theory does not hold. "
            "The components of one vector are all the same number, so its products add up instead of cancelling. "
            "The variance is then d_k², and dividing by √d_k is not enough."
        )


def _largest(scaling: ScaledAttention, d_k: int, keys: int) -> bool:
    without, divided = scaling.measures
    options = ("less than 0.25", "0.25 to 0.5", "0.5 to 0.75", "0.75 or more")
    return lab_widgets.predict(
        "largest",
        f"Nothing is divided, d_k = {d_k}, and softmax spreads 1 over {keys} keys, all drawn alike. A query's largest "
        "weight is on average",
        options,
        options[min(3, int(without.largest * 4))],
        f"It is {number(without.largest, 3)} over {SETS * QUERIES} queries; divided by √d_k it is "
        f"{number(divided.largest, 3)}. Even weights would be {number(1 / keys, 3)}.",
    )


def _rows(scaling: ScaledAttention, d_k: int, keys: int) -> None:
    st.caption(
        f"The first {_ROWS} of {SETS * QUERIES} queries, each with its row of {keys} keys. The same q and k on both "
        "sides. Point at a weight to see the scores it is made of."
    )
    sides = ((_WITHOUT, scaling.scores, "scores"), (_WITH, scaling.scaled, "scaled"))
    for column, (title, scores, name), weights in zip(st.columns(2, gap="large"), sides, scaling.weights, strict=True):
        with column:
            st.markdown(f"##### {title[0].upper()}{title[1:]}")
            tensor_view(
                [
                    Panel(name, scores[0, :_ROWS], ("L", "L_k"), note=title, role="scores"),
                    Panel(
                        "weights",
                        weights[0, :_ROWS],
                        ("L", "L_k"),
                        role="weights",
                        scale="probability",
                        footer="each row sums to 1",
                    ),
                ],
                key=f"labs.scaling.{name}",
                reads=[AffineMap.of(scores[0, :_ROWS], SameIndex(0), AllIndices())],
                operation=OperationCard(title="softmax", code=f"weights = {name}.softmax(dim=-1)"),
            )
    st.markdown(_table(scaling, keys))


def _table(scaling: ScaledAttention, keys: int) -> str:
    without, divided = scaling.measures
    flat = even(keys)
    rows = (
        ("Standard deviation of what enters softmax", *(number(float(x.std()), 3) for x in _entering(scaling)), "0"),
        ("Largest weight, mean", *_three(without.largest, divided.largest, flat.largest)),
        ("Entropy in bits, mean", *_three(without.entropy, divided.entropy, flat.entropy)),
    )
    head = f"| All {SETS * QUERIES} queries | {_WITHOUT} | {_WITH} | even weights |\n|---|---:|---:|---:|\n"
    return head + "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _three(*values: float) -> tuple[str, ...]:
    return tuple(number(value, 3) for value in values)


def _entering(scaling: ScaledAttention) -> tuple[Tensor, Tensor]:
    return scaling.scores, scaling.scaled


def _gradient(scaling: ScaledAttention, d_k: int, keys: int) -> bool:
    without, divided = (measure.score_gradient for measure in scaling.measures)
    ratio = without / divided
    options = ("larger", "as large, within a tenth", "smaller", "less than a hundredth of it")
    index = 0 if ratio > 1.1 else 1 if ratio > 0.9 else 2 if ratio >= 0.01 else 3
    return lab_widgets.predict(
        "gradient",
        "Training changes a score by the gradient that comes back through softmax. Take one score that enters softmax, "
        "and the norm of ∂ weights / ∂ score: how far the query's weights move with it. Without the division, the "
        f"median at d_k = {d_k}, compared to that with it, is",
        options,
        options[index],
        f"{number(without, 3)} against {number(divided, 3)}: {number(ratio, 3)} times as large. Even weights would "
        f"give {number(even(keys).score_gradient, 3)}.",
    )


def _curves(scaling: ScaledAttention, d_k: int, keys: int, components: str, seed: int) -> None:
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
    held = [f"{end[at].held_by_tenth:.0%}" for at in (0, 1)]
    return (
        f"From d_k = {first:,} to {last:,} the gradient at one score goes from {went[0]} without the division, and "
        f"from {went[1]} with it. {rise if rises else ''}What is left is unevenly shared: at d_k = {last:,} the tenth "
        f"of the queries with the largest gradient holds {held[0]} of all of it without the division, and {held[1]} "
        "with it."
    )


def _trained() -> None:
    st.markdown("##### And after training?")
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
