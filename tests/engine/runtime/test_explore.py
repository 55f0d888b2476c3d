"""``explore``: the app as a child of a script, of a notebook's kernel and of a debugger's session."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[3]
_PATIENCE = 120

SCRIPT = """
import signal
import sys
import torch
import webbrowser

signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may have had it ignored
webbrowser.open = lambda address: None
from engine import explore, record
from engine.runtime import explore as module

def attend(query, key):
    return (query @ key.mT).softmax(-1)

explore(attend, torch.rand(2, 5, 8), torch.rand(2, 4, 8))
explore(record(attend, torch.rand(2, 5, 8), torch.rand(2, 4, 8)))
print("folder", module._running.folder, flush=True)
try:
    explore(lambda x: (x * 2) @ x, torch.rand(2, 5, 8))
except RuntimeError as error:
    print("raised", flush=True)
"""


def started(program: str, **options) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment, **options
    )


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def ended(address: str) -> bool:
    deadline = time.monotonic() + _PATIENCE
    while answers(address) and time.monotonic() < deadline:
        pass
    return not answers(address)


def children_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children()


@pytest.fixture
def script(tmp_path):
    process = started(SCRIPT, cwd=tmp_path)
    yield process
    process.kill()
    process.communicate()


def test_a_script_opens_its_traces_in_one_app_which_stays_until_ctrl_c(script):
    lines = [script.stdout.readline().strip() for _ in range(6)]
    address = lines[0].split(" at ")[1].split("/?")[0]
    assert address.startswith("http://127.0.0.1:")
    assert lines == [
        f"attend is open at {address}/?trace=attend",
        f"trace is open at {address}/?trace=trace",
        lines[2],
        f"<lambda> is open at {address}/?trace=lambda",
        "raised",
        f"The app at {address} stays until Ctrl-C.",
    ]
    folder = Path(lines[2].removeprefix("folder "))
    assert sorted(path.name for path in folder.glob("*.trace")) == ["attend.trace", "lambda.trace", "trace.trace"]
    assert folder.stat().st_mode & 0o077 == 0
    assert len(children_of(script)) == 1
    assert answers(address)
    script.send_signal(signal.SIGINT)
    assert script.wait(_PATIENCE) == 0
    assert ended(address)
    assert not folder.exists()


def test_the_app_ends_with_a_kernel_that_is_killed(script):
    lines = [script.stdout.readline().strip() for _ in range(6)]
    address = lines[0].split(" at ")[1].split("/?")[0]
    script.kill()
    script.wait()
    assert ended(address)


def test_the_app_of_an_interactive_session_ends_with_it(tmp_path):
    process = started(f"import sys; sys.ps1 = '>>> '\n{SCRIPT}", cwd=tmp_path)
    out, _ = process.communicate(timeout=_PATIENCE)
    assert "stays until Ctrl-C" not in out
    assert ended(out.split(" at ")[1].split("/?")[0])
