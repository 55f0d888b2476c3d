"""What recording costs: recorded ÷ plain and recorded ÷ bare mode, side by side in one run.

    python -m tests.benchmarks.recorder_cost [rounds] [device]

T is pure overhead (d_model 8, 2+2 layers, 1×4 tokens), B is work (d_model 512, 6+6 layers, 10×20 tokens). Each round
runs the three one after the other and the ratios are medians over the rounds, so a busy machine slows all alike.
"""

import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch.overrides import TorchFunctionMode

from engine import Config, record
from engine.run import load, read

WORKLOADS = {
    "T": Config(batch=1, src_len=4, tgt_len=4, d_model=8, heads=2, encoder_layers=2, decoder_layers=2),
    "B": Config(batch=10, src_len=20, tgt_len=20, d_model=512, heads=8, encoder_layers=6, decoder_layers=6),
}
REPEATS = {"T": 20, "B": 1}
# Where there is nothing to share out, waiting for a second thread is all that would be measured.
THREADS = {"T": 1, "B": torch.get_num_threads()}


class Bare(TorchFunctionMode):
    """The least a recorder of this kind can cost: it passes every call on."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


def seconds(run: Callable[[], object], repeats: int, device: str) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        run()
    if device == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / repeats


def ratios(name: str, rounds: int, device: str) -> tuple[float, float, float]:
    """Plain milliseconds, recorded ÷ plain, recorded ÷ bare."""
    torch.set_num_threads(THREADS[name])
    config = WORKLOADS[name].change(device=device)
    model, (_, batch) = load(config), read(config)
    source, target = (torch.tensor(ids, device=device) for ids in (batch.source_ids, batch.target_ids))

    def bare() -> object:
        with Bare():
            return model(source, target)

    runs = (lambda: model(source, target), bare, lambda: record(model, source, target))
    with torch.no_grad():
        for run in runs:
            seconds(run, 3, device)
        times = [[seconds(run, REPEATS[name], device) for run in runs] for _ in range(rounds)]
    plain, barely, recorded = zip(*times, strict=True)
    over_plain = statistics.median(r / p for r, p in zip(recorded, plain, strict=True))
    over_bare = statistics.median(r / b for r, b in zip(recorded, barely, strict=True))
    return 1000 * statistics.median(plain), over_plain, over_bare


if __name__ == "__main__":
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    device = sys.argv[2] if len(sys.argv) > 2 else "cpu"
    for name in WORKLOADS:
        plain, over_plain, over_bare = ratios(name, rounds, device)
        print(f"{name}: plain {plain:.2f} ms, recorded ÷ plain {over_plain:.3f}, recorded ÷ bare mode {over_bare:.3f}")
