"""Which part of each tensor of a stage is sent to the browser.

The last two axes of a tensor are a block of rows and columns; the leading axes lay blocks out as facets, in rows and
columns again. An axis that is too long for that is shown as a window: `count` positions from `start`.

Axes that mean the same positions in several tensors carry the same key, so choosing head 3 shows head 3 everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, prod

from engine.ops.access import AccessMap, NoAccess

Reads = Sequence[AccessMap]  # one for each tensor but the last, which reads them

MOST_CELLS_DOWN, MOST_CELLS_ACROSS = 64, 128  # of one block
LARGEST_BLOCK = 64 * 64
MOST_ROWS, MOST_COLUMNS = 4, 8  # of facets
TALLEST, WIDEST = 64, 80  # cells that all rows, and all columns, of facets have together, in a stage
LABEL_CELLS = 14  # what the labels above a row of facets take, where each row has its own


@dataclass(frozen=True)
class Span:
    """One axis of one tensor: which positions of it are sent.

    Attributes:
        key: what the axis is called in a selection.
        size: of the axis.
        start, count: the first position, and how many.
    """

    key: str
    size: int
    start: int
    count: int

    @property
    def whole(self) -> bool:
        """Whether every position is sent."""
        return self.count == self.size


@dataclass(frozen=True)
class Window:
    """One tensor: the positions sent of each axis, and which leading axes run down and across the facets."""

    spans: tuple[Span, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]

    @property
    def cells(self) -> int:
        """How many elements are sent."""
        return prod(span.count for span in self.spans)

    @property
    def facets(self) -> tuple[int, ...]:
        """The leading axes, which lay the blocks out."""
        return self.rows + self.columns

    @property
    def slices(self) -> tuple[slice, ...]:
        """What takes the window out of the tensor."""
        return tuple(slice(span.start, span.start + span.count) for span in self.spans)


@dataclass(frozen=True)
class Subject:
    """What the windows depend on, of one tensor.

    Attributes:
        shape: its sizes.
        axes: the symbols of its axes, None where one is unknown.
        labelled_by_row: whether the labels differ along axis 0.
        bytes_per_cell: of a number, as it is sent.
    """

    shape: tuple[int, ...]
    axes: tuple[str | None, ...]
    labelled_by_row: bool = False  # labels differ along axis 0, so axis 0 must run down, not across
    bytes_per_cell: int = 4


def windows(subjects: Sequence[Subject], reads: Reads | None, at: Mapping[str, int], budget: int) -> list[Window]:
    """The window of each tensor of a stage.

    Args:
        subjects: the tensors, the output last.
        reads: an access map for each input; None where they are unknown.
        at: where each axis, by key, begins; the nearest position that works is used.
        budget: the bytes that all windows together may have.

    Returns:
        A window for each tensor, in order.
    """
    keys = axis_keys(subjects, reads)
    room = WIDEST if len(subjects) > 1 else 2 * WIDEST  # a tensor alone has the page's width for itself
    planned = [_plan(subject, names, room) for subject, names in zip(subjects, keys, strict=True)]
    planned = _agree(planned)
    while True:
        sizes = [window.cells * subject.bytes_per_cell for window, subject in zip(planned, subjects, strict=True)]
        if sum(sizes) <= budget:
            break
        largest = max(range(len(sizes)), key=sizes.__getitem__)
        smaller = _shrink(planned[largest])
        if smaller is None:
            break
        planned[largest] = smaller
        planned = _agree(planned)
    return [_placed(window, at) for window in planned]


def axis_keys(subjects: Sequence[Subject], reads: Reads | None) -> list[tuple[str, ...]]:
    """A key for every axis of every tensor; the same key where positions correspond.

    Args:
        subjects: the tensors, the output last.
        reads: an access map for each input; None where they are unknown.

    The output's axes are named by their symbols, the second `S` of a square of scores `S.2`. An input's axis takes the
    name of the output axis it is read along; an axis that is summed away is named by its symbol.
    """
    output = _own_keys(subjects[-1], len(subjects) - 1)
    keys = []
    for number, subject in enumerate(subjects[:-1]):
        read = reads[number] if reads is not None and number < len(reads) else NoAccess()
        keys.append(_input_keys(subject, number, read, subjects[-1], output))
    return [*keys, output]


def _own_keys(subject: Subject, number: int) -> tuple[str, ...]:
    seen: dict[str, int] = {}
    keys = []
    for axis, symbol in enumerate(subject.axes):
        if symbol is None:
            keys.append(f"{number}:{axis}")
            continue
        seen[symbol] = seen.get(symbol, 0) + 1
        keys.append(symbol if seen[symbol] == 1 else f"{symbol}.{seen[symbol]}")
    return tuple(keys)


def _input_keys(
    subject: Subject, number: int, read: AccessMap, out: Subject, output: tuple[str, ...]
) -> tuple[str, ...]:
    own = _own_keys(subject, number)
    keys = []
    for axis, symbol in enumerate(subject.axes):
        along = read.follows.get(axis)
        if axis in read.running:
            keys.append(own[axis] if symbol is None else f"{symbol}.2" if symbol in output else symbol)
        elif along is not None and subject.shape[axis] == out.shape[along]:
            keys.append(output[along])
        else:
            keys.append(own[axis])
    return tuple(keys)


def _plan(subject: Subject, keys: tuple[str, ...], widest: int) -> Window:
    """The window a tensor would have if it were alone and the budget endless."""
    shape, rank = subject.shape, len(subject.shape)
    counts = list(shape)
    height = width = 1
    if rank:
        height, width = _block(shape[-2] if rank > 1 else 1, shape[-1])
        counts[-1] = width
        if rank > 1:
            counts[-2] = height
    rows, columns = _arrange(subject, height, width)
    down = height + (LABEL_CELLS if subject.labelled_by_row else 0)
    for axes, most, room, extent in ((columns, MOST_COLUMNS, widest, width), (rows, MOST_ROWS, TALLEST, down)):
        left = max(1, min(most, room // max(1, extent)))
        for axis in reversed(axes):
            counts[axis] = _even_page(shape[axis], left)
            left = max(1, left // max(1, counts[axis])) if counts[axis] == shape[axis] else 1
    spans = tuple(Span(key, size, 0, count) for key, size, count in zip(keys, shape, counts, strict=True))
    return Window(spans, rows, columns)


def _block(height: int, width: int) -> tuple[int, int]:
    height, width = min(height, MOST_CELLS_DOWN), min(width, MOST_CELLS_ACROSS)
    while height * width > LARGEST_BLOCK:
        if height > width:
            height = ceil(height / 2)
        else:
            width = ceil(width / 2)
    return height, width


def _arrange(subject: Subject, height: int, width: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Which leading axes run down and which across, from the innermost outwards, keeping the whole balanced."""
    rows: list[int] = []
    columns: list[int] = []
    lead = range(len(subject.shape) - 2)
    for axis in reversed(lead):
        size = subject.shape[axis]
        if len(lead) == 2:
            down = axis == 0
        elif axis == 0 and subject.labelled_by_row:
            down = True
        else:
            down = height < width  # a wide block stacks, a square or tall one goes side by side
        (rows if down else columns).insert(0, axis)
        if down:
            height *= size
        else:
            width *= size
    return tuple(rows), tuple(columns)


