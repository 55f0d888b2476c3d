"""The steps of a trace as a pandas DataFrame. Nothing else in the engine imports pandas."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from engine.export.step_columns import COLUMNS, CellValue
from engine.record.trace import Step


def step_frame(steps: Sequence[Step]) -> pd.DataFrame:
    """One row a step, with the columns of steps.csv in their order.

    Args:
        steps: the steps of a trace, or some of them.

    Returns:
        A new frame, its rows numbered from 0. Counts unknown for some steps make a column of pandas' ``Int64``,
        which keeps the others whole.
    """
    return pd.DataFrame({name: _series([column(step) for step in steps]) for name, column in COLUMNS.items()})


def _series(values: list[CellValue]) -> pd.Series:
    known = [value for value in values if value is not None]
    if len(known) < len(values) and known and all(type(value) is int for value in known):
        return pd.Series(values, dtype="Int64")
    return pd.Series(values, dtype=None if known else "float64")
