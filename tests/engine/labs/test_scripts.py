"""The script file of every lab, as it stands in its folder."""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine.labs.notebook import Notebook

ROOT = Path(__file__).parents[3]
SCRIPTS = sorted((ROOT / "engine" / "labs").rglob("*script.py"))
NAMES = [str(path.relative_to(ROOT / "engine" / "labs")) for path in SCRIPTS]


def test_every_lab_has_a_script():
    labs = {path for path in (ROOT / "engine" / "labs").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert {path.parent for path in SCRIPTS} >= {path for path in labs if (path / "__init__.py").exists()}


@pytest.mark.parametrize("path", SCRIPTS, ids=NAMES)
def test_a_script_runs_alone_with_the_sizes_it_stands_there_with(path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, path], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip()
    assert done.stderr == ""


@pytest.mark.parametrize("path", SCRIPTS, ids=NAMES)
def test_the_sizes_of_a_script_stand_on_top_each_in_a_line_of_its_own(path):
    statements = ast.parse(path.read_text(encoding="utf-8")).body
    below = [node for node in statements if not isinstance(node, ast.Import | ast.ImportFrom)]
    constants = []
    for node in below:
        if not isinstance(node, ast.Assign) or not _is_literal(node.value):
            break
        constants.append(node)
    assert len(constants) >= 2
    for node in constants:
        [target] = node.targets
        assert isinstance(target, ast.Name)


def test_every_line_of_the_exercise_stands_in_its_script():
    text = (ROOT / "engine" / "labs" / "notebook" / "script.py").read_text(encoding="utf-8")
    commented = re.findall(r"^ +(.* = .*  # \(.*\))$", inspect.getsource(Notebook.forward), re.MULTILINE)
    assert len(commented) == 20
    for line in commented:
        assert f"\n{line.replace('self.', '')}\nprint(" in text


def _is_literal(node: ast.expr) -> bool:
    """Whether it is a literal, or the one number that Python has no literal for."""
    if isinstance(node, ast.Call):
        return ast.unparse(node) == "float('-inf')"
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True
