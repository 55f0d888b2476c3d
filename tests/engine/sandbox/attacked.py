"""Runs a hostile program, and looks at what it left behind."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil

from engine.sandbox import process_tree
from engine.sandbox.code_request import CodeRequest, Limits
from engine.sandbox.code_run import EndingKind, SandboxRun
from engine.sandbox.run_code import run_code
from engine.sandbox.warm_process import warm_process
from tests.engine.sandbox.hostile_programs import OUTLIVES, HostileProgram

LIMITS = Limits(seconds=2.0, nbytes=2**28)
# For a program that must end in another way than by the time, which it may need on a busy machine.
_PATIENT = replace(LIMITS, seconds=120.0)
# A warm process that cannot keep the processes of the code apart from others, as in many containers.
NOT_APART = (
    "import socket\n"
    "from engine.sandbox import linux, warm_server\n"
    "linux.separate_processes = lambda: False\n"
    "warm_server.serve(socket.socket(fileno=0))\n"
)


def attack(program: HostileProgram, folder: Path) -> tuple[SandboxRun, str]:
    """The run of a program, and what is wrong about it; "" where nothing is."""
    victim = folder / "victim"
    victim.mkdir()
    (victim / "mine.txt").write_text("mine")
    warm_process()
    before, files = _state(), len(os.listdir("/proc/self/fd"))
    with _temporary_folders_in(folder):
        limits = LIMITS if EndingKind.TIMED_OUT in program.endings else _PATIENT
        run = run_code(CodeRequest(program.text.replace("{outside}", str(victim)), limits=limits), folder / "run.trace")
    wrong = []
    if run.ending.kind not in program.endings:
        wrong.append(f"it is told to have ended so: {run.ending}")
    if program.line is not None and run.ending.line != program.line:
        wrong.append(f"line {run.ending.line} is named, not line {program.line}")
    if not run.ending.sentence or len(run.output) > LIMITS.output:
        wrong.append(f"it left {len(run.output)} characters of output and the sentence {run.ending.sentence!r}")
    if os.listdir(victim) != ["mine.txt"] or victim.stat().st_mode & 0o777 == 0:
        wrong.append(f"a folder outside its own has {os.listdir(victim)}")
    if len(os.listdir("/proc/self/fd")) > files:
        wrong.append(f"{len(os.listdir('/proc/self/fd')) - files} files are open that were not")
    if (after := _state()) != before:
        wrong.append(f"of the caller {[one for one, other in zip(before, after, strict=True) if one != other]} changed")
    if (folder / "run.trace").is_symlink():
        wrong.append("its trace is a link")
    if {path.name for path in folder.iterdir()} - {"victim", "run.trace"}:
        wrong.append(f"it left {list(folder.iterdir())}")
    wrong += _left_running()
    return run, "; ".join(wrong)


@contextmanager
def _temporary_folders_in(folder: Path) -> Iterator[None]:
    usual, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = usual


def _state() -> tuple[object, ...]:
    return os.getcwd(), sorted(os.environ.items()), os.getpid()


def _left_running() -> list[str]:
    """Processes that are still there some time after the run."""
    deadline = time.monotonic() + 20
    left: list[str] = ["not looked at yet"]
    while left and time.monotonic() < deadline:
        left = []
        for process in psutil.process_iter(["cmdline"]):
            if OUTLIVES in (process.info["cmdline"] or ()):
                left.append(f"process {process.pid} runs on")
        left += [f"process {pid} runs on" for pid in process_tree.descendants(warm_process().pid)]
    return left
