"""Recorded ÷ plain forward, this project beside the floor and its peers."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from engine import Config, Trace
from engine.ops.numerics import memory_of
from engine.runtime.forward import build_model, tokenize
from tests.benchmarks import resident
from tests.benchmarks.apart import Apart
from tests.benchmarks.interleaved import Spread, Times, UnableError, interleaved
from tests.benchmarks.peers import FLOOR, KEEPING, OURS, PEERS, PLAIN, TORCHLENS, Inputs, Peer, missing, ready
from tests.benchmarks.table import Goal, Row, Section, at_least, at_most, megabytes, milliseconds, ratio

PACKAGES = ("torch", "torchlens", "nnsight", "transformer-lens", "transformers")


@dataclass(frozen=True)
class Workload:
    """What is run. ``repeats`` passes make one turn; ``threads`` is None for as many as there are cores."""

    says: str
    make: Callable[[str], tuple[nn.Module, Inputs]]
    rounds: int
    repeats: int = 1
    threads: int | None = None


def _ours(config: Config, device: str) -> tuple[nn.Module, Inputs]:
    config = config.change(device=device)
    _, batch = tokenize(config)
    return build_model(config), tuple(torch.tensor(ids, device=device) for ids in (batch.source_ids, batch.target_ids))


def _gpt2(device: str) -> tuple[nn.Module, Inputs]:
    if find_spec("transformers") is None:
        raise UnableError("transformers is not installed")
    from transformers import GPT2Config, GPT2LMHeadModel

    # Eager attention is made of operations; the fused one is a single call that hides them.
    config = GPT2Config(attn_implementation="eager", use_cache=False)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = GPT2LMHeadModel(config).eval().to(device)
    ids = torch.arange(64, device=device).reshape(1, 64) * 97
    return model, (ids,)


_T = Config(batch=1, src_len=4, tgt_len=4, d_model=8, heads=2, encoder_layers=2, decoder_layers=2)
_B = Config(batch=10, src_len=20, tgt_len=20, d_model=512, heads=8, encoder_layers=6, decoder_layers=6)
_L = _B.change(batch=8, src_len=256, tgt_len=256)
WORKLOADS: Mapping[str, Workload] = {
    # Where there is nothing to share out, waiting for a second thread is all that would be measured.
    "T": Workload("2+2 layers, d_model 8, 1×4 tokens: nothing but overhead", partial(_ours, _T), 15, 10, 1),
    "B": Workload("6+6 layers, d_model 512, 8 heads, 10×20 tokens", partial(_ours, _B), 11),
    "GPT-2": Workload("GPT2LMHeadModel, the small shape, random weights, eager attention, 1×64 tokens", _gpt2, 7),
    "L": Workload("B with 8×256 tokens", partial(_ours, _L), 3),
}


NOTES = (
    "No recorder from which every output can be had afterwards can cost less than the floor that keeps the outputs: "
    "their memory cannot be used a second time, and memory that is new has to be fetched page by page. None that can "
    "name steps and parents can cost less than the one that keeps arguments and lines too.",
    "On a GPU the plain pass of these models is the launching of kernels, one after the other, from Python. Whatever "
    "is done for a call is added to that, and the bare floor shows how much a mode that does nothing adds.",
)


class Contestant:
    """One peer in its process."""

    def __init__(self, name: str, device: str) -> None:
        self.name, self.device = name, device
        self.peer: Peer | None = None
        self.own: frozenset[int] = frozenset()

    def prepare(self, workload: str) -> None:
        """Builds what is run, and runs it once."""
        self.peer = None
        gc.collect()
        torch.set_grad_enabled(False)
        torch.set_num_threads(WORKLOADS[workload].threads or torch.get_num_threads())
        model, inputs = WORKLOADS[workload].make(self.device)
        self.own = _memories((*model.parameters(), *model.buffers(), *inputs))
        self.peer = ready(self.name, model, inputs)
        self.turn(1)

    def turn(self, repeats: int) -> float:
        """Seconds of one pass, the letting go of what it recorded included."""
        record = self.peer.record
        start = time.perf_counter()
        for _ in range(repeats):
            record()
        if self.device == "cuda":
            torch.cuda.synchronize()
        return (time.perf_counter() - start) / repeats

    def held(self) -> tuple[tuple[int, str], int | None, int]:
        """What one recording holds: how many of what, the bytes its process grew by, and the bytes of the memory
        behind every recorded tensor, each counted once and without what was there before (known for ours alone)."""
        before = self._bytes()
        recorded = self.peer.record()
        after = self._bytes()
        grown = None if before is None or after is None else after - before
        unique = _unique(recorded, self.own) if isinstance(recorded, Trace) else 0
        return self.peer.count(recorded), grown, unique

    def _bytes(self) -> int | None:
        if self.device == "cuda":
            gc.collect()
            return torch.cuda.memory_allocated()
        return resident.settled() if resident.KNOWN else None


def _memories(tensors: Sequence[Tensor]) -> frozenset[int]:
    found = (memory_of(tensor) for tensor in tensors)
    return frozenset(memory._cdata for memory in found if memory is not None)


def _unique(trace: Trace, own: frozenset[int]) -> int:
    memories = (memory_of(step.value) for step in trace.steps)
    recorded = {memory._cdata: memory.nbytes() for memory in memories if memory is not None}
    return sum(nbytes for memory, nbytes in recorded.items() if memory not in own)


def section(rounds: int | None, device: str, only: Sequence[str] = tuple(WORKLOADS)) -> Section:
    """The table of the workloads named, each in as many rounds as it says or as asked."""
    rows: list[Row] = []
    with ExitStack() as processes:
        here = [name for name in PEERS if not missing(name)]
        contestants = {name: processes.enter_context(Apart(Contestant, name, device)) for name in here}
        for name in only:
            rows += _workload(name, contestants, rounds or WORKLOADS[name].rounds)
    return Section(
        "Recording",
        "One recorded forward pass ÷ one plain forward pass of the same module on the same inputs, the quartiles in "
        "brackets. Every contestant runs in a process of its own, in turn with the others. What each of them records "
        "differs and stands beside it; memory is what its process grew by while it held one recording.",
        ("workload", "recorder", "÷ plain", "÷ floor", "records", "overhead an operation", "holds"),
        rows,
        [*(f"{name}: {WORKLOADS[name].says}." for name in only), *NOTES],
    )


def _workload(name: str, contestants: Mapping[str, Apart], rounds: int) -> list[Row]:
    workload = WORKLOADS[name]
    held: dict[str, Any] = {}
    unable = {who: missing(who) for who in PEERS if who not in contestants}
    for who, apart in contestants.items():
        try:
            apart.ask("prepare", name)
            held[who] = apart.ask("held")
        except UnableError as error:
            unable[who] = str(error)
    turns = {who: partial(contestants[who].ask, "turn", workload.repeats) for who in held}
    times = interleaved(turns, rounds) if turns else Times({}, {})
    unable |= times.unable
    for base in (PLAIN, FLOOR, KEEPING):  # without them there is nothing to compare with
        if base in unable:
            return [Row((name, "all", f"skipped: {base}: {unable[base]}", "", "", "", ""))]
    return [
        Row((name, who, f"skipped: {unable[who]}", "", "", "", "")) if who in unable else _row(name, who, times, held)
        for who in PEERS
    ]


def _row(name: str, who: str, times: Times, held: Mapping[str, Any]) -> Row:
    (number, kind), grown, unique = held[who]
    each = f"{1e6 * median(times.beyond(who, PLAIN)) / number:.2f} µs" if number else ""
    plain = who == PLAIN
    holds = "" if grown is None or not number else megabytes(grown)
    if holds and unique:
        holds += f" ({grown / unique:.3f} × unique)"
    cells = (
        name,
        who,
        milliseconds(times.spread(who).median) if plain else ratio(times.ratio(who, PLAIN)),
        "" if plain else ratio(times.ratio(who, FLOOR)),
        f"{number} {kind}" if number else kind,
        each,
        holds,
    )
    return Row(cells, _goals(name, times, held) if who == OURS else ())


def _goals(name: str, times: Times, held: Mapping[str, Any]) -> list[Goal]:
    goals = []
    over_plain = times.ratio(OURS, PLAIN).median
    if name == "T":
        goals.append(at_most("÷ floor", times.ratio(OURS, FLOOR).median, 1.15))
        if TORCHLENS in times.seconds:
            goals.append(at_least("torchlens' overhead an operation ÷ ours", _less(times, held).median, 50))
    elif name == "B":
        goals.append(at_most("÷ plain", over_plain, 1.05))
    elif name == "L":
        goals.append(at_most("÷ plain", over_plain, 1.02))
    (number, _), grown, unique = held[OURS]
    if name in ("B", "L"):
        if grown is not None:
            goals.append(at_most("memory ÷ unique", grown / unique, 1.02))
        goals.append(Goal("every operation recorded", number >= held[KEEPING][0][0]))
    return goals


def _less(times: Times, held: Mapping[str, Any]) -> Spread:
    """How many times as much torchlens adds to one operation as this project does."""

    def each(who: str) -> list[float]:
        return [seconds / held[who][0][0] for seconds in times.beyond(who, PLAIN)]

    return Spread.of([theirs / mine for theirs, mine in zip(each(TORCHLENS), each(OURS), strict=True)])
