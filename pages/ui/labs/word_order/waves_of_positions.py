"""The part of the lab of word order about the sinusoids themselves."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from engine.labs.word_order.sinusoids import PositionShift, Waves, frequencies, moved, period, waves
from engine.ops.notation import number
from pages.ui.components.tensor_view import Panel, tensor_view
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.curves import Curve, curves

_ROUNDING = 1e-9  # float64 keeps some 16 digits of numbers that are at most d_model here


USUAL = (32, 32, 2, 3)  # positions, d_model, pair and steps, to begin with


def draw(script: Callable[..., str]) -> tuple[int, int, int, int]:
    """From the picture of the encoding to what it says of distances.

    Args:
        script: the lab's script for values as in ``USUAL``.

    Returns:
        The values of the sliders, as ``USUAL`` has them.
    """
    lab_widgets.section("waves", "What is added: a sine and a cosine for each frequency")
    st.markdown(
        "PE(pos, 2i) = sin(ω_i · pos) and PE(pos, 2i + 1) = cos(ω_i · pos), with ω_i = 10000^(−2i / d_model). "
        "Each row below is added to the embedding of the word at that position."
    )
    sliders = st.columns(3)
    with sliders[0]:
        length = lab_widgets.number("positions", "Positions", 4, 64, USUAL[0])
    with sliders[1]:
        d_model = lab_widgets.number("d_model", "d_model", 2, 128, USUAL[1])
    with sliders[2]:
        pair = lab_widgets.number("pair", "Pair of features i", 0, d_model // 2 - 1, min(USUAL[2], d_model // 2 - 1))
    encodings = result(waves, length, d_model)
    left, right = st.columns(2, gap="large")
    with left:
        panel = Panel(
            "PE",
            encodings.encoding,
            ("L", "d_model"),
            role="embedding",
            note="positional encoding",
            footer=_lengths(encodings),
        )
        tensor_view([panel], key="labs.word_order.encoding")
    with right:
        seen = _period(encodings, pair)
    steps = min(USUAL[3], length - 1)
    if seen:
        lab_widgets.lines(script(length, d_model, pair, steps), "how far a frequency reaches")
    if seen and _product(encodings):
        lab_widgets.lines(script(length, d_model, pair, steps), "products of two positions")
        steps, answered = _moved(length, d_model, steps)
        if answered:
            lab_widgets.lines(script(length, d_model, pair, steps), "one matrix moves on")
    return length, d_model, pair, steps


def _lengths(encodings: Waves) -> str:
    squares = encodings.product.diagonal()
    least, most = (number(float(size)) for size in (squares.min(), squares.max()))
    if least == most:
        return f"the squared length of every row is {least}"
    return f"the squared length of a row is {least} to {most}"


def _period(encodings: Waves, pair: int) -> bool:
    repeats = period(encodings.encoding, pair)
    options = ("fewer than 10", "10 to 100", "100 to 1,000", "1,000 or more")
    d_model = encodings.encoding.size(1)
    if not lab_widgets.predict(
        "period",
        f"Features {2 * pair} and {2 * pair + 1} of {d_model} are the sine and the cosine of one frequency. After how "
        "many positions do they repeat?",
        options,
        options[sum(repeats >= bound for bound in (10, 100, 1000))],
        f"ω_{pair} = {number(float(frequencies(d_model)[pair]))}, so they repeat after 2π / ω_{pair} = "
        f"{number(repeats)} positions. The first pair repeats after {number(period(encodings.encoding, 0))}, the last "
        f"after {period(encodings.encoding, d_model // 2 - 1):,.0f}.",
        wrong=lab_widgets.by_order(
            options,
            options[sum(repeats >= bound for bound in (10, 100, 1000))],
            f"It is slower. Each pair turns more slowly than the one before, down to 1/10000 of the first: ω_{pair} is "
            f"10000^(−{2 * pair}/{d_model}).",
            f"It is faster. Only the last pairs are that slow; ω_{pair} is 10000^(−{2 * pair}/{d_model}), and the "
            "first "
            "pair repeats after 2π positions.",
        ),
    ):
        return False
    positions = range(encodings.encoding.size(0))
    curves(
        [
            Curve(f"feature {feature}", positions, encodings.encoding[:, feature].tolist())
            for feature in (2 * pair, 2 * pair + 1)
        ],
        x="position",
        y="value",
    )
    return True


def _product(encodings: Waves) -> bool:
    spread = float(encodings.spread.max())
    alone = spread < _ROUNDING
    options = ("on their distance p − q alone", "on where p and q are, too")
    if not lab_widgets.predict(
        "product",
        "PE · PEᵀ compares every position p with every position q: the product of their two rows. On what does it "
        "depend?",
        options,
        options[not alone],
        f"Along one diagonal the distance is the same; there the numbers differ by at most {number(spread)}.",
        wrong={
            options[
                0
            ]: "With an odd d_model the last sine has no cosine beside it, and what it adds depends on where p "
            "and q are.",
            options[1]: f"For each pair cos a cos b + sin a sin b = cos(a − b): only the difference is left. "
            f"{number(spread)} is rounding.",
        },
    ):
        return False
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("##### PE · PEᵀ")
        panel = Panel(
            "product",
            encodings.product,
            ("L", "L"),
            role="scores",
            footer=f"along a diagonal the numbers differ by at most {number(spread)}",
        )
        tensor_view([panel], key="labs.word_order.product")
    with right:
        st.markdown("##### The product over the distance")
        distances = range(encodings.encoding.size(0))
        curves(
            [
                Curve("mean of the diagonal", distances, encodings.by_distance.tolist()),
                Curve("theory: Σ cos(ω_i Δ)", distances, encodings.theory.tolist(), dashed=True),
            ],
            x="distance Δ = p − q",
            y="PE(p) · PE(q)",
        )
        st.markdown(_what_it_says(encodings))
    return True


def _what_it_says(encodings: Waves) -> str:
    d_model = encodings.encoding.size(1)
    away = float((encodings.by_distance - encodings.theory).abs().max())
    steps = encodings.by_distance.diff()
    rise = int((steps > 0).nonzero()[0]) if bool((steps > 0).any()) else None
    first, last = (number(float(encodings.by_distance[index])) for index in (0, -1))
    nearest = int(encodings.by_distance[1:].argmax()) + 1
    falls = (
        f"It falls with every step of distance, from {first} to {last}."
        if rise is None
        else f"From {first} at distance 0 it falls until distance {rise}, and goes up and down from there."
    )
    alike = (
        "No two positions are more alike than neighbours."
        if nearest == 1
        else f"The most alike are positions {nearest} apart, more so than neighbours."
    )
    odd = (
        f" With an odd d_model ({d_model}) the last sine has no cosine, and the closed form does not hold."
        if d_model % 2
        else ""
    )
    return (
        f"The closed form is Σ cos(ω_i Δ), because cos a cos b + sin a sin b = cos(a − b). The largest difference from "
        f"it is {number(away)}.{odd} {falls} {alike}"
    )


def _moved(length: int, d_model: int, usual: int) -> tuple[int, bool]:
    """Moves the encoding on by one matrix; returns by how many steps, and whether that was answered."""
    steps = lab_widgets.number("steps", "Steps k", 1, length - 1, usual)
    shift = result(moved, length, d_model, steps)
    options = ("yes, one for all positions", "no, not exactly")
    answered = lab_widgets.predict(
        "moved",
        f"The paper hoped that relative positions are easy to learn. Is there one matrix, the same for every position, "
        f"that turns PE(pos) into PE(pos + {steps})?",
        options,
        options[shift.error >= _ROUNDING],
        f"Each pair of features is turned by the angle ω_i · {steps}. Over {length - steps} positions the result is "
        f"off by at most {number(shift.error)}.",
        wrong={
            options[
                0
            ]: "Sine and cosine of one frequency turn together. With an odd d_model the last sine has no cosine, "
            "and no matrix can turn it alone.",
            options[
                1
            ]: "Going on by k steps adds the angle ω_i · k to every pair, wherever one stands: that is one turn "
            f"for all positions. {number(shift.error)} is rounding.",
        },
    )
    if answered:
        _matrix(shift, d_model, steps)
    return steps, answered


def _matrix(shift: PositionShift, d_model: int, steps: int) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        panel = Panel(
            "turn",
            shift.matrix,
            ("d_model", "d_model"),
            role="parameter",
            note=f"{steps} positions on",
            footer=f"off by at most {number(shift.error)}",
        )
        tensor_view([panel], key="labs.word_order.turn")
    with right:
        st.code(
            f"(PE[{steps}:] - PE[:-{steps}] @ turn.T).abs().max()  # {shift.error:.3g}",
            language="python",
            wrap_lines=True,
        )
        st.markdown(
            "Blocks of 2 × 2 on the diagonal, one for each pair of features: cos(ω_i k), sin(ω_i k) above "
            "−sin(ω_i k), cos(ω_i k). The matrix depends on k and not on the position, so one linear layer can look "
            "the same number of words back from everywhere."
            if shift.error < _ROUNDING
            else f"The last sine has no cosine beside it where d_model is odd ({d_model}), so no turn can move it."
        )
