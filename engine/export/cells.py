"""Numbers and texts as cells of a CSV file: exact to read back, quick to make, harmless in a spreadsheet."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray
from torch import Tensor

# A spreadsheet takes a cell that begins with one of these for a formula (OWASP, "CSV Injection"); the last four are
# the full-width forms that some of them read as their ASCII twins.
_FORMULA = frozenset("=+-@\t\r\n＝＋－＠")
_QUOTED = frozenset(',"\r\n')
_COMMA, _NEWLINE = b",\n"

# pyarrow looks for pandas when it makes its first array, and swallows a Ctrl-C that falls into that: here nothing is
# being written yet.
pa.array([""])


def row(*values: str | int | float | None) -> bytes:
    """One line of a CSV file: texts quoted and guarded, numbers as Python writes them, None as an empty cell."""
    return (",".join(map(cell, values)) + "\n").encode()


def cell(value: str | int | float | None) -> str:
    """One cell. A text that a spreadsheet would run as a formula gets an apostrophe in front and stays a text."""
    if not isinstance(value, str):
        return "" if value is None else repr(value)
    text = value.encode(errors="backslashreplace").decode()  # a path may hold what UTF-8 cannot
    guarded = f"'{text}" if text[:1] in _FORMULA else text
    return '"' + guarded.replace('"', '""') + '"' if _QUOTED.intersection(guarded) else guarded


def as_numpy(values: Tensor) -> NDArray[Any]:
    """A tensor's elements in one row, the last axis fastest, in a dtype that numpy has.

    Args:
        values: of any shape, dtype and device.

    Returns:
        One axis. bfloat16 and smaller floats are widened to float32, booleans are 1 and 0; both are exact.
    """
    values = values.detach().reshape(-1).cpu().resolve_conj().resolve_neg()
    if values.dtype is torch.bool:
        values = values.to(torch.uint8)
    elif values.dtype is torch.complex32:
        values = values.to(torch.complex64)
    elif values.is_floating_point() and values.dtype not in (torch.float32, torch.float64):
        values = values.float()
    return np.ascontiguousarray(values.numpy())


def number_lines(numbers: NDArray[Any]) -> pa.StringArray:
    """Each number as the shortest text that reads back as the same number, with a newline at its end.

    Args:
        numbers: one axis, as ``as_numpy`` returns it.

    Returns:
        As many texts. Numbers that are not finite are ``NaN``, ``inf`` and ``-inf``; complex ones are what Python's
        ``complex`` reads.
    """
    if np.iscomplexobj(numbers):
        return pa.array([f"{number}\n" for number in numbers.tolist()], pa.string())
    # orjson is the fastest printer here (docs/performance.md), but prints one text, "[0.5,null,2.0]". The commas
    # become the newlines, and an index of where they stand makes it an array of texts without a copy.
    json = orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY)
    text = np.frombuffer(bytearray(json), np.uint8)
    commas = np.flatnonzero(text == _COMMA)
    text[commas] = text[-1] = _NEWLINE
    offsets = np.empty(len(numbers) + 1, np.int32)
    offsets[0], offsets[1:-1], offsets[-1] = 1, commas + 1, len(text)
    lines = pa.StringArray.from_buffers(len(numbers), pa.py_buffer(offsets), pa.py_buffer(text))
    if not np.isfinite(numbers).all():
        for name, is_it in _not_finite(numbers).items():
            lines = pc.if_else(pa.array(is_it), f"{name}\n", lines)
    return lines


def _not_finite(numbers: NDArray[Any]) -> dict[str, NDArray[np.bool_]]:
    """The kinds of numbers that are not finite and where they stand, those that occur."""
    kinds = {"NaN": np.isnan(numbers), "inf": np.isposinf(numbers), "-inf": np.isneginf(numbers)}
    return {name: is_it for name, is_it in kinds.items() if is_it.any()}


def text_of(texts: pa.StringArray) -> memoryview:
    """All texts of an array one after the other, which is how the array keeps them."""
    _, offsets, data = texts.buffers()
    first, last = np.frombuffer(offsets, np.int32)[[texts.offset, texts.offset + len(texts)]]
    return memoryview(data)[first:last]
