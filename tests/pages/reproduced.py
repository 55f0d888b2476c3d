"""Runs the command and the script that the app shows, each in an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from engine.__main__ import main
from engine.export.csv_tables import csv_bytes, write_steps, write_values
from engine.record.trace import Trace
from pages.ui.traces.reproduce import FOLDER

ROOT = Path(__file__).parents[2]
PYTHON = ".venv/bin/python"
Files = dict[str, bytes]


def files_of(trace: Trace) -> Files:
    """What the page hands out for this trace."""
    return {
        "steps.csv": csv_bytes(lambda file: write_steps(trace.steps, file)),
        "values.csv": csv_bytes(lambda file: write_values(trace.steps, file)),
    }


def files_in(folder: Path) -> Files:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def words_of(command: str) -> list[str]:
    """The words a real shell makes of a command, the first one left out, which must be the project's Python."""
    stand_in = f"{PYTHON} () {{ printf '%s\\0' \"$@\"; }}\n"
    shell = ["bash", "--norc", "-c", stand_in + command]
    out = subprocess.run(shell, capture_output=True, check=True).stdout.decode()
    return out.split("\0")[:-1]


def files_of_command(command: str, folder: Path, name: str = FOLDER) -> Files:
    """What a command writes, as a real shell reads it, run in this process."""
    module, engine, *arguments = words_of(command)
    assert (module, engine) == ("-m", "engine")
    here = Path.cwd()
    os.chdir(folder)
    try:
        assert main(arguments) == 0
    finally:
        os.chdir(here)
    return files_in(folder / name)


def files_of_script(script: str, folder: Path) -> Files:
    """What a script writes, run in this process."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        exec(compile(script, "a script of the page", "exec"), {"__name__": "__main__"})
    finally:
        os.chdir(here)
    return files_in(folder / FOLDER)


def files_of_pasted(command: str, folder: Path) -> Files:
    """What a command writes that is pasted into a terminal in a folder like the project's."""
    (folder / ".venv").symlink_to(sys.prefix)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(["bash", "--norc", "-c", command], cwd=folder, env=env, check=True, capture_output=True)
    return files_in(folder / FOLDER)
