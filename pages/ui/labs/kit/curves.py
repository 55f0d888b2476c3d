"""Curves of measured numbers, with theory dashed beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import pandas as pd
import streamlit as st

from pages.ui.app.palette import CURVES
from pages.ui.app.theme import is_dark

_SHORT, _LEGEND_ROW = 18, 22  # characters, pixels


@dataclass(frozen=True)
class Curve:
    """``dashed`` is for what theory says; ``band`` is how far the measurements reach, the least and the most.

    ``name`` stands in the legend, ``x`` and ``y`` are the points.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    dashed: bool = False
    band: tuple[Sequence[float], Sequence[float]] | None = None


def colours(count: int) -> list[str]:
    """``count`` colours for the theme of the page, light or dark; they repeat after five."""
    dark = is_dark()
    return [CURVES[number % len(CURVES)].on(dark) for number in range(count)]


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
    """Draws curves in one chart.

    Args:
        lines: the curves, in the order of the legend.
        x, y: the names of the axes.
        log_x, log_y: whether an axis is logarithmic.
        at: where a vertical line marks the value of the sliders, None for no line.
        height: of the chart without its legend, in pixels.
    """
    rows = pd.DataFrame(
        [(line.name, line.dashed, a, b) for line in lines for a, b in zip(line.x, line.y, strict=True)],
        columns=["curve", "theory", "x", "y"],
    )
    names = [line.name for line in lines]
    # Two long names would not fit beside each other on a phone, where a chart is some 40 characters wide.
    columns = 2 if max(map(len, names)) <= _SHORT else 1
    legend = alt.Legend(orient="top", labelLimit=0, columns=columns, symbolOpacity=1)
    scale = alt.Scale(domain=names, range=colours(len(lines)))
    colour = alt.Color("curve:N", sort=names, title=None, scale=scale, legend=legend)
    measured = _measured(rows, colour, x, y, log_x=log_x, log_y=log_y)
    # Points are what was measured; theory has none, so that it does not hide them.
    points = measured.transform_filter("!datum.theory").mark_point(filled=True, opacity=1, size=28)
    chart = measured + points
    reaches = _reaches(lines, colour)
    if reaches is not None:
        chart = reaches + chart
    if at is not None:
        rule = alt.Chart(pd.DataFrame({"x": [at]})).mark_rule(strokeDash=[2, 3], color="#888888").encode(x="x:Q")
        chart = chart + rule
    above = -(-len(names) // columns) * _LEGEND_ROW  # the legend takes its room from the chart's height
    st.altair_chart(chart.properties(height=height + above), width="stretch")


def _measured(rows: pd.DataFrame, colour: alt.Color, x: str, y: str, *, log_x: bool, log_y: bool) -> alt.Chart:
    whole = not log_x and bool((rows["x"] % 1 == 0).all())
    return (
        alt.Chart(rows)
        .mark_line()
        .encode(
            x=alt.X(
                "x:Q",
                title=x,
                scale=alt.Scale(type="log" if log_x else "linear", nice=False),
                axis=alt.Axis(tickMinStep=1) if whole else alt.Axis(),
            ),
            y=alt.Y(
                "y:Q",
                title=y,
                scale=alt.Scale(type="log" if log_y else "linear", zero=not log_y),
                # So few that, where there are many powers of ten, only powers get a line.
                axis=alt.Axis(tickCount=5) if log_y else alt.Axis(),
            ),
            color=colour,
            strokeDash=alt.StrokeDash(
                "theory:N", legend=None, scale=alt.Scale(domain=[False, True], range=[[1, 0], [5, 4]])
            ),
            tooltip=[alt.Tooltip("curve:N"), alt.Tooltip("x:Q", title=x), alt.Tooltip("y:Q", title=y, format=".4~g")],
        )
    )


def _reaches(lines: Sequence[Curve], colour: alt.Color) -> alt.Chart | None:
    """How far the measurements of each curve reach; None where no curve says."""
    reaches = pd.DataFrame(
        [(line.name, *row) for line in lines if line.band for row in zip(line.x, *line.band, strict=True)],
        columns=["curve", "x", "low", "high"],
    )
    if not len(reaches):
        return None
    return alt.Chart(reaches).mark_area(opacity=0.18).encode(x="x:Q", y="low:Q", y2="high:Q", color=colour)
