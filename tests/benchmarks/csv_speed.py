"""How fast tensors become values.csv, and with how much memory, beside other writers of the same rows."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import torch

from engine import Config, Step, record, run
from engine.export.cells import text_of
from engine.export.csv_tables import write_values
from tests.benchmarks import resident
from tests.benchmarks.apart import Apart
from tests.benchmarks.interleaved import Times, UnableError, interleaved
from tests.benchmarks.table import Goal, Row, Section, at_least, at_most, megabytes, milliseconds, ratio

PACKAGES = ("pandas", "pyarrow", "polars", "orjson", "numpy")
Columns = dict[str, Any]


def _columns(steps: Sequence[Step]) -> Iterator[Columns]:
    """The columns of values.csv, a step at a time, for writers that take a table."""
    depth = max(len(step.shape) for step in steps)
    for step in steps:
        axes = [axis.reshape(-1) for axis in np.indices(step.shape, np.int32)]
        missing = [np.full(step.value.numel(), "")] * (depth - len(axes))
        indices = {f"i{number}": axis for number, axis in enumerate((*axes, *missing))}
        yield {"step": step.index, "name": step.name, **indices, "value": step.value.reshape(-1).numpy()}


def _ours(steps: Sequence[Step], path: Path) -> None:
    with path.open("wb") as file:
        write_values(steps, file)


def _pandas(steps: Sequence[Step], path: Path) -> None:
    import pandas as pd

    with path.open("w", encoding="utf-8", newline="") as file:
        for place, columns in enumerate(_columns(steps)):
            pd.DataFrame(columns).to_csv(file, header=not place, index=False)


def _pyarrow(steps: Sequence[Step], path: Path) -> None:
    from pyarrow import csv

    with path.open("wb") as file:
        for place, columns in enumerate(_columns(steps)):
            rows = len(columns["value"])
            whole = {
                name: pa.array(column) if isinstance(column, np.ndarray) else pa.repeat(column, rows)
                for name, column in columns.items()
            }
            csv.write_csv(pa.table(whole), file, csv.WriteOptions(include_header=not place, quoting_style="needed"))


def _polars(steps: Sequence[Step], path: Path) -> None:
    import polars as pl

    with path.open("wb") as file:
        for place, columns in enumerate(_columns(steps)):
            pl.DataFrame(columns).write_csv(file, include_header=not place)


OURS, PANDAS = "this project", "pandas"
RAW, TOOLS = "floor: the same bytes, ready", "floor: orjson's print and pyarrow's join, the rest ready"
WRITERS: Mapping[str, Callable[[Sequence[Step], Path], None]] = {
    OURS: _ours,
    PANDAS: _pandas,
    "pyarrow": _pyarrow,
    "polars": _polars,
}


def _tools(step: Step) -> Callable[[Sequence[Step], Path], None]:
    """Only what this project leaves to others: printing each number, joining it to its indices, writing the rows."""
    indices = [",".join(map(str, index)) + "," for index in itertools.product(*map(range, step.shape))]
    numbers = step.value.reshape(-1).numpy()
    texts = [f"{number}\n" for number in numbers]
    pieces = [slice(start, start + 2**14) for start in range(0, len(numbers), 2**14)]
    ready = [(numbers[piece], pa.array(indices[piece]), pa.array(texts[piece])) for piece in pieces]

    def write(steps: Sequence[Step], path: Path) -> None:
        with path.open("wb") as file:
            for values, places, lines in ready:
                orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)
                file.write(text_of(pc.binary_join_element_wise(f"{step.index},{step.name},", places, lines, "")))

    return write


def _tensor(*shape: int) -> tuple[Step, ...]:
    return record(torch.clone, torch.randn(shape, generator=torch.Generator().manual_seed(0))).steps


_LIMIT = (
    "The floor of orjson and pyarrow is what printing each number and joining it to its indices takes by itself, with "
    "everything else ready: no writer that leaves these two to them can be faster."
)
SMALL = "(10, 8, 20, 20)"
CASES: Mapping[str, tuple[Callable[[], tuple[Step, ...]], int]] = {
    SMALL: (partial(_tensor, 10, 8, 20, 20), 9),
    "(8, 16, 256, 256)": (partial(_tensor, 8, 16, 256, 256), 2),
    "every step of the default model": (lambda: run(Config(device="cpu")).steps, 5),
}


class Writing:
    """One writer in its process, and one case."""

    def __init__(self, writer: str, case: str) -> None:
        if writer in WRITERS and writer != OURS and find_spec(writer) is None:
            raise UnableError(f"{writer} is not installed")
        self._folder = tempfile.TemporaryDirectory()
        self.path = Path(self._folder.name) / "values.csv"
        self.steps = CASES[case][0]()
        self.extra: int | None = None
        if writer == RAW:
            _ours(self.steps, self.path)
            data = self.path.read_bytes()
            self.write = lambda steps, path: path.write_bytes(data)
        elif writer == TOOLS:
            self.write = _tools(self.steps[0])
            self.write(self.steps, self.path)
        else:
            self.write = WRITERS[writer]
        self.write(_tensor(2, 3), self.path)  # imports and threads are no part of writing

    def turn(self) -> float:
        self.path.unlink()  # freeing the last round's file is no part of writing this one
        first = resident.KNOWN and self.extra is None
        before = resident.settled() if first else 0
        if first:
            resident.forget_peak()
        start = time.perf_counter()
        self.write(self.steps, self.path)
        seconds = time.perf_counter() - start
        if first:  # later a writer finds what it kept from the time before
            self.extra = max(resident.peak() - before, 0)
        return seconds

    def result(self) -> tuple[int, int | None]:
        """The file's bytes, and the most memory taken while the first one was written, beyond what was there."""
        return self.path.stat().st_size, self.extra

    def done(self) -> None:
        self._folder.cleanup()


