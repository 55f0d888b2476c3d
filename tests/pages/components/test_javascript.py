"""The browser's part that needs no browser, in Node: what it reads, says and draws equals what Python computed.

Python writes what it computed into files, and the tests in ``tests/js`` compare.
"""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import subprocess
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from torch import Tensor

from engine.ops import reads
from engine.ops.access import AccessMap, Index
from pages.ui.components.mount import script_of
from pages.ui.components.tensor_view import Panel
from pages.ui.components.tensor_view.bundle import join
from pages.ui.components.tensor_view.wire_format import pack
from tests.engine.ops.test_registry import EXAMPLES, examples, last

ROOT = Path(__file__).parents[3]
TESTS = sorted((ROOT / "tests" / "js").glob("*.test.js"))
ENTRIES = [path for path in (ROOT / "pages").rglob("*.js") if "export default" in path.read_text("utf-8")]
SHEET_SHAPE = (24, 40)  # of a tensor that is sent whole
SHEET = math.prod(SHEET_SHAPE)
OLDEST = (20, 19)  # the first Node that takes a file with imports for a module without being told


@pytest.fixture(scope="session")
def node() -> str:
    """The program, where the machine has one that is new enough."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("no node on this machine")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    if tuple(map(int, version.strip().lstrip("v").split(".")[:2])) < OLDEST:
        pytest.skip(f"node {version.strip()} is older than {'.'.join(map(str, OLDEST))}")
    return program


# --- what Python computed


def packed_to(path: Path, panels: Sequence[Panel], **options: Any) -> None:
    path.write_bytes(pack(panels, **options).data)


def plain(tensor: Tensor) -> Panel:
    return Panel("x", tensor, (None,) * tensor.ndim)


def decoded_fixture(folder: Path) -> None:
    """Tensors of every type that travels, and the exact decimal value of each of their numbers."""
    draw = torch.Generator().manual_seed(5)
    tensors = [
        torch.tensor([[torch.nan, torch.inf, -torch.inf, -0.0], [0.0, 1e-45, 3.4e38, -1.5]]),
        torch.randn(2, 3, 5, generator=draw),
        torch.randn(3, 4, generator=draw).double() / 3,
        torch.randn(3, 4, generator=draw).bfloat16(),
        torch.randn(7, generator=draw).half(),
        torch.tensor([[1, 17, 2**40, -(2**62)]]),
        torch.tensor([[1, -17, 3]], dtype=torch.int16),
        torch.tensor([True, False, True]),
        torch.tensor(3.25),
        torch.zeros(0, 4),
    ]
    masked = torch.ones(3, 4).triu(1).bool()
    panels = [plain(tensor) for tensor in tensors]
    panels[2] = Panel("x", tensors[2], ("S", "T"), (("a", "b", "c"), None), masked=masked)
    packed_to(folder / "types.bin", panels)
    exact = [[_exact(value) for value in tensor.flatten().tolist()] for tensor in tensors]
    whole = {"shapes": [list(tensor.shape) for tensor in tensors], "values": exact, "masked": masked.flatten().tolist()}
    (folder / "types.json").write_text(json.dumps(whole))

    large = torch.arange(6 * 300 * 300).reshape(6, 300, 300)
    at = {"H": 3}
    packed = pack([Panel("x", large, ("H", "S", "T"))], at=at)
    (folder / "window.bin").write_bytes(packed.data)
    spans = [[span.start, span.count] for span in packed.windows[0].spans]
    (folder / "window.json").write_text(json.dumps({"spans": spans, "shape": list(large.shape)}))

    stages = [(step, pack([plain(torch.full((step,), float(step)))]).data) for step in (3, 5, 8)]
    (folder / "prefetched.bin").write_bytes(join(stages))


def _exact(value: float | int | bool) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    return repr(value) if isinstance(value, float) else str(int(value))


def reads_fixture(folder: Path) -> None:
    """Every registered operation: for each element of its output the elements that it reads of each input."""
    for name in EXAMPLES:
        for program, tensors in examples(name, 1):
            _, step = last(program, *tensors)
            # Complex numbers are drawn as pairs of real ones, along an axis that no read knows.
            if any(value.is_complex() for value in (step.value, *(operand.value for operand in step.inputs))):
                continue
            write_reads(folder, name, [operand.value for operand in step.inputs], step.value, reads(step) or ())


def write_reads(folder: Path, name: str, inputs: Sequence[Tensor], output: Tensor, maps: Sequence[AccessMap]) -> None:
    panels = [Panel(f"input {n}", value, (None,) * value.ndim) for n, value in enumerate([*inputs, output])]
    packed_to(folder / f"{name}.reads.bin", panels, reads=maps)
    cells = [{_joined(index): _cells(access, index) for index in numpy.ndindex(output.shape)} for access in maps]
    (folder / f"{name}.reads.json").write_text(json.dumps(cells))


def _joined(index: Index) -> str:
    return ",".join(map(str, index))


def _cells(access: AccessMap, index: Index) -> list[str]:
    return [_joined(cell) for cell in access.cells(index)]


def numbers_fixture(folder: Path) -> None:
    """Numbers with their shortest digits (numpy's), and rounded half up (decimal's) for cells."""
    draw = numpy.random.default_rng(3)
    bits = draw.integers(0, 2**32, 4000, dtype=numpy.uint32).view(numpy.float32)
    powers = numpy.float32(2.0) ** numpy.arange(-126, 127, dtype=numpy.float32)
    usual = draw.standard_normal(2000).astype(numpy.float32)
    single = numpy.concatenate([bits[numpy.isfinite(bits)], powers, usual, numpy.float32([1e-45, 3e-5, 0.1, 16777216])])
    double = numpy.concatenate([draw.standard_normal(1000), 10.0 ** numpy.arange(-300, 300, 7), [0.1, 1 / 3, 5e-324]])
    for name, values in (("single", single), ("double", double)):
        whole = values[: len(values) // SHEET * SHEET].reshape(-1, *SHEET_SHAPE)
        for number, sheet in enumerate(whole):
            packed_to(folder / f"{number}.{name}.bin", [plain(torch.from_numpy(sheet))])
            shortest = [numpy.format_float_scientific(value, unique=True, trim="-") for value in sheet.flatten()]
            (folder / f"{number}.{name}.json").write_text(json.dumps(shortest))
    cells = numpy.concatenate(
        [usual[:500] * 10.0**power for power in (-3, 0, 1, 2, 3)] + [numpy.float64([0.125, 0.5, 9.995])]
    )
    rounded = [[repr(value), [_rounded(value, places) for places in (1, 2)]] for value in cells.tolist()]
    (folder / "rounded.json").write_text(json.dumps(rounded))
    counts = [0, 7, 999, 1000, 102_400, 1_234_567]
    (folder / "grouped.json").write_text(json.dumps([[count, f"{count:,}"] for count in counts]))


def _rounded(value: float, places: int) -> str:
    return str(abs(Decimal(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))


def special_cells_fixture(folder: Path) -> None:
    """A tensor with holes of every kind, and how many of each numpy counts."""
    value = torch.randn(40, 40, generator=torch.Generator().manual_seed(2))
    draw = random.Random(1)
    for odd in (torch.nan, torch.inf, -torch.inf, -1e9):
        for _ in range(draw.randrange(5, 60)):
            value[draw.randrange(40), draw.randrange(40)] = odd
    masked = torch.ones(40, 40).triu(20).bool()
    packed_to(folder / "special.bin", [Panel("x", value, ("S", "T"), masked=masked)])
    seen = value.numpy()[~masked.numpy()]
    counts = {
        "nan": int(numpy.isnan(seen).sum()),
        "plus": int((seen == math.inf).sum()),
        "minus": int((seen == -math.inf).sum()),
        "beyond": int((seen == numpy.float32(-1e9)).sum()),
        "masked": int(masked.sum()),
    }
    (folder / "special.json").write_text(json.dumps(counts))


@pytest.fixture(scope="session")
def fixtures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("javascript")
    for write in (decoded_fixture, reads_fixture, numbers_fixture, special_cells_fixture):
        write(folder)
    return folder


# --- the tests


@pytest.mark.parametrize("script", TESTS, ids=lambda path: path.name)
def test_the_javascript_says_what_python_says(script: Path, node: str, fixtures: Path) -> None:
    done = subprocess.run(
        [node, "--test", str(script)],
        env={**os.environ, "FIXTURES": str(fixtures)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n# skipped 0\n" in done.stdout


@pytest.mark.parametrize("script", ENTRIES, ids=lambda path: path.name)
def test_what_is_sent_to_the_browser_is_one_module_in_which_no_name_is_given_twice(
    script: Path, node: str, tmp_path: Path
) -> None:
    joined = tmp_path / "component.mjs"
    joined.write_text(script_of(script), "utf-8")
    done = subprocess.run([node, "--check", str(joined)], capture_output=True, text=True)
    assert done.stderr == ""
    lines = script_of(script).splitlines()
    assert len([line for line in lines if line.startswith("export default ")]) == 1
    assert [line for line in lines if line == "/**" or line.startswith(("import ", "export {", "//", "* "))] == []


def test_every_test_and_every_component_is_found() -> None:
    assert {path.name for path in TESTS} >= {f"{name}.test.js" for name in ("decode", "dependencies", "format")}
    assert len(ENTRIES) == 12
