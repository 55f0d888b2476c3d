"""``python -m engine record`` and ``open``: somebody's own program, from the words of a command line."""

from __future__ import annotations

import csv
import sys

import pytest
import torch

from engine import findings, open_trace, record
from engine.__main__ import main

PROGRAM = """
import torch
from torch import nn


def attend_over_queries(query, key, value):
    scores = query @ key.mT
    weights = scores.softmax(dim=-2)
    return weights @ value


def attend(query, key):
    scores = query @ key.mT  # (B, L, L_k)
    return scores


class Attention(nn.Module):
    def __init__(self, width, heads=2):
        super().__init__()
        self.project = nn.Linear(width, width)
        self.heads = heads

    def forward(self, x, causal=False):
        split = self.project(x).view(*x.shape[:2], self.heads, -1)
        return split @ split if causal else split
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    file = tmp_path / "student_model.py"
    file.write_text(PROGRAM)
    return file


def call(capsys, *arguments):
    status = main(["record", *map(str, arguments)])
    return status, *capsys.readouterr()


def test_a_function_is_recorded_and_its_steps_are_listed(capsys, program):
    status, out, err = call(capsys, f"{program}:attend", "torch.randn(2, 5, 8)", "torch.randn(2, 4, 8)")
    assert (status, err) == (0, "")
    assert out.splitlines()[-1].split() == [
        "1",
        "scores",
        "matmul",
        "B",
        "2",
        "·",
        "L",
        "5",
        "·",
        "L_k",
        "4",
        "float32",
        "new",
    ]


def test_a_class_of_modules_is_constructed_from_its_arguments(capsys, program, tmp_path):
    path = tmp_path / "run.trace"
    status, out, _ = call(capsys, f"{program}:Attention(32, heads=4)", "torch.randn(2, 5, 32)", "--save", path)
    assert (status, out) == (0, f"wrote {path} (2 steps)\n")
    assert open_trace(path).find("split").shape == (2, 5, 4, 8)


def test_the_same_command_gives_the_same_numbers(capsys, program, tmp_path):
    for name in "ab":
        call(capsys, f"{program}:Attention(8)", "torch.randn(1, 2, 8)", "--save", tmp_path / name)
    first, second = (open_trace(tmp_path / name).find("split").value for name in "ab")
    assert torch.equal(first, second)


def test_a_run_that_fails_is_saved_up_to_the_failure_and_explained(capsys, program, tmp_path):
    path, out_folder = tmp_path / "run.trace", tmp_path / "OUT"
    words = ("torch.randn(2, 5, 8)", "causal=True", "--save", path, "--csv", out_folder)
    status, _, err = call(capsys, f"{program}:Attention(8)", *words)
    assert status == 1
    assert "A product needs the last axis of split (4) and the last axis but one of split (H 2) to be equal." in err
    opened = open_trace(path)
    assert [step.name for step in opened.steps] == ["linear", "split"]
    assert opened.failure.note in err
    assert err.count(opened.failure.reason) == 1
    with open(out_folder / "steps.csv", encoding="utf-8", newline="") as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["linear", "split"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{file}:nothing"], "nothing cannot be evaluated in student_model.py: NameError: name 'nothing' is not"),
        (["{file}:Attention"], "missing 1 required positional argument: 'width'"),
        (["{file}:attend", "torch.rand(2"], "torch.rand(2 cannot be evaluated in student_model.py: SyntaxError"),
        (["{file}"], "what to record is given as FILE.py:CALLABLE, such as model.py:Attention: got "),
        (["nowhere.py:f"], "there is no file nowhere.py"),
        (["{file}:torch.float32"], "torch.float32 in student_model.py is a dtype, which cannot be called"),
    ],
)
def test_what_cannot_be_called_is_refused_in_one_line(capsys, program, words, said):
    status, out, err = call(capsys, *(word.format(file=program) for word in words))
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_a_file_that_raises_is_refused_with_its_line(capsys, program):
    program.write_text("x = 1\nraise KeyError('lost')\n")
    status, _, err = call(capsys, f"{program}:x")
    assert (status, err) == (2, "error: student_model.py raised KeyError when it was read: 'lost' (line 2)\n")


@pytest.mark.parametrize("text", [None, "no trace"])
def test_open_refuses_what_is_no_trace_in_one_line(capsys, tmp_path, text):
    if text is not None:
        (tmp_path / "x.trace").write_text(text)
    assert main(["open", str(tmp_path / "x.trace")]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: x.trace can't be opened as a trace: ")
    assert err.count("\n") == 1


def test_what_is_suspicious_is_told_beside_the_steps(capsys, program, tmp_path):
    words = ["torch.randn(2, 5, 8)"] * 3
    status, out, err = call(capsys, f"{program}:attend_over_queries", *words)
    live = record(attend_over_queries, *(torch.randn(2, 5, 8) for _ in range(3)))
    rules = [finding.rule for finding in findings(live)]
    assert status == 0
    assert "softmax" in "".join(rules)
    assert all(rule in err and rule not in out for rule in rules)
    status, _, err = call(capsys, f"{program}:attend", *words[:2], "--save", tmp_path / "run.trace")
    assert (status, err) == (0, "")


def attend_over_queries(query, key, value):
    weights = (query @ key.mT).softmax(dim=-2)
    return weights @ value
