"""The way that needs nothing of Linux: time is bounded, and what was started ends."""

from __future__ import annotations

import sys

import psutil
import pytest

from engine import open_trace
from engine.sandbox import run_code as module
from engine.sandbox.code_request import CodeInput, CodeRequest, Limits
from engine.sandbox.code_run import EndingKind
from engine.sandbox.run_code import bounds, run_code

CHILD = "314159"
TEXT = f"""
import subprocess, sys
y = x @ x.T
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep({CHILD})", "{CHILD}"])
print(child.pid)
while True:
    pass
"""


@pytest.fixture
def elsewhere(monkeypatch):
    monkeypatch.setattr(module, "_IS_LINUX", False)


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.skipif(sys.platform == "win32", reason="without an alarm the line is not known")
def test_code_that_does_not_end_is_stopped_with_its_child_and_keeps_what_ran(elsewhere, tmp_path):
    request = CodeRequest(TEXT, (CodeInput("x", (2, 3)),), limits=Limits(seconds=2))
    run = run_code(request, tmp_path / "run.trace")
    assert run.ending.kind is EndingKind.TIMED_OUT
    assert run.ending.line in (6, 7)  # of the loop
    assert [step.name for step in open_trace(run.trace_path).steps][-1] == "y"
    assert not is_running(int(run.output))


def test_what_is_not_bounded_there_is_told(elsewhere):
    assert [sentence for sentence in bounds() if "not bounded" in sentence or "can end" in sentence]
    assert len(bounds()) == 3
