"""A stage as bytes for the browser: a small JSON header, then the numbers exactly as they are.

4 bytes     length of the header, little-endian
header      UTF-8 JSON; every array in it is {"type", "offset", "length"}, the offset counted from the body's start
padding     to a multiple of 8
body        the arrays, each at a multiple of 8
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from engine.axes import axis as glossary
from pages.ui.app import palette
from pages.ui.components.tensor_view.panel_numbers import drawable, numbers_in, scale_of, transport_of
from pages.ui.components.tensor_view.types import AxisLabels, OperationCard, Panel
from pages.ui.components.tensor_view.window import Reads, Subject, Window, reveal, windows

if TYPE_CHECKING:
    import numpy

# Everything one stage sends stays below 300 kB: the numbers, the text around them, and the component's style, which
# Streamlit sends along each time. Its script is sent once.
MOST_BYTES = 300_000
MOST_DATA = 180_000
NUMBERS_BUDGET = 150_000
LONGEST_LABEL, LONGEST_LINE, LONGEST_TEXT = 40, 400, 4_000
_SYMBOL = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Packed:
    """What goes to the browser, and the windows it shows."""

    data: bytes
    windows: tuple[Window, ...]
    at: dict[str, int]


def pack(
    panels: Sequence[Panel],
    *,
    reads: Reads | None = None,
    operation: OperationCard | None = None,
    at: Mapping[str, int] | None = None,
    pinned: tuple[int, tuple[int, ...]] | None = None,
    show_pin: bool = False,
    seen: Mapping[str, int] | None = None,
    header: Mapping[str, Any] | None = None,
) -> Packed:
    """Chooses the window of each tensor and packs the stage.

    Args:
        panels: the tensors, the output last.
        reads: an access map for each input: which of its cells one output cell reads.
        operation: the card between inputs and output.
        at: where the window of each axis, by key, begins.
        pinned: the panel and index of the pinned cell.
        show_pin: whether the windows move to where the pin is.
        seen: the last request of each kind that Python has had from the browser.
        header: what else the header holds, such as the player.

    Returns:
        At most ``MOST_DATA`` bytes, unless labels and texts alone are more.
    """
    panels = [drawable(panel) for panel in panels]
    subjects = [_subject(panel) for panel in panels]
    scales = [scale_of(panel) for panel in panels]
    starts, budget = dict(at or {}), NUMBERS_BUDGET
    while True:
        packed = _packed(panels, subjects, scales, reads, operation, starts, pinned, show_pin, seen, header, budget)
        if len(packed.data) <= MOST_DATA or budget < 1_000:
            return packed
        budget //= 2  # labels and texts took more than is usual


def _packed(
    panels: Sequence[Panel],
    subjects: Sequence[Subject],
    scales: Sequence[dict[str, Any]],
    reads: Reads | None,
    operation: OperationCard | None,
    at: dict[str, int],
    pinned: tuple[int, tuple[int, ...]] | None,
    show_pin: bool,
    seen: Mapping[str, int] | None,
    extra: Mapping[str, Any] | None,
    budget: int,
) -> Packed:
    chosen = windows(subjects, reads, at, budget)
    if show_pin and pinned is not None:
        at = reveal(chosen[pinned[0]], pinned[1], at)
        chosen = windows(subjects, reads, at, budget)
    body = _Body()
    header = {
        **(extra or {}),
        "panels": [_describe(*each, body) for each in zip(panels, chosen, scales, strict=True)],
        "operation": None if operation is None else _operation(operation),
        "reads": [read.to_json() for read in reads or ()],
        "controls": _controls(panels, chosen),
        "at": at,
        "pinned": None if pinned is None else {"panel": pinned[0], "index": list(pinned[1])},
        "seen": dict(seen or {}),
        "axes": _glossary(panels, operation),
        "roles": {panel.role: _tones(palette.ROLE.get(panel.role, palette.NEUTRAL)) for panel in panels if panel.role},
    }
    return Packed(body.join(header), tuple(chosen), at)


class _Body:
    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.length = 0

    def add(self, array: numpy.ndarray[Any, Any], kind: str) -> dict[str, Any]:
        raw = array.tobytes()
        padding = -len(raw) % 8
        entry = {"type": kind, "offset": self.length, "length": int(array.size)}
        self.parts += [raw, b"\0" * padding]
        self.length += len(raw) + padding
        return entry

    def join(self, header: dict[str, Any]) -> bytes:
        text = json.dumps(header, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        return b"".join([len(text).to_bytes(4, "little"), text, b"\0" * (-(4 + len(text)) % 8), *self.parts])


def _subject(panel: Panel) -> Subject:
    bytes_per_cell = {"f8": 8, "i8": 8, "u1": 1}.get(transport_of(panel.value.dtype), 4)
    return Subject(
        shape=tuple(panel.value.shape),
        axes=panel.axes,
        labelled_by_row=any(_by_row(labels) for labels in panel.labels),
        bytes_per_cell=bytes_per_cell + (panel.masked is not None),
    )


def _describe(panel: Panel, window: Window, scale: dict[str, Any], body: _Body) -> dict[str, Any]:
    value = panel.value
    described: dict[str, Any] = {
        "title": _short(panel.title),
        "note": _short(panel.note),
        "role": panel.role,
        "footer": panel.footer[:LONGEST_LINE],
        "dtype": str(value.dtype).removeprefix("torch."),
        "rows": window.rows,
        "columns": window.columns,
        "axes": [
            {
                "symbol": symbol,
                "key": span.key,
                "size": span.size,
                "start": span.start,
                "count": span.count,
                "labels": _labels(labels, window, axis),
                "byRow": _by_row(labels),
            }
            for axis, (symbol, span, labels) in enumerate(zip(panel.axes, window.spans, panel.labels, strict=True))
        ],
        "scale": scale,
        "values": None,
        "masked": None,
        "hatched": panel.hatched,
    }
    if value.is_meta:
        return described  # a shape without numbers
    part = numbers_in(value, window)
    described["values"] = body.add(*part)
    if panel.masked is not None:
        mask = panel.masked.detach().expand(value.shape)[window.slices]
        described["masked"] = body.add(mask.cpu().contiguous().numpy().astype("uint8"), "u1")
    return described


def _by_row(labels: AxisLabels) -> bool:
    return labels is not None and len(labels) > 0 and not isinstance(labels[0], str)


def _labels(labels: AxisLabels, window: Window, axis: int) -> Any:
    """The labels of the positions sent; for labels by row, a list of them for each index of axis 0 that is sent."""
    if labels is None or not len(labels):
        return None
    span, first = window.spans[axis], window.spans[0]
    if not _by_row(labels):
        return _texts(labels[span.start : span.start + span.count])
    by_row = labels[first.start : first.start + first.count]
    return [_texts(row[span.start : span.start + span.count]) for row in by_row]


def _texts(labels: Sequence[Any]) -> list[str]:
    return [_short(str(label)) for label in labels]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_LABEL else text[: LONGEST_LABEL - 1] + "…"


def _controls(panels: Sequence[Panel], chosen: Sequence[Window]) -> list[dict[str, Any]]:
    """One control for each axis of which something is left out, in the order the axes appear."""
    controls: dict[str, dict[str, Any]] = {}
    for panel, window in zip(panels, chosen, strict=True):
        for axis, (symbol, span) in enumerate(zip(panel.axes, window.spans, strict=True)):
            if span.whole or not span.count:
                continue
            control = controls.setdefault(
                span.key,
                {"key": span.key, "symbol": symbol, "size": span.size, "start": 0, "count": 0, "parts": [], "in": []},
            )
            control["size"] = max(control["size"], span.size)
            if span.count > control["count"]:  # pages are as long as the longest window of this axis
                control["count"], control["start"] = span.count, span.start
            part = "" if axis in window.facets else "columns" if axis == len(window.spans) - 1 else "rows"
            control["parts"] = sorted({*control["parts"], part})
            if panel.title not in control["in"]:
                control["in"].append(_short(panel.title))
    return list(controls.values())


def _operation(operation: OperationCard) -> dict[str, Any]:
    formula = operation.formula
    runs = [(formula, "")] if isinstance(formula, str) else [(text, style) for text, style in formula]
    return {
        "title": _short(operation.title),
        "formula": runs,
        "code": operation.code[:LONGEST_TEXT],
        "mark": operation.mark,
        "facts": [(name, str(fact)[:LONGEST_LINE]) for name, fact in operation.facts],
        "badges": [(badge.label, badge.holds, badge.detail) for badge in operation.badges],
        "objections": [sentence[:LONGEST_LINE] for sentence in operation.objections],
        "why": operation.why[:LONGEST_TEXT],
        "folded": [(name, str(fact)[:LONGEST_LINE]) for name, fact in operation.folded],
        "lab": operation.lab,
        "inside": None if operation.inside is None else asdict(operation.inside),
    }


def _glossary(panels: Sequence[Panel], operation: OperationCard | None) -> dict[str, Any]:
    """Name, meaning and colours of every axis symbol that a tensor has or a comment in the code names."""
    symbols = {symbol for panel in panels for symbol in panel.axes if symbol is not None}
    if operation is not None:
        comments = [line.partition("#")[2] for line in operation.code.splitlines()]
        symbols |= {word for comment in comments for word in _SYMBOL.findall(comment) if word in palette.AXIS}
    return {
        symbol: {
            "name": glossary(symbol).name,
            "meaning": glossary(symbol).meaning,
            "tones": [_tones(tone) for tone in palette.axis_tones(symbol)],
            "tone": [palette.axis_colour(symbol), palette.axis_colour(symbol, dark=True)],
        }
        for symbol in sorted(symbols)
    }


def _tones(tone: palette.Tone) -> list[str]:
    return [tone.light, tone.dark]
