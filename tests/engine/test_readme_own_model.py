"""README, "Your own model": every line of it, run as it stands there."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from engine import open_trace

ROOT = Path(__file__).parents[2]
MODEL = """
import torch
from torch import nn


def attend(query, key):
    weights = (query @ key.mT).softmax(dim=-1)
    return weights @ key


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.project = nn.Linear(width, width)
        self.heads = heads

    def forward(self, x):
        split = self.project(x).unflatten(-1, (self.heads, -1))
        return split.transpose(1, 2)
"""
# What a person's own script has before the lines of README. No browser is opened on the machine of the tests.
BEFORE = """
import signal, torch, webbrowser
from model import attend
signal.signal(signal.SIGINT, signal.default_int_handler)
webbrowser.open = lambda address: None
torch.manual_seed(0)
"""


def blocks(language: str) -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("## Your own model\n")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder like the project's, with somebody's model in it."""
    (tmp_path / "model.py").write_text(MODEL, encoding="utf-8")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "BROWSER": "true"}


def until(process: subprocess.Popen[str], words: str) -> list[str]:
    """What a process printed up to the line with these words."""
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if words in line:
            return lines
    raise AssertionError("\n".join(lines))


def test_the_lines_of_python_open_save_and_read_a_run(folder):
    script, _ = blocks("python")
    (folder / "script.py").write_text(BEFORE + script, encoding="utf-8")
    command = [sys.executable, "script.py"]
    process = subprocess.Popen(command, cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True)
    try:
        lines = until(process, "stays until Ctrl-C")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()
    assert re.fullmatch(r"attend is open at http://127\.0\.0\.1:\d+/\?trace=attend", lines[0])
    trace = open_trace(folder / "run.trace")
    query, key = trace.inputs["query"], trace.inputs["key"]
    assert torch.equal(trace.find("weights").value, (query @ key.mT).softmax(dim=-1))


def test_the_lines_of_the_terminal_record_a_function_and_a_module(folder):
    [commands] = blocks("bash")
    function, module, opening = commands.splitlines()
    for command in (function, module):
        subprocess.run(["bash", "-c", command], cwd=folder, env=environment(), check=True, stdout=subprocess.DEVNULL)
    trace = open_trace(folder / "run.trace")
    query, key = trace.inputs["query"], trace.inputs["key"]
    assert torch.equal(trace.find("weights").value, (query @ key.mT).softmax(dim=-1))
    with open(folder / "OUT" / "steps.csv", newline="", encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    assert (last["op"], last["shape"]) == ("transpose", "(2, 4, 5, 8)")
    assert opening == ".venv/bin/python -m engine open run.trace"


def test_the_lines_of_the_sandbox_run_a_text_and_leave_its_trace(tmp_path, monkeypatch):
    _, script = blocks("python")
    monkeypatch.chdir(tmp_path)
    *before, last, shape = script.strip().splitlines()
    names: dict[str, object] = {}
    exec("\n".join(before), names)
    for line in (last, shape):
        expression, _, comment = line.partition("  # ")
        assert eval(expression, names) == eval(comment), line
