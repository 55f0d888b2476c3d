"""What grows with the model and what must not: the cost of a step, resolving it, summing it up, explaining a number."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

import torch
from torch import Tensor

from engine import Config, Trace, explain, record
from engine.record.statistics import statistics
from engine.runtime.forward import build_model, tokenize
from engine.text.tokenizer import MAX_CHARACTERS, Piece, normalise, split
from tests.benchmarks import resident
from tests.benchmarks.apart import Apart
from tests.benchmarks.interleaved import Spread, Times, Turn, interleaved
from tests.benchmarks.peers import Floor, Keeping
from tests.benchmarks.table import Row, Section, at_most, megabytes, milliseconds, ratio

PACKAGES = ("torch",)
LAYERS = (1, 2, 4, 8, 16, 32, 64, 96)
_TINY = Config(batch=1, src_len=4, tgt_len=4, d_model=8, heads=2)
_ROUNDS = 5
_SHAPE = (8, 16, 256, 256)
_WITHIN = 1.15  # how far two medians of the same thing lie apart from run to run
_AGAIN = 20
_NUMBERS = ("scores", "mixed", "weights")  # a matmul, a matmul, a softmax


class Depth:
    """The tiny model with this many encoder and as many decoder layers: nothing in it takes long but the recording."""

    def __init__(self, layers: int, device: str) -> None:
        config = _TINY.change(device=device, encoder_layers=layers, decoder_layers=layers)
        _, batch = tokenize(config)
        ids = (torch.tensor(ids, device=device) for ids in (batch.source_ids, batch.target_ids))
        self.model, self.inputs = build_model(config), tuple(ids)
        self.layers, self.device = layers, device
        self.floor, self.keeping = Floor(self.model, self.inputs), Keeping(self.model, self.inputs)
        self.steps = len(self.trace().steps)
        # A few passes a turn where one is too short to time.
        self.repeats = max(1, 8 // layers)

    def trace(self) -> Trace:
        return record(self.model, *self.inputs)

    def turns(self) -> dict[str, Turn]:
        kinds = (self.plain, self.bare, self.kept, self.recorded, self.resolved, self.explained)
        return {f"{self.layers} {kind.__name__}": kind for kind in kinds}

    def plain(self) -> float:
        return self._repeated(lambda: self.model(*self.inputs))

    def bare(self) -> float:
        return self._repeated(self.floor.record)

    def kept(self) -> float:
        return self._repeated(self.keeping.record)

    def recorded(self) -> float:
        return self._repeated(self.trace)

    def resolved(self) -> float:
        """Seconds a step, from what the recorder kept to names, axes, expressions, parents and memory."""
        trace = self.trace()
        return _seconds(lambda: trace.steps) / self.steps

    def explained(self) -> float:
        """Seconds a number, of numbers in the last layer; the trace is one that was explained before."""
        if not hasattr(self, "known"):
            self.known = self.trace()
        where = f"decoder.layers.{self.layers - 1}.cross_attention."
        steps = [self.known.find(where + name) for name in _NUMBERS]

        def explain_all() -> None:
            for step in steps:
                explain(self.known, step, (0,) * len(step.shape))

        # What the turn before drove out of the processor's cache is no part of explaining.
        return median(_seconds(explain_all) for _ in range(_AGAIN)) / len(steps)

    def _repeated(self, run: Callable[[], object]) -> float:
        def several() -> None:
            for _ in range(self.repeats):
                run()
            if self.device == "cuda":
                torch.cuda.synchronize()

        gc.collect()  # a full collection that earlier turns have made due would fall into this one
        return _seconds(several) / self.repeats


class Summing:
    """Statistics of one large tensor, in a process of their own so that their memory can be seen."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.value = torch.randn(_SHAPE, generator=torch.Generator().manual_seed(0)).to(device)

    def turn(self, which: str) -> float:
        work = {"ours": statistics, "separate": _separately, "one pass": lambda value: value.sum().item()}[which]
        return _seconds(lambda: work(self.value))

    def extra(self, which: str) -> int | None:
        """Bytes that the process takes while it works, beyond those it takes anyway."""
        self.turn(which)
        if self.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
            self.turn(which)
            return torch.cuda.max_memory_allocated() - before
        if not resident.KNOWN:
            return None
        before = resident.settled()
        resident.forget_peak()
        self.turn(which)
        return max(resident.peak() - before, 0)


def _separately(value: Tensor) -> None:
    """The same figures by a call of torch each, in float64 as ours are."""
    wide = value.double()
    for figure in (wide.min(), wide.max(), wide.mean(), wide.std(correction=0), (wide == 0).sum(), wide.isnan().sum()):
        figure.item()


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def section(rounds: int | None, device: str, layers: Sequence[int] = LAYERS) -> Section:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # there is nothing to share out
    try:
        with torch.no_grad():
            rows = _depths([Depth(number, device) for number in layers], rounds or _ROUNDS)
    finally:
        torch.set_num_threads(threads)
    return Section(
        "Growth",
        "The tiny model with 1 to 96 encoder and decoder layers, ÷ the same in the model of one layer, round by round; "
        "statistics of one large tensor ÷ the same figures by separate calls of torch; text ÷ a quarter of it.",
        ("what", "of", "÷ one layer, or the base named", "absolute", "beside it"),
        [*rows, *_summing(rounds or _ROUNDS, device), *_reading(rounds or _ROUNDS)],
        ["The source files of the recorded program are read once in a process; that is not part of resolving a step."],
    )


