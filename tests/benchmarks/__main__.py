"""Measures this project beside its peers and the floor, and prints one table.

    python -m tests.benchmarks [SECTION ...] [--write FILE] [--rounds N] [--device cpu|cuda]

The peers are optional: ``pip install -r tests/benchmarks/peers.txt``. One that is not here is skipped by name.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from tests.benchmarks import csv_speed, growth, machine, people, recording, screen
from tests.benchmarks.table import Section, as_markdown, as_text, verdict

SECTIONS: Mapping[str, Callable[[int | None, str], Section]] = {
    "recording": recording.section,
    "growth": growth.section,
    "csv": csv_speed.section,
    "screen": screen.section,
    "people": people.section,
}
_PACKAGES = tuple(dict.fromkeys((*recording.PACKAGES, *csv_speed.PACKAGES, *screen.PACKAGES)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"any of {', '.join(SECTIONS)}; all of them")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table as Markdown too")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of every case, in place of its own number")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where tensors are")
    asked = parser.parse_args()
    if unknown := set(asked.sections) - SECTIONS.keys():
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    if asked.rounds is not None and asked.rounds < 1:
        parser.error("--rounds must be 1 or more")
    if asked.device == "cuda" and not torch.cuda.is_available():
        parser.error("no CUDA device is here")
    heading = [f"Machine: {machine.described(asked.device)}", f"Versions: {machine.versions(_PACKAGES)}"]
    done = []
    for name in asked.sections or SECTIONS:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        done.append(SECTIONS[name](asked.rounds, asked.device))
    print(as_text([*heading, verdict(done)], done))
    if asked.write:
        asked.write.write_text(as_markdown([*heading, verdict(done).replace("\n", "; ")], done), "utf-8")


if __name__ == "__main__":
    main()
