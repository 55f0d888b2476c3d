"""A trace, a step and an explanation as HTML for a notebook: static, without scripts, in the notebook's own colours."""

from __future__ import annotations

import html
import itertools
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.axes import size_text
from engine.explain.axis_colours import axis_colour
from engine.record.trace import Step, Trace

if TYPE_CHECKING:
    from engine.explain.explanation import Explanation

MOST_CELLS, MOST_TERMS = 24, 12
MOST_BYTES = 250_000  # of the rows of a trace; a notebook keeps what it shows in its file
_FEW = 40  # steps whose groups stand open
_TEXT = 160  # characters of one cell
# Colours are those of the page around, dimmed: they fit a light notebook and a dark one.
_TABLE = 'style="border-collapse:collapse;font-size:12px;text-align:left;white-space:nowrap" cellpadding="3"'
_LEFT = 'style="text-align:left"'
_CODE = 'style="font-family:monospace"'
_HEADINGS = ("step", "name", "op", "axes and sizes", "dtype", "memory", "code")
_MORE = "{count:,} more steps are not listed"
_SUMMARY, _SUMMARY_ONE = "{path} · {count} steps", "{path} · 1 step"
_WHOLE, _WHOLE_ONE = "{steps:,} steps · {bytes:,} bytes of memory", "1 step · {bytes:,} bytes of memory"
_SLICE = "the first {rows} × {columns} of {shape}"
_STATISTICS = "min {min:.4g} · max {max:.4g} · mean {mean:.4g} · std {std:.4g}"
_OTHERS = "and {count:,} more"


def trace_html(trace: Trace) -> str:
    """The steps of a trace, grouped by module; each group opens and closes.

    Args:
        trace: any trace; of a long one the first steps are listed.

    Returns:
        HTML of at most some 300 kB.
    """
    rows, room = [], MOST_BYTES
    for step in trace.steps:
        row = _row(_columns(step))
        room -= len(row.encode())
        if room < 0:
            break
        rows.append((step.path, row))
    whole = _WHOLE_ONE if len(trace.steps) == 1 else _WHOLE
    parts = [_paragraph(whole.format(steps=len(trace.steps), bytes=trace.nbytes))]
    for path, group in itertools.groupby(rows, key=itemgetter(0)):
        texts = [row for _, row in group]
        template = _SUMMARY_ONE if len(texts) == 1 else _SUMMARY
        summary = template.format(path=_escaped(path or "model"), count=len(texts))
        is_open = ' open=""' if len(rows) <= _FEW else ""
        table = _scrolling(f"<table {_TABLE}>{_row(_HEADINGS, 'th')}{''.join(texts)}</table>")
        parts.append(f"<details{is_open}><summary>{summary}</summary>{table}</details>")
    if len(trace.steps) > len(rows):
        parts.append(_paragraph(_MORE.format(count=len(trace.steps) - len(rows))))
    if trace.failure is not None:
        parts.append(f'<pre style="white-space:pre-wrap">{html.escape(trace.failure.note)}</pre>')
    return f"<div>{''.join(parts)}</div>"


def step_html(step: Step) -> str:
    """One step: its axes, its line of code, its statistics, and the corner of its numbers.

    Args:
        step: any step.

    Returns:
        HTML of at most some 100 kB.
    """
    rows = "".join(_row(pair) for pair in zip(_HEADINGS[2:], _columns(step)[2:], strict=True))
    parts = [f"<b>{_escaped(step.full_name)}</b>", _scrolling(f"<table {_TABLE}>{rows}</table>")]
    figures = step.statistics
    if figures.min is not None:
        named = {name: getattr(figures, name) for name in ("min", "max", "mean", "std")}
        parts.append(_paragraph(_STATISTICS.format(**named)))
    if step.value.layout == torch.strided and not step.value.is_meta and step.unreadable is None and step.value.numel():
        parts.append(_picture(step.value))
    return f"<div>{''.join(parts)}</div>"


