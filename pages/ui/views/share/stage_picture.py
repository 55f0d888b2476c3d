"""A step as a picture for slides: what went in, the line of code, what came out, as one SVG on white."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine import Leaf, Step
from engine.axes import size_text
from engine.ops.notation import number
from pages.ui.app.palette import axis_tone
from pages.ui.views.tensor_panels import leaf_axes

CELL, _GAP, _MARGIN = 12, 14, 24  # pixels
_MOST_SIDE, _MOST_FACETS = 32, 8  # cells along a side of a facet, and facets of a tensor
_MOST_ACROSS = 460  # pixels of a tensor's facets side by side: three tensors in a row can still be read on a slide
_TITLE, _TEXT, _SMALL = 20, 14, 12  # font sizes in pixels
LETTER = 0.61  # of a letter of a monospaced font, as a part of its size
FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
INK, FAINT, _LINE = "#1d2433", "#5b6274", "#c9cdd6"
_NEGATIVE, _POSITIVE, PROBABILITY = (33, 88, 148), (166, 54, 24), (62, 32, 122)
_PART = "the first {rows} × {columns} of each"
_FACETS = "{shown} of {count} matrices"
_NOTHING = "no numbers"
_MASKED, _NOT_FINITE = " · dashed −∞", " · dashed ±∞ or NaN"


@dataclass(frozen=True)
class _Block:
    """A tensor as it is drawn: its elements, and how wide and high it is."""

    elements: list[str]
    width: float
    height: float


def stage_svg(step: Step) -> str:
    """The picture of one step.

    Args:
        step: any step of any trace.

    Returns:
        SVG of at most some 2 MB, on white: title, line of code, tensors with shapes, and the scale of each.
    """
    blocks = [
        _tensor(operand, operand.axes if isinstance(operand, Step) else leaf_axes(step, number))
        for number, operand in enumerate(step.inputs)
    ]
    blocks.append(_tensor(step, step.axes))
    top = _MARGIN + _TITLE + _GAP
    title = draw_text(_MARGIN, _MARGIN + _TITLE * 0.8, f"{step.full_name} · step {step.index}", _TITLE, INK, bold=True)
    parts = [title]
    expression = " ".join(step.source.expression.split()) if step.source else step.op
    parts.append(draw_text(_MARGIN, top + _TEXT, f"{step.name} = {expression}", _TEXT, INK))
    top += _TEXT + 2 * _GAP
    left = float(_MARGIN)
    for index, block in enumerate(blocks):
        if index == len(blocks) - 1 and index:
            parts.append(draw_text(left, top + block.height / 2, "→", 2 * _TITLE, FAINT))
            left += 2 * _TITLE
        parts.append(f'<g transform="translate({left:.1f} {top:.1f})">{"".join(block.elements)}</g>')
        left += block.width + 2 * _GAP
    letters = max(len(step.full_name) * _TITLE, len(expression) * _TEXT) * LETTER + 12 * _TITLE
    width = max(left, letters + _MARGIN)
    height = top + max(block.height for block in blocks) + _MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="{FONT}">'
        f'<title>{html.escape(step.full_name)}</title><rect width="100%" height="100%" fill="#ffffff"/>'
        f"{''.join(parts)}</svg>"
    )


def _tensor(tensor: Step | Leaf, axes: tuple[str | None, ...]) -> _Block:
    value, name = tensor.value, tensor.name or tensor.kind
    elements = [draw_text(0, _TEXT, name, _TEXT, INK, bold=True)]
    offset, top = 0.0, 2.0 * _TEXT + 4
    for symbol, size in zip(axes, value.shape, strict=True):
        word = size_text(None if symbol in (None, "1") else symbol.replace("*", "·"), size)
        elements.append(draw_text(offset, top, word, _TEXT, axis_tone(symbol).light))
        offset += (len(word) + 1.5) * _TEXT * LETTER
    width = max(offset, len(name) * _TEXT * LETTER)
    top += _GAP
    if not _has_numbers(tensor):
        elements.append(draw_text(0, top + _SMALL, _NOTHING, _SMALL, FAINT))
        return _Block(elements, width, top + 2 * _SMALL)
    matrices = value.detach().reshape(-1, *_sides(value)).cpu()
    colour, legend = _scale(value)
    legend += _dashed(value)
    leading = list(zip(axes, value.shape[:-2], strict=False))
    labels = [_facet_label(leading, index) for index in range(min(len(matrices), _MOST_FACETS))]
    rows, columns = (min(size, _MOST_SIDE) for size in matrices.shape[1:])
    wide = max(columns * CELL, *(len(label) * _SMALL * LETTER for label in labels)) + _GAP
    across = _facets_across(leading[-1][1] if leading else 1, wide)
    for index, (matrix, label) in enumerate(zip(matrices[:_MOST_FACETS], labels, strict=True)):
        x = index % across * wide
        y = top + index // across * (rows * CELL + _GAP + _SMALL) + _SMALL
        elements.append(draw_text(x, y - 4, label, _SMALL, FAINT))
        elements.append(draw_cells(matrix[:rows, :columns], x, y, colour))
        width = max(width, x + columns * CELL)
    top += math.ceil(min(len(matrices), _MOST_FACETS) / across) * (rows * CELL + _GAP + _SMALL) + _SMALL
    for line in (legend, *_hidden(matrices, rows, columns)):
        elements.append(draw_text(0, top, line, _SMALL, FAINT))
        width = max(width, len(line) * _SMALL * LETTER)
        top += 1.4 * _SMALL
    return _Block(elements, width, top)


def _facets_across(count: int, wide: float) -> int:
    """How many matrices, each so many pixels wide, stand side by side: as many as there is room for, in even rows."""
    count = min(count, _MOST_FACETS)
    rows = math.ceil(count / max(1, (_MOST_ACROSS + _GAP) // wide))
    return math.ceil(count / rows)


def _facet_label(leading: Sequence[tuple[str | None, int]], flat: int) -> str:
    """Where a matrix stands along the axes in front of it, such as "B 0 H 1"; axes of size 1 are left out."""
    words: list[str] = []
    for symbol, size in reversed(leading):
        flat, index = divmod(flat, size)
        if size > 1:
            words.insert(0, f"{symbol} {index}" if symbol else f"[{index}]")
    return " ".join(words)


def _has_numbers(tensor: Step | Leaf) -> bool:
    value = tensor.value
    if tensor.unreadable is not None or value.is_meta or value.layout != torch.strided:
        return False
    return bool(value.numel()) and not value.is_quantized and not value.is_complex()


def _sides(value: Tensor) -> tuple[int, int]:
    """Rows and columns of a tensor's matrices: its last two axes, and one row where it has one axis or none."""
    sizes = (1, 1, *value.shape)
    return sizes[-2], sizes[-1]


