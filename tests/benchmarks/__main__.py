"""Measures this project beside its peers and the floor, and prints one table.

    python -m tests.benchmarks [SECTION ...] [--write FILE] [--rounds N] [--device cpu|cuda]

The peers are optional: ``pip install -r tests/benchmarks/peers.txt``. One that is not here is skipped by name.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

import torch

from tests.benchmarks import machine
from tests.benchmarks.table import as_markdown, as_text, verdict

# Imported when asked for: a machine with a GPU and no browser measures what it can.
SECTIONS = {
    "recording": "recording",
    "growth": "growth",
    "csv": "csv_speed",
    "screen": "screen",
    "people": "people",
    "real-size": "real_size",
}


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
    names = asked.sections or list(SECTIONS)
    modules = {name: import_module(f"tests.benchmarks.{SECTIONS[name]}") for name in names}
    packages = dict.fromkeys(package for module in modules.values() for package in module.PACKAGES)
    heading = [f"Machine: {machine.described(asked.device)}", f"Versions: {machine.versions(list(packages))}"]
    done = []
    for name, module in modules.items():
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        done.append(module.section(asked.rounds, asked.device))
        if asked.write:  # after each of them: all take half an hour, and a run that is cut short keeps what it has
            asked.write.write_text(as_markdown([*heading, verdict(done).replace("\n", "; ")], done), "utf-8")
    print(as_text([*heading, verdict(done)], done))


if __name__ == "__main__":
    main()
