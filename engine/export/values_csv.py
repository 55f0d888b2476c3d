"""The rows of values.csv: the numbers of many tensors as text, a bounded piece at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.export.cells import as_numpy, cell, number_lines, text_of
from engine.ops.numerics import memory_of
from engine.record.trace import Step

# Elements made into text at once. The working memory stays in the processor's cache, and in blocks that the C library
# uses again; larger ones go back to the system each time, and what comes next pays for every page of new ones.
_PIECE = 2**14


def value_columns(depth: int) -> tuple[str, ...]:
    """The header of values.csv."""
    return ("step", "name", *(f"i{axis}" for axis in range(depth)), "value")


def depth_of(steps: Iterable[Step]) -> int:
    """How many axes the deepest of these steps has."""
    return max((len(step.shape) for step in steps), default=0)


def has_numbers(step: Step) -> bool:
    """Whether a step's tensor is a plain grid of numbers that are those of then: in memory, and not overwritten since.

    Sparse and quantized tensors and those on the meta device are none.
    """
    value = step.value
    grid = value.layout == torch.strided and not value.is_quantized
    return grid and not value.is_meta and memory_of(value) is not None and step.unreadable is None


def row_start(step: Step) -> str:
    """What every row of this step begins with."""
    return f"{step.index},{cell(step.name)},"


def rows_of(steps: Sequence[Step]) -> Iterator[tuple[int, memoryview]]:
    """The rows of values.csv of these steps, in order, a bounded piece at a time.

    Args:
        steps: the steps of a trace, or some of them.

    Yields:
        How many rows there are in a piece, and their text.
    """
    for batch in _batches(_parts(steps)):
        yield sum(len(part.numbers) for part in batch), text_of(_rows(batch))


@dataclass(frozen=True)
class _Part:
    """Consecutive rows of values.csv: what they all begin with, the text of their indices, and their values."""

    row_start: str
    indices: pa.StringArray
    numbers: NDArray[Any]


def _parts(steps: Sequence[Step]) -> Iterator[_Part]:
    depth = depth_of(steps)
    for step in steps:
        if step.value.numel() and has_numbers(step):
            start_of_row = row_start(step)
            for lead, start, piece in _pieces(step.value):
                indices = _index_texts(start, tuple(piece.shape), depth - len(step.shape))
                yield _Part(start_of_row + "".join(f"{index}," for index in lead), indices, as_numpy(piece))


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


def _rows(batch: Sequence[_Part]) -> pa.StringArray:
    lengths = [len(part.numbers) for part in batch]
    heads = pa.array([part.row_start for part in batch])
    # One head stands for every row as it is; several are repeated, each for the rows of its part.
    heads = heads[0] if len(batch) == 1 else heads.take(pa.array(np.repeat(np.arange(len(batch)), lengths)))
    indices = pa.concat_arrays([part.indices for part in batch])
    return pc.binary_join_element_wise(
        heads, indices, number_lines(np.concatenate([part.numbers for part in batch])), ""
    )


def _pieces(value: Tensor) -> Iterator[tuple[tuple[int, ...], int, Tensor]]:
    """The tensor in parts of at most ``_PIECE`` elements, each a view.

    Yields the index of a part along the first axes, where it begins along the next one, and the part. Copying the whole
    would double the memory of a tensor that is not contiguous.
    """
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


@lru_cache(maxsize=128)
def _index_texts(start: int, shape: tuple[int, ...], empty: int) -> pa.StringArray:
    """``3,0,7,`` for every element of a part, and a comma for each axis that the deepest tensor has and it has not.

    Kept, because the parts of a trace's tensors share a few shapes: 86 in the default model, counting those inside
    others.
    """
    if not shape:
        return pa.array(["," * empty])
    inner = _index_texts(0, shape[1:], empty)
    outer = pa.array(np.arange(start, start + shape[0])).cast(pa.string())
    outer_of_each = pa.array(np.repeat(np.arange(len(outer), dtype=np.int32), len(inner)))
    inner_of_each = pa.array(np.tile(np.arange(len(inner), dtype=np.int32), len(outer)))
    return pc.binary_join_element_wise(outer.take(outer_of_each), inner.take(inner_of_each), ",")