def explanation_html(explanation: Explanation) -> str:
    """How one number came about: the sentence, the arithmetic, and the largest terms.

    Args:
        explanation: any explanation.

    Returns:
        HTML of a few kB.
    """
    largest = explanation.largest(MOST_TERMS)
    parts = [_paragraph(_escaped(explanation.sentence, 2000))]
    for text in filter(None, (explanation.formula, explanation.arithmetic)):
        parts.append(f"<div {_CODE}>{_escaped(text, 2000)}</div>")
    rows = []
    for term in largest.terms:
        read = " · ".join(_factor(factor.parent.name, factor.index, factor.value) for factor in term.factors)
        rows.append(_row((f"{term.contribution:.6g}", _escaped(read))))
    if rows:
        parts.append(_scrolling(f"<table {_TABLE}>{_row(('term', 'read'), 'th')}{''.join(rows)}</table>"))
    if explanation.count > len(largest.terms):
        parts.append(_paragraph(_OTHERS.format(count=explanation.count - len(largest.terms))))
    return f"<div>{''.join(parts)}</div>"


def _factor(name: str, index: Sequence[int], value: float) -> str:
    where = f"[{', '.join(map(str, index))}]" if index else ""
    return f"{name}{where} {value:.4g}"


def _columns(step: Step) -> tuple[str, ...]:
    """What stands under the headings, as HTML."""
    sizes = " · ".join(_axis(axis, size) for axis, size in zip(step.axes, step.shape, strict=True))
    dtype = str(step.dtype).removeprefix("torch.")
    expression = " ".join(step.source.expression.split()) if step.source else ""
    texts = map(_escaped, (str(step.index), step.name, step.op, dtype, step.memory, expression))
    index, name, op, dtype, memory, code = texts
    return (index, name, op, sizes or "one number", dtype, memory, f"<code>{code}</code>" if code else "")


def _axis(symbol: str | None, size: int) -> str:
    """One axis, underlined in its colour, which is seen on a light page and on a dark one."""
    shown = _escaped(size_text(symbol, size), 40)
    return f'<span style="border-bottom:2px solid {axis_colour(symbol)};white-space:nowrap">{shown}</span>'


def _picture(value: Tensor) -> str:
    """The first rows and columns of a tensor, as a table of cells whose shade says how large each number is."""
    matrix = value.detach().dequantize() if value.is_quantized else value.detach()
    while matrix.dim() > 2:
        matrix = matrix[0]
    while matrix.dim() < 2:
        matrix = matrix.unsqueeze(0)
    shown = matrix[:MOST_CELLS, :MOST_CELLS].cpu()
    if shown.is_complex():
        return ""
    numbers = shown.double()
    finite = numbers.abs()[numbers.isfinite()]
    most = float(finite.max()) if finite.numel() else 0.0
    rows = "".join(f"<tr>{''.join(_cell(number, most) for number in row)}</tr>" for row in numbers.tolist())
    caption = _SLICE.format(rows=shown.shape[0], columns=shown.shape[1], shape=tuple(value.shape))
    table = f'<table style="border-collapse:collapse;font:10px monospace;white-space:nowrap">{rows}</table>'
    return _scrolling(table) + _paragraph(caption)


def _cell(number: float, most: float) -> str:
    strength = abs(number) / most if most and number == number and abs(number) != float("inf") else 0.0
    colour = "59,111,212" if number >= 0 else "217,121,74"
    shade = f"background:rgba({colour},{0.7 * strength:.2f})"
    return f'<td style="{shade};padding:1px 3px;text-align:right">{number:.3g}</td>'


def _row(cells: Iterable[str], tag: str = "td") -> str:
    """A row of a table, whose cells are HTML."""
    # Notebooks align the cells of every table to the right.
    return f"<tr>{''.join(f'<{tag} {_LEFT}>{cell}</{tag}>' for cell in cells)}</tr>"


def _scrolling(table: str) -> str:
    """A table that is wider than the notebook scrolls by itself."""
    return f'<div style="overflow-x:auto">{table}</div>'


def _paragraph(text: str) -> str:
    return f'<div style="opacity:0.8;font-size:12px">{text}</div>'


def _escaped(text: str, most: int = _TEXT) -> str:
    return html.escape(text if len(text) <= most else f"{text[: most - 1]}…")
