"""A step shows the text that its code was compiled from, also after an edit."""

import importlib
import linecache
import sys

import pytest
import torch

from engine import record

X = torch.ones(2, 2)
PRODUCT = "def program(q, k):\n    scores = q @ k  # (B, L)\n    return scores\n"
SUM = "def program(q, k):\n    total = q + k  # (H, D)\n    return total\n"


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module that a test may edit: ``module.edit(text)``."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    file = tmp_path / "edited_program.py"
    file.write_text(PRODUCT)
    importlib.invalidate_caches()
    loaded = importlib.import_module("edited_program")
    loaded.edit = file.write_text
    yield loaded
    del sys.modules["edited_program"]
    linecache.checkcache(str(file))


def last(program):
    return record(program, X, X).steps[-1]


def shown(step):
    return step.op, step.name, step.axes, step.source.expression


def test_after_an_edit_and_a_reload_the_new_text_is_shown(module):
    assert shown(last(module.program)) == ("matmul", "scores", ("B", "L"), "q @ k")
    module.edit(SUM + "\n")
    importlib.reload(module)
    assert shown(last(module.program)) == ("add", "total", ("H", "D"), "q + k")


def test_old_code_shows_the_text_it_was_compiled_from_and_never_the_new_one(module):
    old = module.program
    assert shown(last(old)) == ("matmul", "scores", ("B", "L"), "q @ k")
    module.edit(SUM + "\n")
    assert shown(last(old)) == ("matmul", "scores", ("B", "L"), "q @ k")
    importlib.reload(module)
    assert shown(last(module.program))[:2] == ("add", "total")
    assert shown(last(old))[:2] == ("matmul", "scores")
    assert last(old).source.code[1] == "    scores = q @ k  # (B, L)"


def test_code_whose_text_was_never_seen_shows_none(module):
    module.edit(SUM + "\n")
    step = last(module.program)
    assert shown(step) == ("matmul", "matmul", (None, None), "")
    assert step.source.line == 2
    assert step.source.code == ()


def test_executed_code_has_the_text_that_linecache_has(monkeypatch):
    lines = ["def program(x):\n", "    doubled = x * 2  # (B, D)\n", "    return doubled\n"]
    scope = {}
    exec(compile("".join(lines), "<cell 7>", "exec"), scope)
    assert shown(record(scope["program"], X).steps[0]) == ("mul", "mul", (None, None), "")
    monkeypatch.setitem(linecache.cache, "<cell 7>", (len(lines), None, lines, "<cell 7>"))
    assert shown(record(scope["program"], X).steps[0]) == ("mul", "doubled", ("B", "D"), "x * 2")