def section(rounds: int | None, device: str, only: Sequence[str] = tuple(CASES)) -> Section:
    """The same on every ``device``: what is written lies in the computer's memory."""
    rows: list[Row] = []
    extra: dict[str, int | None] = {}
    for case in only:
        names = (*WRITERS, *([TOOLS] if case == SMALL else []), RAW)
        with ExitStack() as processes:
            writers = {name: processes.enter_context(Apart(Writing, name, case)) for name in names}
            times = interleaved(
                {name: partial(apart.ask, "turn") for name, apart in writers.items()}, rounds or CASES[case][1]
            )
            results = {name: writers[name].ask("result") for name in times.seconds}
            for name in times.seconds:
                writers[name].ask("done")
        extra[case] = results[OURS][1] if OURS in results else None
        rows += [
            Row((case, name, f"skipped: {times.unable[name]}", "", "", ""))
            if name in times.unable
            else _row(case, name, times, results, extra)
            for name in writers
        ]
    return Section(
        "CSV",
        "The same rows written to a file on the same disk, each writer in a process of its own: this many times as "
        "fast as pandas. Extra memory is the most its process took beyond the tensor itself.",
        ("tensor", "writer", "× pandas", "MB/s", "time", "extra memory"),
        rows,
        [_LIMIT],
    )


def _row(
    case: str,
    name: str,
    times: Times,
    results: Mapping[str, tuple[int, int | None]],
    extra: Mapping[str, int | None],
) -> Row:
    nbytes, more = results[name]
    took = times.spread(name).median
    faster = times.ratio(PANDAS, name) if PANDAS in times.seconds else None
    goals: list[Goal] = []
    if name == OURS and faster:
        goals.append(at_least("× pandas", faster.median, 20))
    small = extra.get(SMALL)
    if name == OURS and case == "(8, 16, 256, 256)" and more is not None and small is not None:
        # A page more or less is no growth.
        goals.append(at_most("extra memory − that of the small tensor", round((more - small) / 1e6, 1), 1, " MB"))
    said = "" if more is None else megabytes(more)
    speed = f"{nbytes / took / 1e6:.0f}"
    return Row((case, name, ratio(faster) if faster else "", speed, milliseconds(took), said), goals)
