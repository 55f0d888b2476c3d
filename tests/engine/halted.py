"""An export in a process of its own that waits halfway until it is told to go on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
# The command, except that it says when it has begun with values.csv, and waits there until its input ends.
_HALFWAY = """
import runpy
import sys
from engine.export import values_csv

_text_of = values_csv.text_of

def text_of(rows):
    print("halfway", flush=True)
    sys.stdin.read()
    return _text_of(rows)

values_csv.text_of = text_of
runpy.run_module("engine", run_name="__main__")
"""


def halted_export(arguments: str, folder: Path, **options: Any) -> subprocess.Popen[str]:
    """``python -m engine`` with these arguments, writing its CSV to a folder, once it has begun with values.csv."""
    command = [sys.executable, "-c", _HALFWAY, *arguments.split(), "--csv", str(folder)]
    pipe = subprocess.PIPE
    child = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True, **options)
    assert child.stdout is not None
    assert child.stdout.readline() == "halfway\n"
    return child
