"""A person's code in a process of its own: what it computes, what it is told, and what is left of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
import torch

from engine import open_trace
from engine.sandbox.code_request import CodeInput, CodeRequest, Limits
from engine.sandbox.code_run import EndingKind
from engine.sandbox.run_code import bounds, run_code
from tests.engine.sandbox.attacked import attack
from tests.engine.sandbox.hostile_programs import HOSTILE_PROGRAMS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the warm process is forked, and watched through /proc")
# Those that are fast, of every kind; all of them run in tests/long.
IN_THE_SUITE = (
    "loops for ever",
    "calls exit",
    "wants 20 GiB of tensors at once",
    "closes every file",
    "links its folder elsewhere",
    "links its trace to a file of somebody else's",
    "says that it ended otherwise",
    "takes all rights from its folder",
    "leaves a daemon without an environment",
    "kills everything it sees",
    "crashes in C",
)
ATTENTION = """\
import torch
from torch import nn


class Attention(nn.Module):
    def __init__(self, d_model, heads):
        super().__init__()
        self.heads = heads
        self.w_q = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x):
        B, L, d_model = x.shape
        query = self.w_q(x)
        scores = query @ x.transpose(-2, -1)
        print("scores", tuple(scores.shape))
        return scores.softmax(dim=-1) @ x
"""
X = CodeInput("x", ("B", "L", "d_model"), seed=7)
SIZES = {"B": 2, "L": 5, "d_model": 8, "heads": 2}


def test_the_trace_has_what_torch_computes_here(tmp_path):
    run = run_code(CodeRequest(ATTENTION, (X,), SIZES), tmp_path / "run.trace")
    assert (run.ending.kind, run.target, run.output) == (EndingKind.FINISHED, "Attention", "scores (2, 5, 5)\n")
    trace = open_trace(run.trace_path)
    x = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(7))
    torch.manual_seed(0)
    weight = torch.nn.Linear(8, 8, bias=False).weight
    expected = x @ weight.T @ x.mT
    assert torch.equal(trace.inputs["x"], x)
    assert torch.allclose(trace.find("scores").value, expected, atol=1e-6)
    source = trace.find("scores").source
    assert (source.file, source.line, source.expression) == ("your_code.py", 14, "query @ x.transpose(-2, -1)")
    assert trace.find("scores").axes == ("B", "L", "L")


def test_a_run_that_raises_leaves_what_ran_before_and_the_reason(tmp_path):
    text = ATTENTION.replace("query @ x.transpose(-2, -1)", "query @ x")
    run = run_code(CodeRequest(text, (X,), SIZES), tmp_path / "run.trace")
    assert (run.ending.kind, run.ending.line, run.ending.error) == (EndingKind.RAISED, 14, "RuntimeError")
    assert run.ending.sentence.startswith("Line 14 raised RuntimeError: ")
    trace = open_trace(run.trace_path)
    assert [step.name for step in trace.steps] == ["query"]
    assert (trace.failure.line, trace.failure.expression) == (14, "query @ x")
    assert [operand.shape for operand in trace.failure.operands] == [(2, 5, 8), (2, 5, 8)]


def test_a_text_without_functions_is_recorded_itself(tmp_path):
    run = run_code(CodeRequest("y = x @ x.T\nz = y.softmax(-1)\n", (CodeInput("x", (3, 4)),)), tmp_path / "run.trace")
    steps = open_trace(run.trace_path).steps
    assert [(step.name, step.op, step.source.line) for step in steps][-2:] == [("y", "matmul", 1), ("z", "softmax", 2)]
    assert run.target == ""


def test_a_syntax_error_is_told_with_its_line(tmp_path):
    run = run_code(CodeRequest("import torch\n\ndef f(x:\n    return x\n"), tmp_path / "run.trace")
    assert (run.ending.kind, run.ending.line) == (EndingKind.SYNTAX_ERROR, 3)
    assert run.trace_path is None
    assert os.listdir(tmp_path) == []


def test_the_code_sees_no_secret_of_the_caller_and_has_a_home_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "swordfish")
    text = """
import os, tempfile
print([name for name, value in os.environ.items() if "swordfish" in value])
pids = [name for name in os.listdir("/proc") if name.isdecimal()]
print(all(b"swordfish" not in open(f"/proc/{pid}/environ", "rb").read() for pid in pids))
print(os.path.samefile(os.path.expanduser("~"), os.getcwd()), os.path.samefile(tempfile.gettempdir(), os.getcwd()))
print(os.getcwd())
"""
    run = run_code(CodeRequest(text), tmp_path / "run.trace")
    *seen, folder = run.output.splitlines()
    assert seen == ["[]", "True", "True True"]
    assert not os.path.exists(folder)


def test_output_is_kept_in_order_up_to_its_limit_and_the_rest_counted(tmp_path):
    text = "import sys\nprint('out')\nprint('é error', file=sys.stderr)\nprint('a' * 999)\n"
    run = run_code(CodeRequest(text, limits=Limits(output=100)), tmp_path / "run.trace")
    assert run.output == f"out\né error\n{'a' * 87}"
    assert run.output_left_out == 1000 - 87


@pytest.mark.parametrize("program", [p for p in HOSTILE_PROGRAMS if p.name in IN_THE_SUITE], ids=lambda p: p.name)
def test_a_hostile_program_leaves_the_caller_as_it_was(program, tmp_path):
    _, wrong = attack(program, tmp_path)
    assert wrong == ""


def test_processes_are_kept_apart_where_the_system_lets_them(tmp_path):
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "--user", "--pid", "--fork", "true"], check=False).returncode:
        pytest.skip("this system makes no groups of processes")
    assert bounds() == ()
    run = run_code(CodeRequest("import os\nprint(os.getppid())\n"), tmp_path / "run.trace")
    assert run.output == "1\n"


def test_every_hostile_program_of_the_suite_is_one_of_all():
    assert set(IN_THE_SUITE) <= {program.name for program in HOSTILE_PROGRAMS}
    assert len({program.name for program in HOSTILE_PROGRAMS}) == len(HOSTILE_PROGRAMS) >= 20