def _hidden(matrices: Tensor, rows: int, columns: int) -> list[str]:
    lines = []
    if (rows, columns) != tuple(matrices.shape[1:]):
        lines.append(_PART.format(rows=rows, columns=columns))
    if len(matrices) > _MOST_FACETS:
        lines.append(_FACETS.format(shown=_MOST_FACETS, count=f"{len(matrices):,}"))
    return lines


def _scale(value: Tensor) -> tuple[Callable[[float], str], str]:
    """The colour of a number of this tensor, and the legend in words."""
    if value.dtype == torch.bool:
        return lambda given: tint(PROBABILITY, float(given)), "dark: True · light: False"
    numbers = value.detach().double()
    finite = numbers[numbers.isfinite()]
    largest = float(finite.abs().max()) if finite.numel() else 0.0
    low, high = (float(finite.min()), float(finite.max())) if finite.numel() else (0.0, 0.0)
    if low >= 0:
        top = 1.0 if high <= 1 else high
        return lambda given: tint(PROBABILITY, given / top), f"white 0 · dark {number(top)}"
    return (
        lambda given: tint(_NEGATIVE if given < 0 else _POSITIVE, abs(given) / largest),
        f"blue {number(-largest)} · white 0 · red {number(largest)}",
    )


def _dashed(value: Tensor) -> str:
    """What the legend says of cells without a colour; "" where there is none."""
    if not value.is_floating_point() or bool(value.isfinite().all()):
        return ""
    return _MASKED if bool((value.isfinite() | (value == -math.inf)).all()) else _NOT_FINITE


def draw_cells(matrix: Tensor, x: float, y: float, colour: Callable[[float], str]) -> str:
    """A matrix as squares, with a frame around them.

    Args:
        matrix: (rows, columns).
        x, y: the upper left corner, in pixels.
        colour: of a number.
    """
    drawn = []
    for row, numbers in enumerate(matrix.tolist()):
        for column, given in enumerate(numbers):
            at = f'x="{x + column * CELL:g}" y="{y + row * CELL:g}" width="{CELL - 1}" height="{CELL - 1}"'
            if math.isfinite(given):
                drawn.append(f'<rect {at} fill="{colour(given)}"/>')
            else:
                drawn.append(f'<rect {at} fill="#ffffff" stroke="{FAINT}" stroke-dasharray="2"/>')
    frame = (
        f'<rect x="{x - 1:g}" y="{y - 1:g}" width="{matrix.shape[1] * CELL + 1}" '
        f'height="{matrix.shape[0] * CELL + 1}" fill="none" stroke="{_LINE}"/>'
    )
    return "".join(drawn) + frame


def tint(towards: Sequence[int], share: float) -> str:
    """A colour between white, for share 0, and ``towards``, for 1."""
    share = min(1.0, max(0.0, share))
    return "#" + "".join(f"{round(255 + (channel - 255) * share):02x}" for channel in towards)


def draw_text(x: float, y: float, text: str, size: float, colour: str, bold: bool = False) -> str:
    """A line of text that begins at x and stands on y, in pixels.

    Args:
        x, y: where it begins.
        text: the line.
        size: of its letters, in pixels.
        colour: as SVG takes it.
        bold: whether it is set bold.

    Returns:
        SVG.
    """
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{colour}"{weight}>{html.escape(text)}</text>'
