"""A trace as CSV: one table of its steps, one of every number in them, and a slice as the matrix on the screen.

Both tables are UTF-8 with ``\\n`` line ends. Texts that a spreadsheet would run as a formula begin with an apostrophe;
numbers never do. In ``steps.csv``:

- ``axes``, ``shape`` and ``stride`` are written like Python tuples, ``(B, H, S, d_k)`` and ``(2, 4, 5, 8)``, an axis
  of no known name as ``?``; ``ast.literal_eval`` reads the last two.
- ``is_view`` and ``is_contiguous`` are True or False; ``flops`` is empty where unknown.
- ``min``, ``max``, ``mean`` and ``std`` are over the finite elements, and empty where there are none.
- ``file`` is relative to the folder that holds ``engine``, where it lies inside it.
- ``parents`` are joined by ``; ``: a step as ``#`` and its index, a parameter or input by its name, any other argument
  as it was written in the call. ``#12; encoder.layers.0.self_attention.w_q.weight; dim=-1``

In ``values.csv`` the last axis runs fastest, as in memory. A value is the shortest text that reads back as the same
number of its dtype; float64 needs ``pandas.read_csv(..., float_precision="round_trip")``. float16 and bfloat16 are
widened, booleans are 1 and 0. A tensor without numbers of its own (meta, sparse, quantized) has no rows.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.csv_text import cell, number_lines, plain, row, text_of
from engine.trace import Leaf, Step, memory_of

SPREADSHEET_ROWS = 1_048_576
"""How many rows Excel and LibreOffice open, the header among them; the rest is left out."""

STEP_COLUMNS = (
    *("step", "path", "name", "op", "axes", "shape", "stride", "dtype", "device", "is_view", "is_contiguous"),
    *("numel", "bytes", "flops", "min", "max", "mean", "std", "nan", "inf", "expression", "file", "line", "parents"),
)

Progress = Callable[[int, int], None]

_PROJECT = Path(__file__).resolve().parent.parent
_PIECE = 2**15  # elements made into text at once: the working memory stays in the processor's cache
_SAMPLE = 256


def write_steps(steps: Iterable[Step], file: BinaryIO) -> None:
    """Writes steps.csv: one row a step."""
    file.write(row(*STEP_COLUMNS))
    for step in steps:
        file.write(_step_row(step))


def write_values(steps: Sequence[Step], file: BinaryIO, progress: Progress | None = None) -> None:
    """Writes values.csv: one row an element, with as many index columns as the deepest of these steps has axes.

    ``progress`` is called with the rows written so far and those there will be.
    """
    done, total = 0, values_rows(steps)
    file.write(row(*_value_columns(_depth(steps))))
    for batch in _batches(_parts(steps)):
        file.write(_text(batch))
        done += sum(len(part.numbers) for part in batch)
        if progress:
            progress(done, total)


def write_tensor(step: Step, file: BinaryIO) -> None:
    """Writes one tensor in the long form of values.csv."""
    write_values((step,), file)


def write_matrix(
    matrix: Tensor, row_labels: Sequence[str] | None, column_labels: Sequence[str] | None, file: BinaryIO
) -> None:
    """Writes a 2-D tensor as it is seen: the labels of its columns on top, that of a row in front of it.

    Labels may repeat. Without any, the indices stand in their place.
    """
    height, width = matrix.shape
    file.write(row("", *_labels(column_labels, width)))
    for label, numbers in zip(_labels(row_labels, height), matrix, strict=True):
        *texts, _ = bytes(text_of(number_lines(plain(numbers)))).split(b"\n")
        file.write(b",".join([cell(label).encode(), *texts]) + b"\n")


def csv_bytes(write: Callable[[BinaryIO], None]) -> bytes:
    """What a writer would put into a file: ``csv_bytes(lambda file: write_values(steps, file))``."""
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def values_rows(steps: Iterable[Step]) -> int:
    """The rows of values.csv, its header not counted."""
    return sum(step.value.numel() for step in steps if _has_numbers(step.value))


def estimated_bytes(steps: Sequence[Step]) -> int:
    """About how large values.csv will be. The indices are counted exactly, the numbers judged by a sample of them."""
    depth = _depth(steps)
    total = len(row(*_value_columns(depth)))
    for step in steps:
        numel = step.value.numel()
        if numel == 0 or not _has_numbers(step.value):
            continue
        sample = number_lines(plain(_sample(step.value)))
        values = round(numel * len(text_of(sample)) / len(sample))
        indices = numel * depth + sum(numel // size * _digits_below(size) for size in step.shape)
        total += numel * len(_head(step).encode()) + indices + values
    return total


def _step_row(step: Step) -> bytes:
    statistics = step.statistics
    source = step.source
    return row(
        step.index,
        step.path,
        step.name,
        step.op,
        _tuple(axis or "?" for axis in step.axes),
        _tuple(step.shape),
        _tuple(step.stride),
        str(step.dtype).removeprefix("torch."),
        str(step.device),
        step.is_view,
        step.is_contiguous,
        step.value.numel(),
        step.nbytes,
        step.flops,
        *(statistics.min, statistics.max, statistics.mean, statistics.std, statistics.nan, statistics.inf),
        *((source.expression, _shown_path(source.file), source.line) if source else (None, None, None)),
        "; ".join(map(_parent, step.parents)),
    )


def _tuple(items: Iterable[object]) -> str:
    words = [str(item) for item in items]
    return f"({words[0]},)" if len(words) == 1 else f"({', '.join(words)})"


def _shown_path(file: str) -> str:
    path = Path(file)
    return path.relative_to(_PROJECT).as_posix() if path.is_relative_to(_PROJECT) else file


def _parent(parent: Step | Leaf) -> str:
    if isinstance(parent, Step):
        return f"#{parent.index}"
    try:
        return str(parent)
    except Exception:  # somebody else's __repr__
        return type(parent.value).__name__


def _value_columns(depth: int) -> tuple[str, ...]:
    return ("step", "name", *(f"i{axis}" for axis in range(depth)), "value")


def _depth(steps: Iterable[Step]) -> int:
    return max((len(step.shape) for step in steps), default=0)


def _has_numbers(value: Tensor) -> bool:
    grid = value.layout == torch.strided and not value.is_quantized
    return grid and not value.is_meta and memory_of(value) is not None


def _head(step: Step) -> str:
    return f"{step.index},{cell(step.name)},"


@dataclass(frozen=True)
class _Part:
    """Consecutive rows of values.csv: what they all begin with, the text of their indices, and their values."""

    head: str
    indices: pa.StringArray
    numbers: NDArray[Any]


def _parts(steps: Sequence[Step]) -> Iterator[_Part]:
    depth = _depth(steps)
    for step in steps:
        if step.value.numel() and _has_numbers(step.value):
            head = _head(step)
            for lead, start, piece in _pieces(step.value):
                indices = _index_texts(start, tuple(piece.shape), depth - len(step.shape))
                yield _Part(head + "".join(f"{index}," for index in lead), indices, plain(piece))


def _batches(parts: Iterable[_Part]) -> Iterator[list[_Part]]:
    """Neighbouring parts of one dtype put together: making a text costs as much for ten numbers as for a thousand."""
    batch: list[_Part] = []
    rows = 0
    for part in parts:
        if batch and (rows + len(part.numbers) > _PIECE or part.numbers.dtype != batch[0].numbers.dtype):
            yield batch
            batch, rows = [], 0
        batch.append(part)
        rows += len(part.numbers)
    if batch:
        yield batch


def _text(batch: Sequence[_Part]) -> memoryview:
    lengths = [len(part.numbers) for part in batch]
    heads = pa.array([part.head for part in batch])
    # One head stands for every row as it is; several are repeated, each for the rows of its part.
    heads = heads[0] if len(batch) == 1 else heads.take(pa.array(np.repeat(np.arange(len(batch)), lengths)))
    indices = pa.concat_arrays([part.indices for part in batch])
    numbers = number_lines(np.concatenate([part.numbers for part in batch]))
    return text_of(pc.binary_join_element_wise(heads, indices, numbers, ""))


def _pieces(value: Tensor) -> Iterator[tuple[tuple[int, ...], int, Tensor]]:
    """The tensor in parts of at most ``_PIECE`` elements, each a view: the index of its first axes, where it begins
    along the next one, and the part. Copying the whole would double the memory of one that is not contiguous."""
    whole, inside = value.dim(), 1
    while whole and inside * value.shape[whole - 1] <= _PIECE:
        whole -= 1
        inside *= value.shape[whole]
    if whole == 0:
        yield (), 0, value
        return
    cut, length = whole - 1, _PIECE // inside
    for lead in itertools.product(*map(range, value.shape[:cut])):
        for start in range(0, value.shape[cut], length):
            yield lead, start, value[lead][start : start + length]


@lru_cache(maxsize=64)
def _index_texts(start: int, shape: tuple[int, ...], empty: int) -> pa.StringArray:
    """``3,0,7,`` for every element of a part, and a comma for each axis it has not. Kept, because the parts of a
    trace's tensors share a few shapes."""
    if not shape:
        return pa.array(["," * empty])
    inner = _index_texts(0, shape[1:], empty)
    outer = pa.array(np.arange(start, start + shape[0])).cast(pa.string())
    outer_of_each = pa.array(np.repeat(np.arange(len(outer), dtype=np.int32), len(inner)))
    inner_of_each = pa.array(np.tile(np.arange(len(inner), dtype=np.int32), len(outer)))
    return pc.binary_join_element_wise(outer.take(outer_of_each), inner.take(inner_of_each), ",")


def _digits_below(size: int) -> int:
    """How many digits the numbers 0 … size − 1 have together."""
    return size + sum(size - 10**power for power in range(1, len(str(size))) if size > 10**power)


def _sample(value: Tensor) -> Tensor:
    if value.numel() <= _SAMPLE:
        return value
    # Multiples of the golden ratio spread evenly and fall into step with no axis, as every hundredth element might.
    places = (torch.arange(_SAMPLE, dtype=torch.float64) * 0.6180339887498949 % 1 * value.numel()).long()
    return value[torch.unravel_index(places, value.shape)]


def _labels(labels: Sequence[str] | None, length: int) -> Sequence[str | int]:
    if labels is None:
        return range(length)
    if len(labels) != length:
        raise ValueError(f"each row and column needs its label: {len(labels)} given for {length}")
    return labels
