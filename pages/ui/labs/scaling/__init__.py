"""Why the scores are divided by √d_k: the spread of q·k, and softmax with and without the division."""

from __future__ import annotations

import math
from functools import partial

import streamlit as st
from torch import Tensor

from engine.labs.scaling import (
    COMPONENTS,
    PAIRS,
    QUERIES,
    SETS,
    ScaledAttention,
    Spread,
    attention,
    code,
    density,
    even,
    normal_density,
    spread,
    spreads,
)
from engine.ops.access import AffineMap, AllIndices, SameIndex
from engine.ops.notation import number
from pages.ui.components.tensor_view import OperationCard, Panel, tensor_view
from pages.ui.labs.kit import lab_widgets, size_sliders
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.curves import Curve, curves
from pages.ui.labs.kit.lab_widgets import Slider
from pages.ui.labs.kit.panels import weights_panel
from pages.ui.labs.scaling import experts

_GROWTH = 16
_SPREAD_SIZES = tuple(4**power for power in range(6))
_ROWS = 6
_WITHOUT, _WITH = "not divided", "divided by √d_k"


def draw() -> None:
    st.markdown(
        "Large d_k → large products q·k → softmax gives one key a weight p near 1 → its slope p(1 − p) is near 0, and "
        "training stands still. That is why attention divides the scores by √d_k before softmax (“Attention Is All You "
        "Need”, section 3.2.1): q·k of independent components, with mean 0 and variance 1, has mean 0 and variance d_k."
    )
    d_k, keys, seed = lab_widgets.numbers(
        size_sliders.d_k(256, 64), Slider("keys", "Keys", 2, 64, 10), size_sliders.seed("Other random q and k.")
    )
    components = lab_widgets.pick(
        "components",
        "Components of q and k",
        COMPONENTS,
        help="All have mean 0 and variance 1. In the last kind they are not independent.",
    )
    script = code(d_k, keys, components, seed)
    if _spread(d_k, components, seed):
        lab_widgets.lines(script, "spread of q·k")
        scaling = result(attention, d_k, keys, components, seed)
        if _largest(scaling, d_k, keys):
            _rows(scaling, d_k, keys)
            lab_widgets.lines(script, "rows of weights")
            if _gradient(scaling, d_k, keys):
                _why(scaling)
                lab_widgets.lines(script, "slope of softmax")
                lab_widgets.experts(
                    "over all d_k, and after training (one more question)",
                    "trained",
                    partial(experts.draw, scaling, d_k, keys, components, seed),
                )
    lab_widgets.snippet(script)


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
        wrong=_other_growth(options, nearest),
    ):
        return False
    _variance(small, large, d_k, components, seed)
    return True


def _other_growth(options: dict[int, str], nearest: int) -> dict[str, str]:
    """Feedback on every wrong growth of the standard deviation."""
    cancel = (
        f"Products of independent components are positive and negative and cancel in part: the variance grows "
        f"{_GROWTH}-fold, and the standard deviation is its square root."
    )
    same_sign = (
        "Here all products of a pair have the same sign. Nothing cancels, so the sum grows as fast as d_k, "
        f"{_GROWTH}-fold."
    )
    sentence = same_sign if nearest == _GROWTH else cancel
    return {
        options[1]: f"q·k is a sum over d_k products, and a longer sum spreads further. {sentence}",
        options[4]: sentence,
        options[16]: f"That would be so if all products had the same sign. {sentence}",
        options[
            256
        ]: f"That is the square of {_GROWTH}: it is how the variance would grow if nothing cancelled. {sentence}",
    }


def _variance_words(of: Spread) -> str:
    return f"{of.variance:,.0f}" if of.variance >= 10_000 else number(of.variance)


def _variance(small: Spread, large: Spread, d_k: int, components: str, seed: int) -> None:
    measured = sorted(
        {measure.d_k: measure for measure in (*result(spreads, _SPREAD_SIZES, components, seed), small)}.items()
    )
    lab_widgets.section("spread", "How far q·k spreads")
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Variance of q·k**")
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
        st.markdown(f"**The values of q·k at d_k = {d_k}**")
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
        wrong=lab_widgets.by_order(
            options,
            options[min(3, int(without.largest * 4))],
            "It is larger. The keys are drawn alike, but q·k is not: softmax takes exp, so a score that is larger by 5 "
            f"gets {math.exp(5):.0f} times the weight.",
            "It is smaller. The scores lie close together here, so exp of them does too, and the weight is shared.",
        ),
    )


def _rows(scaling: ScaledAttention, d_k: int, keys: int) -> None:
    lab_widgets.section("rows", "What softmax makes of it, without and with the division")
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
                    weights_panel(weights[0, :_ROWS], ("L", "L_k")),
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
    lab_widgets.section("gradient", "What happens to the gradient")
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
        wrong=lab_widgets.by_order(
            options,
            options[index],
            "It is smaller than that. The scores are larger, but their gradient is not: where one weight is near 1 it "
            "can hardly grow, and the others near 0 can hardly fall.",
            "It is not that small. Here softmax still shares its weight among several keys, so p(1 − p) is well "
            "above 0.",
        ),
    )


def _why(scaling: ScaledAttention) -> None:
    """The slope p(1 − p) of the largest weight, for the query in the middle of all."""
    weights = [side.flatten(0, -2) for side in scaling.weights]
    largest = weights[0].amax(dim=-1)
    query = int(largest.argsort()[len(largest) // 2])
    key = int(weights[0][query].argmax())
    without, divided = (float(side[query, key]) for side in weights)
    st.markdown(
        f"**Why.** The slope of a weight p by its own score is p(1 − p). Take the query in the middle of all "
        f"{len(largest)}, by its largest weight. Not divided, p = {number(without)} and p(1 − p) = "
        f"**{number(without * (1 - without), 3)}**. Divided by √d_k, the same weight is {number(divided)} and its "
        "slope "
        f"**{number(divided * (1 - divided), 3)}**. Near p = 1 softmax is flat: what comes back through it is almost 0."
    )
