"""How much faster than pandas a tensor, and a whole trace, become values.csv. Prints the ratios of one run.

    python -m tests.benchmarks.csv_speed

Both write the same rows to a file on the same disk; a file's best of a few rounds counts, taken in turn so that
neither meets a quieter machine than the other.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from engine import Config, Step, record, run
from engine.export import write_values

REQUIRED = 10


def ours(steps: Sequence[Step], path: Path) -> None:
    with open(path, "wb") as file:
        write_values(steps, file)


def with_pandas(steps: Sequence[Step], path: Path) -> None:
    depth = max(len(step.shape) for step in steps)
    with open(path, "w", encoding="utf-8", newline="") as file:
        for place, step in enumerate(steps):
            axes = [axis.reshape(-1) for axis in np.indices(step.shape, np.int32)]
            columns = {f"i{axis}": axes[axis] if axis < len(axes) else "" for axis in range(depth)}
            value = step.value.reshape(-1).numpy()
            frame = pd.DataFrame({"step": step.index, "name": step.name, **columns, "value": value})
            frame.to_csv(file, header=not place, index=False)


def seconds(write: Callable[[Sequence[Step], Path], None], steps: Sequence[Step], path: Path) -> float:
    path.unlink(missing_ok=True)  # freeing the last round's file is no part of writing this one
    start = time.perf_counter()
    write(steps, path)
    return time.perf_counter() - start


def compare(title: str, steps: Sequence[Step], rounds: int, folder: Path) -> float:
    times = [(seconds(ours, steps, folder / "o"), seconds(with_pandas, steps, folder / "p")) for _ in range(rounds)]
    fast, slow = (min(column) for column in zip(*times, strict=True))
    size = (folder / "o").stat().st_size
    speed = f"{1e3 * fast:9.1f} ms {size / fast / 1e6:6.0f} MB/s"
    print(f"{title:34} {speed}   pandas ÷ ours {slow / fast:5.1f}", flush=True)
    return slow / fast


def one(shape: tuple[int, ...], dtype: torch.dtype, masked: bool = False) -> tuple[Step, ...]:
    generator = torch.Generator().manual_seed(0)
    value = torch.randn(shape, dtype=dtype, generator=generator)
    if masked:
        value = value.masked_fill(torch.rand(shape, generator=generator) < 0.5, -torch.inf)
    return record(torch.clone, value).steps


def main() -> None:
    ratios = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for shape, rounds in (((10, 8, 20, 20), 7), ((64, 512), 7), ((10_000, 3), 7), ((8, 16, 256, 256), 1)):
            for dtype in (torch.float32, torch.float64):
                title = f"{shape} {str(dtype).removeprefix('torch.')}"
                ratios.append(compare(title, one(shape, dtype), rounds, folder))
        ratios.append(compare("(10, 8, 20, 20) half −inf", one((10, 8, 20, 20), torch.float32, masked=True), 7, folder))
        ratios.append(compare("every step of the default model", run(Config(device="cpu")).steps, 3, folder))
    print(f"slowest ratio {min(ratios):.1f}, required {REQUIRED}")


if __name__ == "__main__":
    main()
