"""Curves of measured numbers, with theory dashed beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import pandas as pd
import streamlit as st

from pages.ui.theme import is_dark

# Okabe and Ito's colours, which colour-blind eyes tell apart; darker or lighter to stand on either background.
_COLOURS = (
    ("#0072b2", "#56b4e9"),
    ("#c2410c", "#fb923c"),
    ("#00795a", "#35c79b"),
    ("#a3477f", "#e59bc8"),
    ("#8a6d00", "#e8c33c"),
)


@dataclass(frozen=True)
class Curve:
    """``dashed`` is for what theory says."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    dashed: bool = False


def curves(
    lines: Sequence[Curve],
    *,
    x: str,
    y: str,
    log_x: bool = False,
    log_y: bool = False,
    at: float | None = None,
    height: int = 280,
) -> None:
    """Draws curves with the names of their axes; ``at`` marks where on the x axis the sliders stand."""
    rows = pd.DataFrame(
        [(line.name, line.dashed, a, b) for line in lines for a, b in zip(line.x, line.y, strict=True)],
        columns=["curve", "theory", "x", "y"],
    )
    names = [line.name for line in lines]
    dark = is_dark()
    colours = [_COLOURS[place % len(_COLOURS)][dark] for place in range(len(lines))]
    colour = alt.Color("curve:N", sort=names, title=None, scale=alt.Scale(domain=names, range=colours))
    legend = alt.Legend(orient="top", labelLimit=0, columns=2)
    measured = (
        alt.Chart(rows)
        .mark_line(point=alt.OverlayMarkDef(size=28))
        .encode(
            x=alt.X("x:Q", title=x, scale=alt.Scale(type="log", nice=False) if log_x else alt.Scale(nice=False)),
            y=alt.Y("y:Q", title=y, scale=alt.Scale(type="log" if log_y else "linear", zero=not log_y)),
            color=colour.legend(legend),
            strokeDash=alt.StrokeDash(
                "theory:N", legend=None, scale=alt.Scale(domain=[False, True], range=[[1, 0], [5, 4]])
            ),
            tooltip=[alt.Tooltip("curve:N"), alt.Tooltip("x:Q", title=x), alt.Tooltip("y:Q", title=y, format=".4~g")],
        )
    )
    chart = measured
    if at is not None:
        rule = alt.Chart(pd.DataFrame({"x": [at]})).mark_rule(strokeDash=[2, 3], opacity=0.6).encode(x="x:Q")
        chart = measured + rule
    st.altair_chart(chart.properties(height=height), width="stretch")
