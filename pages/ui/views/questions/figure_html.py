"""The small tensors of an answer, as tables of numbers: no script, no network."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence

from torch import Tensor

from engine.ops.notation import number
from engine.questions import Figure
from pages.ui.app.palette import axis_tone

_STYLE = """<style>
.answer-figures { display: flex; flex-wrap: wrap; gap: 0.8rem 1.6rem; align-items: flex-start; overflow-x: auto; }
.answer-figures figure { margin: 0; }
.answer-figures figcaption { font-size: 0.82rem; margin-bottom: 0.2rem; }
.answer-figures figcaption small { opacity: 0.8; font-size: 0.8rem; }
.answer-figures .facets { display: flex; flex-wrap: wrap; gap: 0.6rem; }
.answer-figures table { border-collapse: collapse; font: 0.78rem/1.3 var(--st-code-font, monospace); }
.answer-figures caption { font-size: 0.75rem; opacity: 0.8; text-align: left; }
.answer-figures td { border: 1px solid color-mix(in srgb, currentColor 22%, transparent); padding: 0.12rem 0.35rem;
  text-align: right; font-variant-numeric: tabular-nums; }
.answer-figures th { font-weight: 400; opacity: 0.75; padding: 0.1rem 0.35rem; text-align: right; }
.answer-figures .axis { border-bottom: 2px solid; }
</style>"""


def figures_html(figures: Sequence[Figure], tensors: Sequence[Tensor]) -> str:
    """The tensors of an answer side by side.

    Args:
        figures: what each is called, and what its axes are.
        tensors: one for each figure, of at most four axes.
    """
    drawn = (_figure(figure, tensor) for figure, tensor in zip(figures, tensors, strict=True))
    return f'{_STYLE}<div class="answer-figures">{"".join(drawn)}</div>'


def _figure(figure: Figure, tensor: Tensor) -> str:
    shape = ", ".join(
        f'<span class="axis" style="border-color: {_colour(symbol)}">{html.escape(symbol)}</span> {size}'
        for symbol, size in zip(figure.axes, tensor.shape, strict=True)
    )
    note = f"<br><small>{html.escape(figure.note)}</small>" if figure.note else ""
    tables = "".join(_table(figure, caption, matrix) for caption, matrix in _matrices(figure, tensor))
    return (
        f"<figure><figcaption><code>{html.escape(figure.variable)}</code> ({shape}){note}</figcaption>"
        f'<div class="facets">{tables}</div></figure>'
    )


def _matrices(figure: Figure, tensor: Tensor) -> Iterator[tuple[str, Tensor]]:
    """The matrices of a tensor, each with its place along the axes in front, such as "H 1"."""
    if tensor.dim() < 2:
        yield "", tensor.view(1, -1)
        return
    matrices = tensor.reshape(-1, *tensor.shape[-2:])
    for flat, matrix in enumerate(matrices):
        rest, indices = flat, list[str]()
        for symbol, size in zip(reversed(figure.axes[:-2]), reversed(tensor.shape[:-2]), strict=True):
            rest, index = divmod(rest, size)
            if size > 1:
                indices.insert(0, f"{symbol} {index}")
        yield " · ".join(indices), matrix


def _table(figure: Figure, caption: str, matrix: Tensor) -> str:
    head = ""
    if figure.columns:
        corner = "<th></th>" if figure.rows else ""
        names = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in figure.columns)
        head = f"<tr>{corner}{names}</tr>"
    rows = []
    for index, row in enumerate(matrix):
        name = f'<th scope="row">{html.escape(figure.rows[index])}</th>' if figure.rows else ""
        rows.append(f"<tr>{name}{''.join(_cell(value) for value in row.tolist())}</tr>")
    above = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    return f"<table>{above}{head}{''.join(rows)}</table>"


def _cell(value: float | int | bool) -> str:
    if isinstance(value, bool):
        return f"<td>{value}</td>"
    if math.isinf(value):
        return f"<td>{'−∞' if value < 0 else '∞'}</td>"
    text = f"{value:,}" if isinstance(value, int) else number(value)
    return f"<td>{text}</td>"


def _colour(symbol: str) -> str:
    tone = axis_tone(symbol)
    return f"light-dark({tone.light}, {tone.dark})"