def _even_page(size: int, most: int) -> int:
    """As many as fit, yet so that pages are equally full: 8 where 6 fit gives pages of 4."""
    return ceil(size / ceil(size / most)) if size else 0


def _agree(planned: list[Window]) -> list[Window]:
    """Axes with the same key and size show the same positions, as far as they play the same part."""
    least: dict[tuple[str, int, bool], int] = {}
    for window in planned:
        for axis, span in enumerate(window.spans):
            part = (span.key, span.size, axis in window.facets)
            least[part] = min(span.count, least.get(part, span.count))
    return [
        replace(
            window,
            spans=tuple(
                replace(span, count=least[span.key, span.size, axis in window.facets])
                for axis, span in enumerate(window.spans)
            ),
        )
        for window in planned
    ]


def _shrink(window: Window) -> Window | None:
    """The window with its longest facet axis halved, or, when one block is left, its longest side."""
    by_count: Callable[[int], int] = lambda axis: window.spans[axis].count  # noqa: E731
    axis = max(window.facets, key=by_count, default=None)
    if axis is None or by_count(axis) <= 1:
        axis = max(range(len(window.spans)), key=by_count, default=None)
    if axis is None or by_count(axis) <= 1:
        return None
    spans = list(window.spans)
    spans[axis] = replace(spans[axis], count=ceil(spans[axis].count / 2))
    return replace(window, spans=tuple(spans))


def _placed(window: Window, at: Mapping[str, int]) -> Window:
    return replace(
        window,
        spans=tuple(
            replace(span, start=min(max(0, at.get(span.key, 0)), max(0, span.size - span.count)))
            for span in window.spans
        ),
    )


def reveal(window: Window, index: Sequence[int], at: Mapping[str, int]) -> dict[str, int]:
    """Where the axes must begin for a cell to be inside a window.

    Args:
        window: the window that is shown now.
        index: the cell, an entry for each axis.
        at: where each axis, by key, begins now.

    Returns:
        The same, with as few axes as possible turned to the cell's page.
    """
    moved = dict(at)
    for span, position in zip(window.spans, index, strict=True):
        if not span.start <= position < span.start + span.count:
            page = position - position % span.count if span.count else 0
            moved[span.key] = min(page, max(0, span.size - span.count))
    return moved
