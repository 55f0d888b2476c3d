"""The browser's reading of what an operation reads is Python's, cell by cell, both ways."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import torch

from engine import ops, record
from tests.engine.ops.test_registry import EXAMPLES, examples

FOLDER = Path(__file__).resolve().parents[3] / "pages/ui/components/tensor_view"
NODE = shutil.which("node")
ASK = """
const cases = JSON.parse(require("fs").readFileSync(0, "utf8"));
const listed = (boxes) => boxes.flatMap((box) => box.reduce(
  (cells, [first, end, step]) => cells.flatMap((cell) => {
    const more = [];
    for (let i = first; i < end; i += step) more.push([...cell, i]);
    return more;
  }), [[]]));
const every = (shape) => listed([shape.map((size) => [0, size, 1])]);
console.log(JSON.stringify(cases.map(({ reads, output, panels }) => panels.map((input, number) => {
  const view = panels.map(whole);
  const stage = { reads, output, panels: view };
  const forward = every(output.shape).map((index) => listed(readBoxes(stage, { ...view[number], number }, index)));
  const back = every(input.shape).map((index) => listed(readerBoxes(stage, { ...view[number], number }, index)));
  return { forward, back };
}))));
function whole(panel) {
  const strides = panel.shape.map((_, axis) => panel.shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  return { ...panel, axes: panel.shape.map((count) => ({ start: 0, count })), strides };
}
function place(panel, index) { return index.reduce((sum, i, axis) => sum + i * panel.strides[axis], 0); }
"""


def dependencies() -> str:
    """The browser's code that reads access maps, as a script without its imports and exports."""
    texts = (path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.js")))
    text = next(text for text in texts if re.search(r"^(export )?function readBoxes", text, re.MULTILINE))
    text = re.sub(r"^import .*?;\n", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^export (\{.*?\};?|)", "", text, flags=re.MULTILINE)


def panel(value: torch.Tensor) -> dict:
    numbers = [] if value.is_complex() else value.double().nan_to_num().reshape(-1).tolist()
    return {"shape": list(value.shape), "values": numbers}


def indices(shape):
    return itertools.product(*map(range, shape))


@pytest.mark.skipif(NODE is None, reason="no node on this machine")
def test_the_browser_reads_the_same_cells_as_python_for_every_operation():
    steps = []
    for name in EXAMPLES:
        for program, tensors in examples(name, 1):
            steps.append(record(program, *tensors).steps[-1])
    cases = [
        {
            "reads": [read.to_json() for read in ops.reads(step)],
            "output": {"shape": list(step.shape)},
            "panels": [panel(parent.value) for parent in step.inputs],
        }
        for step in steps
    ]
    answer = subprocess.run(
        [NODE, "-e", dependencies() + ASK], input=json.dumps(cases), capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    for step, inputs in zip(steps, json.loads(answer.stdout), strict=True):
        for read, parent, told in zip(ops.reads(step), step.inputs, inputs, strict=True):
            readers = {cell: set() for cell in indices(parent.value.shape)}
            for index, cells in zip(indices(step.shape), told["forward"], strict=True):
                assert {tuple(cell) for cell in cells} == set(read.cells(index)), (step.op, index)
                for cell in read.cells(index):
                    readers[cell].add(index)
            for cell, outputs in zip(indices(parent.value.shape), told["back"], strict=True):
                assert {tuple(output) for output in outputs} == readers[cell], (step.op, cell)
