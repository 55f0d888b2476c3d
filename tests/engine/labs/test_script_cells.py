"""The cells of the labs' scripts: each runs alone, and prints there what it prints in the whole."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest
import torch

from engine.labs.script_cells import cells

LABS = Path(__file__).parents[3] / "engine" / "labs"
SCRIPTS = sorted(path for path in LABS.rglob("*script.py") if "# %%" in path.read_text(encoding="utf-8"))
PROGRAM = """\
import math
from functools import partial, reduce

import torch

unused = 4
n = 3  # rows


def double(x):
    return 2 * x


# %% first
torch.manual_seed(0)
drawn = torch.rand(n)
drawn[0] = math.pi
print("first", reduce(max, drawn.tolist()))

# %% second: twice
# Twice as much.
print("second", double(drawn).tolist())

# %% third
print("third", partial(double, 4)())

# %% fourth
drawn = 2
print("fourth", drawn)
"""


def printed(text: str, names: dict[str, object] | None = None) -> str:
    output = io.StringIO()
    usual, threads = torch.get_default_dtype(), torch.get_num_threads()
    try:
        with contextlib.redirect_stdout(output):
            exec(compile(text, "<cell>", "exec"), {"__name__": "__main__"} if names is None else names)
    finally:
        if names is None:
            torch.set_default_dtype(usual)
            torch.set_num_threads(threads)
    # Times are measured, and rounding is that of the numbers that happened to be drawn.
    return re.sub(r"\S+ ms\b|\b\d\S*e-(0[6-9]|[1-9]\d)\b", "…", output.getvalue())


def printed_in_the_whole(script: str) -> dict[str, str]:
    """What each cell prints while all of them run one after the other."""
    setup, *parts = script.split("# %% ")
    names: dict[str, object] = {"__name__": "__main__"}
    usual, threads = torch.get_default_dtype(), torch.get_num_threads()
    try:
        printed(setup, names)
        return {name: printed(text, names) for name, _, text in (part.partition("\n") for part in parts)}
    finally:
        torch.set_default_dtype(usual)
        torch.set_num_threads(threads)


def test_a_cell_has_the_lines_it_needs_and_no_others():
    first, second, third, fourth = cells(PROGRAM).values()
    assert first.startswith(
        "import math\nfrom functools import reduce\n\nimport torch\n\nn = 3  # rows\n\ntorch.manual"
    )
    assert "double" not in first
    assert second == (
        "import math\n\nimport torch\n\nn = 3  # rows\n\n\ndef double(x):\n    return 2 * x\n\n\n"
        "torch.manual_seed(0)\ndrawn = torch.rand(n)\ndrawn[0] = math.pi\n\n"
        '# Twice as much.\nprint("second", double(drawn).tolist())\n'
    )
    assert third == (
        "from functools import partial\n\n\ndef double(x):\n    return 2 * x\n\n\n"
        'print("third", partial(double, 4)())\n'
    )
    assert fourth == 'drawn = 2\nprint("fourth", drawn)\n'


def test_a_script_without_cells_has_none():
    assert cells("import torch\nprint(torch.ones(2))\n") == {}


def test_the_cells_of_a_program_print_alone_what_they_print_in_it():
    assert {name: printed(text) for name, text in cells(PROGRAM).items()} == printed_in_the_whole(PROGRAM)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.parent.name)
def test_every_cell_of_a_lab_prints_alone_what_it_prints_in_the_whole_script(path):
    script = path.read_text(encoding="utf-8")
    assert {name: printed(text) for name, text in cells(script).items()} == printed_in_the_whole(script)
