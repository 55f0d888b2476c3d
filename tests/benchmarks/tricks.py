"""What each trick for speed in export, statistics and graph gains: the same work with it and without it, in turn.

python -m tests.benchmarks.tricks [PART OF A NAME] [--rounds N]

docs/performance.md has a row for each trick, with the figures of one machine.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache, partial
from itertools import product
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from pyarrow import csv

from engine import Config, Step, Trace, record, run
from engine.export import cells, values_csv
from engine.export.csv_tables import write_values
from engine.graph import model_graph, module_paths, timeline
from engine.record import build_steps, gc_pause, statistics
from tests.benchmarks.interleaved import Turn, interleaved

_ROUNDS = 15
_DEEP = Config(d_model=8, heads=2, encoder_layers=6, decoder_layers=6, device="cpu")


class Trick(NamedTuple):
    """One trick: the work that it is for, and how to do without it."""

    work: Callable[[], object]
    without: Callable[[], Any]


def _written(steps: Sequence[Step]) -> None:
    write_values(steps, io.BytesIO())


@cache
def _tensor(*shape: int) -> tuple[Step, ...]:
    return record(torch.clone, torch.randn(shape, generator=torch.Generator().manual_seed(0))).steps


@cache
def _model() -> Trace:
    return run(Config(device="cpu"))


@cache
def _large_model() -> Trace:
    sizes = {"d_model": 512, "heads": 8, "encoder_layers": 6, "decoder_layers": 6}
    return run(Config(batch=10, src_len=20, tgt_len=20, device="cpu", **sizes))


def _arrow_lines(numbers: np.ndarray) -> pa.StringArray:
    """Arrow's own text of each number, in the place of orjson's."""
    texts = pc.cast(pa.array(numbers), pa.string())
    return pc.binary_join_element_wise(texts, "\n", "")


def _arrow_csv(steps: Sequence[Step]) -> Iterator[tuple[int, memoryview]]:
    """values.csv by pyarrow's own writer, a piece at a time."""
    depth = values_csv.depth_of(steps)
    options = csv.WriteOptions(include_header=False, quoting_style="needed")
    for step in steps:
        for lead, start, piece in values_csv._pieces(step.value):
            axes = [axis.reshape(-1) for axis in np.indices(tuple(piece.shape), np.int32)]
            if axes:
                axes[0] = axes[0] + start
            count = piece.numel()
            columns = [step.index, step.name, *lead, *axes, *[""] * (depth - len(lead) - len(axes))]
            arrays = [pa.array(c) if isinstance(c, np.ndarray) else pa.repeat(c, count) for c in columns]
            arrays.append(pa.array(cells.as_numpy(piece)))
            file = io.BytesIO()
            csv.write_csv(pa.table(arrays, names=[str(n) for n in range(len(arrays))]), file, options)
            yield count, file.getbuffer()


def _statistics_of(tensors: Sequence[torch.Tensor]) -> None:
    for tensor in tensors:
        statistics.statistics(tensor)


def _copied(numbers: torch.Tensor) -> torch.Tensor:
    return numbers.reshape(-1)


def _resolved() -> None:
    run(_DEEP).steps  # noqa: B018  the steps are worked out when first asked for


def _levels_of_all() -> None:
    trace = _model()
    for step in trace.steps[::10]:
        timeline.levels(trace, step)


@contextmanager
def _without_maps() -> Iterator[None]:
    class Forgetful(dict):  # type: ignore[type-arg]
        def get(self, *_: object) -> None:
            return None

    with patch.object(timeline, "_trace_maps", Forgetful()):
        yield


@contextmanager
def _uncached_paths() -> Iterator[None]:
    plain = module_paths.ancestors.__wrapped__
    with patch.object(model_graph, "ancestors", plain):
        yield


def _patched(owner: object, name: str, value: object) -> Callable[[], Any]:
    return lambda: patch.object(owner, name, value)


SMALL, LARGE = (10, 8, 20, 20), (8, 16, 256, 256)
TRICKS: Mapping[str, Trick] = {
    "csv text: orjson and join, not pyarrow.csv, one tensor": Trick(
        lambda: _written(_tensor(*SMALL)), lambda: patch("engine.export.csv_tables.rows_of", _arrow_csv)
    ),
    "csv text: orjson and join, not pyarrow.csv, default model": Trick(
        lambda: _written(_model().steps), lambda: patch("engine.export.csv_tables.rows_of", _arrow_csv)
    ),
    "csv numbers: orjson, not Arrow's cast": Trick(
        lambda: _written(_tensor(*SMALL)), _patched(values_csv, "number_lines", _arrow_lines)
    ),
    "csv: small tensors are printed together": Trick(
        lambda: _written(_model().steps), _patched(values_csv, "_batches", lambda parts: ([part] for part in parts))
    ),
    "csv: texts of indices are kept": Trick(
        lambda: _written(_model().steps), _patched(values_csv, "_index_texts", values_csv._index_texts.__wrapped__)
    ),
    "csv: texts of indices are kept, one tensor": Trick(
        lambda: _written(_tensor(4, 16, 128, 128)),
        _patched(values_csv, "_index_texts", values_csv._index_texts.__wrapped__),
    ),
    "csv: pieces of 16,384 numbers, not 1,048,576": Trick(
        lambda: _written(_tensor(4, 16, 128, 128)), _patched(values_csv, "_PIECE", 2**20)
    ),
    "statistics: pieces of 32,768 numbers, not the whole": Trick(
        lambda: _statistics_of([_tensor(*LARGE)[0].value]), _patched(statistics, "_PIECE", 2**40)
    ),
    "statistics: pieces of 32,768 numbers, not the whole, large model": Trick(
        lambda: _statistics_of([step.value for step in _large_model().steps]), _patched(statistics, "_PIECE", 2**40)
    ),
    "statistics: in the order of memory, transposed": Trick(
        lambda: _statistics_of([_tensor(*LARGE)[0].value.transpose(1, 3)]),
        _patched(statistics, "_in_memory_order", _copied),
    ),
    "statistics: one wait for a GPU": Trick(
        lambda: _statistics_of([_tensor(*LARGE)[0].value.cuda()]),
        _patched(statistics, "_at_once", lambda numbers: None),
    ),
    "steps: no cycle collection while they are built": Trick(
        _resolved, _patched(build_steps.gc_pause, "paused", nullcontext)
    ),
    "timeline: the segments of a trace are kept": Trick(_levels_of_all, _without_maps),
    "graph: the modules of a path are kept": Trick(lambda: model_graph.to_dot(_model()), _uncached_paths),
}
assert gc_pause is build_steps.gc_pause


def _turn(trick: Trick, is_on: bool) -> float:
    with nullcontext() if is_on else trick.without():
        start = time.perf_counter()
        trick.work()
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", default="")
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    options = parser.parse_args()
    print("| trick | with | without | without ÷ with |\n|---|---|---|---|")
    for name, trick in TRICKS.items():
        if options.part not in name or ("GPU" in name and not torch.cuda.is_available()):
            continue
        turns: dict[str, Turn] = {text: partial(_turn, trick, is_on) for text, is_on in (("on", True), ("off", False))}
        for is_on, _ in product((True, False), range(2)):
            _turn(trick, is_on)
        times = interleaved(turns, options.rounds)
        gain = times.ratio("off", "on")
        on, off = (1e3 * times.spread(text).median for text in ("on", "off"))
        print(
            f"| {name} | {on:.1f} ms | {off:.1f} ms | {gain.median:.2f} ({gain.low:.2f}–{gain.high:.2f}) |", flush=True
        )


if __name__ == "__main__":
    main()
