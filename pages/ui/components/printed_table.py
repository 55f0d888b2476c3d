"""A table as text that only paper shows: on screen tables scroll, and paper would have their first rows alone."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import streamlit as st

_GAP = "  "


def draw(columns: Mapping[str, Sequence[object]]) -> None:
    """Draws the text right below the table on screen, which it takes the place of when the page is printed.

    Args:
        columns: the cells of each column by its name, all of one length; what is longest stands last.
    """
    st.html(f'<pre class="on-paper">{html.escape(table_text(columns))}</pre>')


def table_text(columns: Mapping[str, Sequence[object]]) -> str:
    """The table in lines of text: the names of the columns, then a line for each row; numbers stand to the right.

    Args:
        columns: the cells of each column by its name, all of one length.
    """
    numeric = [all(isinstance(cell, int | float) for cell in cells) for cells in columns.values()]
    lines = [tuple(columns), *zip(*([_text(cell) for cell in cells] for cells in columns.values()), strict=True)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    return "\n".join(
        _GAP.join(
            cell.rjust(width) if is_number else cell.ljust(width)
            for cell, width, is_number in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in lines
    )


def _text(cell: object) -> str:
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
