"""A trace as CSV: one table of its steps, one of every number in them, and a slice as the matrix on the screen.

Both tables are UTF-8 with ``\\n`` line ends. Texts that a spreadsheet would run as a formula begin with an apostrophe;
numbers never do. What the columns of ``steps.csv`` say stands in ``engine.export.step_columns``; ``is_view`` and
``is_contiguous`` are True or False there, and what is unknown is an empty cell.

In ``values.csv`` the last axis runs fastest, as in memory. A value is the shortest text that reads back as the same
number of its dtype (with pandas before 3.1, float64 needs ``read_csv(..., float_precision="round_trip")``). float16
and bfloat16 are widened, booleans are 1 and 0. A tensor without numbers of its own (meta, sparse, quantized) has no
rows, nor has one whose memory was written to after the recording.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from typing import BinaryIO

import torch
from torch import Tensor

from engine.export.cells import as_numpy, cell, number_lines, row, text_of
from engine.export.step_columns import COLUMNS
from engine.export.values_csv import depth_of, has_numbers, row_start, rows_of, value_columns
from engine.record.trace import Step

SPREADSHEET_ROWS = 1_048_576
"""How many rows Excel and LibreOffice open, the header among them; the rest is left out."""

Progress = Callable[[int, int], None]

_SAMPLE = 256


def write_steps(steps: Iterable[Step], file: BinaryIO) -> None:
    """Writes steps.csv: one row a step, with the columns of ``engine.export.step_columns``.

    Args:
        steps: the steps of a trace, or some of them.
        file: open for writing bytes.
    """
    file.write(row(*COLUMNS))
    for step in steps:
        file.write(row(*(column(step) for column in COLUMNS.values())))


def write_values(steps: Sequence[Step], file: BinaryIO, progress: Progress | None = None) -> None:
    """Writes values.csv: one row an element, with as many index columns as the deepest of these steps has axes.

    Args:
        steps: the steps of a trace, or some of them.
        file: open for writing bytes.
        progress: called with the rows written so far and those there will be.
    """
    done, total = 0, values_rows(steps)
    file.write(row(*value_columns(depth_of(steps))))
    for rows, text in rows_of(steps):
        file.write(text)
        done += rows
        if progress:
            progress(done, total)


def write_tensor(step: Step, file: BinaryIO) -> None:
    """Writes one tensor in the long form of values.csv."""
    write_values((step,), file)


def write_matrix(
    matrix: Tensor, row_labels: Sequence[str] | None, column_labels: Sequence[str] | None, file: BinaryIO
) -> None:
    """Writes a 2-D tensor as it is seen: the labels of its columns on top, that of a row in front of it.

    Args:
        matrix: (rows, columns), of any dtype.
        row_labels, column_labels: what stands along each axis; labels may repeat. Without them, the indices.
        file: open for writing bytes.

    Raises:
        ValueError: there are more or fewer labels than rows or columns.
    """
    height, width = matrix.shape
    file.write(row("", *_labels(column_labels, width)))
    for label, numbers in zip(_labels(row_labels, height), matrix, strict=True):
        *texts, _ = bytes(text_of(number_lines(as_numpy(numbers)))).split(b"\n")
        file.write(b",".join([cell(label).encode(), *texts]) + b"\n")


def csv_bytes(write: Callable[[BinaryIO], None]) -> bytes:
    """What a writer would put into a file: ``csv_bytes(lambda file: write_values(steps, file))``.

    Args:
        write: writes into the file it is given.

    Returns:
        All that it wrote.
    """
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def values_rows(steps: Iterable[Step]) -> int:
    """How many rows values.csv will have, its header not counted."""
    return sum(step.value.numel() for step in steps if has_numbers(step))


def estimated_bytes(steps: Sequence[Step]) -> int:
    """About how large values.csv will be, without writing it.

    Args:
        steps: the steps of a trace, or some of them.

    Returns:
        Bytes. The indices are counted exactly, the numbers estimated from a sample of each tensor.
    """
    depth = depth_of(steps)
    total = len(row(*value_columns(depth)))
    for step in steps:
        numel = step.value.numel()
        if numel == 0 or not has_numbers(step):
            continue
        sample = number_lines(as_numpy(_sample(step.value)))
        values = round(numel * len(text_of(sample)) / len(sample))
        indices = numel * depth + sum(numel // size * _digits_below(size) for size in step.shape)
        total += numel * len(row_start(step).encode()) + indices + values
    return total


def _digits_below(size: int) -> int:
    """How many digits the numbers 0 … size − 1 have together."""
    return size + sum(size - 10**power for power in range(1, len(str(size))) if size > 10**power)


def _sample(value: Tensor) -> Tensor:
    if value.numel() <= _SAMPLE:
        return value
    # Multiples of the golden ratio are spread evenly over every axis; every hundredth element might all lie in one row.
    indices = (torch.arange(_SAMPLE, dtype=torch.float64) * 0.6180339887498949 % 1 * value.numel()).long()
    return value[torch.unravel_index(indices, value.shape)]


def _labels(labels: Sequence[str] | None, length: int) -> Sequence[str | int]:
    if labels is None:
        return range(length)
    if len(labels) != length:
        raise ValueError(f"each row and column needs its label: {len(labels)} given for {length}")
    return labels
