"""The costs of every step in a table: FLOPs, bytes moved, and how many FLOPs come to a byte."""

from __future__ import annotations

import streamlit as st

from engine.runtime.variants.cost_sheet import CostSheet, StepCost
from pages.ui.components import printed_table

_HEIGHT = 430  # pixels


def draw(sheet: CostSheet) -> None:
    """Draws the table, in the order in which the steps ran.

    Args:
        sheet: the costs of a run.
    """
    columns = _columns(sheet.steps)
    counts = st.column_config.NumberColumn(format="localized")  # as everywhere else: 65,536
    formats = {"FLOPs": counts, "bytes moved": counts}
    st.dataframe(columns, height=_HEIGHT, hide_index=True, width="stretch", column_config=formats)
    printed_table.draw(columns)


def _columns(steps: tuple[StepCost, ...]) -> dict[str, list[object]]:
    return {
        "step": [cost.step.full_name for cost in steps],
        "op": [cost.step.op for cost in steps],
        "shape": [" × ".join(map(str, cost.step.shape)) for cost in steps],
        "FLOPs": [cost.flops for cost in steps],
        "bytes moved": [cost.moved for cost in steps],
        "FLOPs a byte": [round(cost.intensity, 3) for cost in steps],
    }
