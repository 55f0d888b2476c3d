"""Attention maps as a picture for slides: every head of every layer, with its rows and keys named, on white."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from engine.axes import size_text
from pages.ui.app.palette import axis_tone
from pages.ui.views.share.stage_picture import CELL, FAINT, FONT, INK, LETTER, PROBABILITY, draw_cells, draw_text, tint

_MARGIN, _GAP = 24, 22  # pixels
_TITLE, _TEXT, _SMALL, _LABEL = 20, 14, 12, 10  # font sizes in pixels
_MOST_SIDE, _MOST_ACROSS = 40, 4  # rows and keys of a map, and maps in a line
_LONGEST = 10  # letters of a label
_CHOSEN = "#0b6bb5"
_LEGEND = "white 0 · dark 1 · a row sums to 1 · framed: {row}"
_PART = "the first {rows} rows and {keys} keys of {all_rows} and {all_keys}"
_SHORT = {"⟨begin⟩": "⟨", "⟨end⟩": "⟩", "⟨pad⟩": "·", "⟨unknown⟩": "?"}


@dataclass(frozen=True)
class MapsPicture:
    """What is drawn.

    Attributes:
        title: what the maps are of.
        axes: the symbol and the size of every axis of the weights.
        layers: the name of each layer, and its weights (maps, queries, keys).
        heads: the name of each map of a layer.
        rows, keys: the tokens along the sides.
        chosen: the row that is framed.
        sentence: what happens at that row.
    """

    title: str
    axes: Sequence[tuple[str | None, int]]
    layers: Sequence[tuple[str, Tensor]]
    heads: Sequence[str]
    rows: Sequence[str]
    keys: Sequence[str]
    chosen: int
    sentence: str


def maps_svg(picture: MapsPicture) -> str:
    """The picture as the text of an SVG file.

    Args:
        picture: what is drawn. Of many rows and keys the first are, and the picture says so.
    """
    parts = [draw_text(_MARGIN, _MARGIN + _TITLE * 0.8, picture.title, _TITLE, INK, bold=True)]
    top = _MARGIN + 2.0 * _TITLE
    parts.append(draw_text(_MARGIN, top, picture.sentence, _TEXT, INK))
    top += 1.6 * _TEXT
    parts.append(_shape(picture.axes, top))
    rows, keys = ([_label(name) for name in names[:_MOST_SIDE]] for names in (picture.rows, picture.keys))
    left = max(map(len, rows), default=1) * _LABEL * LETTER + 6
    above = max(map(len, keys), default=1) * _LABEL * LETTER + 6 if any(len(key) > 1 for key in keys) else _LABEL + 4
    wide, high = left + len(keys) * CELL, above + _SMALL + 6 + len(rows) * CELL
    across = min(len(picture.heads), _MOST_ACROSS)
    for name, weights in picture.layers:
        top += _GAP
        parts.append(draw_text(_MARGIN, top, name, _TEXT, INK, bold=True))
        top += 6
        for index, head in enumerate(picture.heads):
            x = _MARGIN + index % across * (wide + _GAP)
            y = top + index // across * (high + _GAP)
            parts.append(_map(picture, head, weights[index], (rows, keys), (x, y), (left, above)))
        top += -(-len(picture.heads) // across) * (high + _GAP)
    words = [_LEGEND.format(row=picture.sentence), *_hidden(picture)]
    for line in words:
        parts.append(draw_text(_MARGIN, top + _SMALL, line, _SMALL, FAINT))
        top += 1.5 * _SMALL
    letters = max(len(picture.title) * _TITLE, len(picture.sentence) * _TEXT, *(len(line) * _SMALL for line in words))
    width = max(2 * _MARGIN + across * (wide + _GAP), 2 * _MARGIN + letters * LETTER)
    height = top + _MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="{FONT}">'
        f'<title>{html.escape(picture.title)}</title><rect width="100%" height="100%" fill="#ffffff"/>'
        f"{''.join(parts)}</svg>"
    )


def _shape(axes: Sequence[tuple[str | None, int]], top: float) -> str:
    drawn = [draw_text(_MARGIN, top, "weights", _TEXT, INK, bold=True)]
    offset = _MARGIN + 9 * _TEXT * LETTER
    for symbol, size in axes:
        word = size_text(symbol, size)
        drawn.append(draw_text(offset, top, word, _TEXT, axis_tone(symbol).light))
        offset += (len(word) + 1.5) * _TEXT * LETTER
    return "".join(drawn)


def _map(
    picture: MapsPicture,
    head: str,
    weights: Tensor,
    labels: tuple[list[str], list[str]],
    corner: tuple[float, float],
    room: tuple[float, float],
) -> str:
    """One map: its name, the keys above it, the rows at its left, the cells, and a frame around the chosen row."""
    (rows, keys), (x, y), (left, above) = labels, corner, room
    drawn = [draw_text(x, y + _SMALL, head, _SMALL, FAINT)] if head else []
    x, y = x + left, y + _SMALL + 6 + above
    for index, key in enumerate(keys):
        at = x + index * CELL + CELL / 2
        turn = f' transform="rotate(-60 {at:.1f} {y - 4:.1f})"' if above > _LABEL + 4 else ""
        anchor = "" if turn else ' text-anchor="middle"'
        drawn.append(f"<g{turn}{anchor}>{draw_text(at, y - 4, key, _LABEL, FAINT)}</g>")
    for index, row in enumerate(rows):
        drawn.append(draw_text(x - left, y + index * CELL + _LABEL, row, _LABEL, FAINT))
    drawn.append(draw_cells(weights[: len(rows), : len(keys)].float().cpu(), x, y, _colour))
    if picture.chosen < len(rows):
        drawn.append(
            f'<rect class="chosen" x="{x - 2:g}" y="{y + picture.chosen * CELL - 1.5:g}" '
            f'width="{len(keys) * CELL + 3}" height="{CELL + 2}" fill="none" stroke="{_CHOSEN}" stroke-width="2"/>'
        )
    return "".join(drawn)


def _colour(weight: float) -> str:
    return tint(PROBABILITY, weight)


def _hidden(picture: MapsPicture) -> list[str]:
    rows, keys = len(picture.rows), len(picture.keys)
    if max(rows, keys) <= _MOST_SIDE:
        return []
    shown = {"rows": min(rows, _MOST_SIDE), "keys": min(keys, _MOST_SIDE)}
    return [_PART.format(**shown, all_rows=rows, all_keys=keys)]


def _label(name: str) -> str:
    return _SHORT.get(name, name)[:_LONGEST]
