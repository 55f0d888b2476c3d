"""Measured pairs of numbers as points, coloured by what they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import pandas as pd
import streamlit as st

from pages.ui.labs.kit.curves import colours


@dataclass(frozen=True)
class Points:
    """Points of one colour, with the name that stands in the legend."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


def scatter(
    groups: Sequence[Points],
    *,
    x: str,
    y: str,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    height: int = 320,
) -> None:
    """Draws points with the names of their axes, on axes that stay the same whatever is measured.

    Args:
        groups: the points, a colour for each group.
        x, y: the names of the axes.
        x_range, y_range: where the axes begin and end.
        height: in pixels.
    """
    rows = pd.DataFrame(
        [(group.name, a, b) for group in groups for a, b in zip(group.x, group.y, strict=True)],
        columns=["group", "x", "y"],
    )
    names = [group.name for group in groups]
    scale = alt.Scale(domain=names, range=colours(len(names)))
    chart = (
        alt.Chart(rows)
        .mark_circle(size=36, opacity=0.45)
        .encode(
            x=alt.X("x:Q", title=x, scale=alt.Scale(domain=x_range, nice=False)),
            y=alt.Y("y:Q", title=y, scale=alt.Scale(domain=y_range, nice=False)),
            color=alt.Color("group:N", sort=names, title=None, scale=scale).legend(orient="top", labelLimit=0),
            tooltip=[
                alt.Tooltip("group:N"),
                alt.Tooltip("x:Q", title=x, format=".4~g"),
                alt.Tooltip("y:Q", title=y, format=".4~g"),
            ],
        )
    )
    st.altair_chart(chart.properties(height=height), width="stretch")
