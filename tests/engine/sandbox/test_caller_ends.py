"""A caller that is killed in the middle of a run takes everything along; runs beside each other keep apart."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from engine.sandbox.code_request import CodeInput, CodeRequest, Limits
from engine.sandbox.code_run import EndingKind
from engine.sandbox.run_code import run_code

ROOT = Path(__file__).parents[3]
MARK = "2718281"
CALLER = f"""
import sys
from engine.sandbox.code_request import CodeRequest, Limits
from engine.sandbox.run_code import run_code

text = '''
import subprocess
subprocess.Popen(["sleep", "{MARK}"], start_new_session=True).wait()
'''
run_code(CodeRequest(text, limits=Limits(seconds=600)), sys.argv[1])
"""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the warm process is forked, and watched through /proc")


def marked_processes() -> list[int]:
    return [process.pid for process in psutil.process_iter(["cmdline"]) if MARK in (process.info["cmdline"] or ())]


def wait_for(running: bool) -> bool:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and bool(marked_processes()) != running:
        time.sleep(0.1)
    return bool(marked_processes()) == running


def test_a_killed_caller_takes_what_runs_along(tmp_path):
    caller = subprocess.Popen([sys.executable, "-c", CALLER, str(tmp_path / "run.trace")], cwd=ROOT)
    try:
        assert wait_for(running=True)
        warm = psutil.Process(caller.pid).children()
    finally:
        caller.kill()
        caller.wait()
    assert wait_for(running=False)
    assert psutil.wait_procs(warm, timeout=60)[1] == []


def test_runs_beside_each_other_keep_apart(tmp_path):
    def run(number: int) -> tuple[EndingKind, str]:
        text = f"import time\nprint(x.sum().item())\ntime.sleep(1)\n{'1 / 0' if number == 1 else ''}\n"
        inputs = (CodeInput("x", (number,), fill="ones"),)
        request = CodeRequest(text, inputs, limits=Limits(seconds=60))
        done = run_code(request, tmp_path / f"{number}.trace")
        return done.ending.kind, done.output

    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(run, range(3)))
    assert results == [
        (EndingKind.FINISHED, "0.0\n"),
        (EndingKind.RAISED, "1.0\n"),
        (EndingKind.FINISHED, "2.0\n"),
    ]