@dataclass(frozen=True)
class _Each:
    """What a step of one depth costs beyond the plain pass, round by round."""

    recorded: Sequence[float]
    bare: Sequence[float]
    kept: Sequence[float]

    @classmethod
    def of(cls, depth: Depth, times: Times) -> _Each:
        def beyond(kind: str) -> list[float]:
            return [s / depth.steps for s in times.beyond(f"{depth.layers} {kind}", f"{depth.layers} plain")]

        return cls(beyond("recorded"), beyond("bare"), beyond("kept"))


def _depths(depths: Sequence[Depth], rounds: int) -> list[Row]:
    turns = {name: turn for depth in depths for name, turn in depth.turns().items()}
    interleaved(turns, 1)  # warms up
    # The models and traces of the other depths are no part of what a recording gives the collector to look through.
    gc.collect()
    gc.freeze()
    try:
        times = interleaved(turns, rounds)
    finally:
        gc.unfreeze()
    first, last = depths[0], depths[-1]
    one = _Each.of(first, times)
    recording, resolving, explaining = [], [], []
    for depth in depths:
        of = f"{depth.layers}+{depth.layers} layers, {depth.steps} steps"
        cost = _Each.of(depth, times)
        growth = Spread.of([mine / its for mine, its in zip(cost.recorded, one.recorded, strict=True)])
        floor = f"the floor alone {1e6 * median(cost.bare):.2f} µs, keeping outputs {1e6 * median(cost.kept):.2f} µs"
        goals = [at_most("of one layer", growth.median, _WITHIN)] if depth is last else []
        recording.append(
            Row(("recording a step", of, ratio(growth), f"{1e6 * median(cost.recorded):.2f} µs", floor), goals)
        )
        for kind, said, rows in (("resolved", "resolving a step", resolving), ("explained", "one number", explaining)):
            name, base = f"{depth.layers} {kind}", f"{first.layers} {kind}"
            took, growth = times.spread(name), times.ratio(name, base)
            if kind == "resolved":
                goals = [at_most("a step", 1e6 * took.median, 40, " µs")] if depth is last else []
                cells = (said, of, ratio(growth), f"{1e6 * took.median:.1f} µs", "")
            else:
                goals = [
                    at_most("of one layer", growth.median, _WITHIN),
                    at_most("a number", 1e3 * took.median, 5, " ms"),
                ]
                cells = (f"explaining {said}", of, ratio(growth), milliseconds(took.median), "")
            rows.append(Row(cells, goals if depth is last else ()))
    return [*recording, *resolving, *explaining]


def _summing(rounds: int, device: str) -> list[Row]:
    with Apart(Summing, device) as summing:
        # Memory first: what the others leave behind would hide it.
        kinds = {"statistics": "ours", "separate calls of torch": "separate", "one bare pass: sum": "one pass"}
        extra = {said: summing.ask("extra", kind) for said, kind in kinds.items()}
        times = interleaved({said: partial(summing.ask, "turn", kind) for said, kind in kinds.items()}, rounds)
    nbytes = 4 * torch.Size(_SHAPE).numel()
    rows = []
    for said in kinds:
        took, over = times.spread(said), times.ratio(said, "separate calls of torch")
        more = extra[said]
        goals = []
        if said == "statistics":
            goals.append(at_most("÷ separate calls", over.median, 1))
            if more is not None:
                goals.append(at_most("extra memory ÷ the tensor", more / nbytes, 0.1))
        beside = "" if more is None else f"{megabytes(more)} extra for a tensor of {megabytes(nbytes)}"
        rows.append(Row((said, f"{_SHAPE} float32", ratio(over), milliseconds(took.median), beside), goals))
    return rows


def _reading(rounds: int) -> list[Row]:
    """How long the longest text takes to be read, against a quarter of it: reading is linear."""
    long, short = MAX_CHARACTERS, MAX_CHARACTERS // 4
    texts = {count: ("I go home " * count)[:count] for count in (short, long)}
    turns = {str(count): partial(_seconds, partial(_read_text, text)) for count, text in texts.items()}
    times = interleaved(turns, rounds)
    took, over = times.spread(str(long)), times.ratio(str(long), str(short))
    cells = (
        "reading a text",
        f"{long:,} characters",
        ratio(over),
        milliseconds(took.median),
        f"÷ {short:,} characters",
    )
    return [Row(cells, [at_most("of a quarter", over.median, 6)])]


def _read_text(text: str) -> list[Piece]:
    return list(split(normalise(text)))
