"""What rotary positions turn, and what a score then knows of where two words stand."""

from __future__ import annotations

import math

import streamlit as st

from engine.labs.rotary import BASES, FAR, Turns, agreement, code, frequencies, slowest_turn, turns
from engine.ops.notation import number
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.curves import Curve, curves
from pages.ui.labs.kit.lab_widgets import Slider

_REACH = 64  # places in the chart
_ANSWER = (
    "A query and a key turn, pair by pair: pair i by θᵢ for every place, the first fast and the last hardly at all.\n\n"
    "Moved on together they turn alike, so their product knows how far apart two words stand, and not where."
)
_ROW = "| {pair} | {theta} | {query:.4g} | {key:.4g} | {apart:.4g} |"
_HEAD = "| pair | θ, radians a place | query, at {query} | key, at {key} | between them |\n|---:|---:|---:|---:|---:|\n"


def draw() -> None:
    st.markdown(
        "Llama adds no positions to its tokens. It turns queries and keys instead: their features are taken in pairs, "
        "and each pair turns in its plane by an angle that grows with the token's place (RoFormer, Su et al. 2021)."
    )
    d_k, query_place, key_place, moved_by = lab_widgets.numbers(
        Slider("pairs", "Pairs, d_k / 2", 1, 32, 4),
        Slider("query_place", "Place of the query", 0, 50, 5),
        Slider("key_place", "Place of the key", 0, 50, 2),
        Slider("moved", "Moved on by", 1, 50, 7),
    )
    d_k *= 2
    base = int(lab_widgets.pick("base", "Base θ of the frequencies", tuple(map(str, BASES)), "10000"))
    turned = result(turns, d_k, base, query_place, key_place, moved_by)
    script = code(d_k, base, query_place, key_place, moved_by)
    if _score(turned, moved_by) and _slowest(d_k, base):
        st.markdown(_ANSWER)
        _angles(d_k, base, query_place, key_place)
        lab_widgets.lines(script, "how far the slowest pair turns")
        _picture(d_k, base, abs(query_place - key_place))
        _conventions(turned)
        lab_widgets.lines(script, "the score of two turned words")
    lab_widgets.snippet(script)


def _score(turned: Turns, moved_by: int) -> bool:
    options = ("stays the same", "becomes another")
    return lab_widgets.predict(
        "score",
        f"Both words move {moved_by} places on. Their score q·k",
        options,
        options[0] if turned.depends_on_distance_alone else options[1],
        f"It was {number(turned.score, 6)} and is {number(turned.moved, 6)}. With the key alone moved on it is "
        f"{number(turned.further, 6)}. "
        f"The query is as long as before, {turned.length_before:.6g} and {turned.length_after:.6g}: turning stretches "
        "nothing.",
        wrong={
            options[0]: "Here the score changes by more than rounding.",
            options[1]: "Both are turned on by the same angle, and a product of two turned vectors depends on the "
            "angle "
            "between them alone. That stays, because their distance stays.",
        },
    )


def _slowest(d_k: int, base: int) -> bool:
    whole = slowest_turn(d_k, base)
    options = ("less than a quarter turn", "a quarter to one turn", "more than one turn")
    return lab_widgets.predict(
        "slowest",
        f"The first pair turns by one radian a place. How far has the last of the {d_k // 2} turned after {FAR:,} "
        "places?",
        options,
        options[0 if whole < 0.25 else 1 if whole <= 1 else 2],
        f"By {whole:.4g} turns. A larger base makes it slower, so that it can tell words apart that stand further from "
        "each other.",
        wrong=lab_widgets.by_order(
            options,
            options[0 if whole < 0.25 else 1 if whole <= 1 else 2],
            f"It is faster: it turns by θ^(−(d_k − 2)/d_k) radians a place, and there are {FAR:,} places.",
            "It is slower: every pair turns more slowly than the one before, and the last by only θ^(−(d_k − 2)/d_k) "
            "radians a place.",
        ),
    )


def _angles(d_k: int, base: int, query_place: int, key_place: int) -> None:
    theta = frequencies(d_k, base).tolist()
    shown = [*range(min(4, len(theta))), *range(max(4, len(theta) - 2), len(theta))]
    rows = [
        _ROW.format(
            pair=pair,
            theta=number(theta[pair]),
            query=_within_a_turn(query_place * theta[pair]),
            key=_within_a_turn(key_place * theta[pair]),
            apart=_within_a_turn((query_place - key_place) * theta[pair]),
        )
        for pair in shown
    ]
    st.markdown("##### How far each pair has turned, in turns")
    st.markdown(_HEAD.format(query=query_place, key=key_place) + "\n".join(rows))


def _within_a_turn(angle: float) -> float:
    return angle / (2 * math.pi)


def _picture(d_k: int, base: int, distance: int) -> None:
    positions = list(range(_REACH + 1))
    theta = frequencies(d_k, base).tolist()
    lines = [Curve("first pair", positions, [math.cos(position * theta[0]) for position in positions])]
    if len(theta) > 1:
        lines.append(Curve("last pair", positions, [math.cos(position * theta[-1]) for position in positions]))
        lines.append(Curve("mean of all pairs", positions, result(agreement, d_k, base, tuple(positions))))
    st.markdown("##### A query against itself, further and further away")
    curves(lines, x="places between them", y="cosine of the angle between them", at=distance)


def _conventions(turned: Turns) -> None:
    st.caption(
        "Which two features are a pair is a convention: feature i with i + d_k / 2 here and in Hugging Face's weights, "
        "neighbours in the paper and in Meta's. With the features put in the other order the score differs by "
        f"{number(turned.other_convention)}."
    )
