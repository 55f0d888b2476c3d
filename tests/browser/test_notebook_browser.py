"""A notebook in another folder, executed, and what it shows as a browser draws it, on a light page and a dark one."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser

ROOT = Path(__file__).parents[2]
CELLS = (
    "import torch\nfrom engine import Config, explain, record, run\ntrace = run(Config(heads=4, d_model=32))\ntrace",
    "trace.find('encoder.layers.0.self_attention.scores')",
    "explain(trace, trace.find('encoder.layers.0.self_attention.scores'), (0, 1, 2, 3))",
    "def attend(query, key):\n"
    "    doubled = query * 2  # (B, L, d_k)\n"
    "    return doubled @ key\n"
    "try:\n"
    "    record(attend, torch.randn(2, 6, 8), torch.randn(2, 6, 8))\n"
    "except RuntimeError as error:\n"
    "    display(error.trace)",
)
EXECUTE = """
import sys, nbclient, nbformat
notebook = nbformat.read("run.ipynb", as_version=4)
kernel = nbclient.client.KernelManager(kernel_name="python3")
kernel.kernel_spec.argv[0] = sys.executable  # whatever kernels this computer has
nbclient.NotebookClient(notebook, km=kernel, timeout=300).execute()
nbformat.write(notebook, "run.ipynb")
"""
# What JupyterLab and VS Code put around an output.
PAGE = (
    "<body style='margin:16px;background:{background};color:{text};font:13px sans-serif;color-scheme:{scheme}'>"
    "<style>table {{ border-spacing: 0 }} td, th {{ text-align: right }}</style>{outputs}</body>"
)
LOOKS = {"light": ("#ffffff", "#1f2328"), "dark": ("#111111", "#e6e6e6")}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory) -> list[str]:
    """The HTML of the outputs of a notebook that a kernel of its own ran in a folder of its own."""
    for name in ("nbclient", "nbformat", "ipykernel"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    folder = tmp_path_factory.mktemp("notebook")
    cells = [{"cell_type": "code", "id": f"cell-{place}", "source": cell} for place, cell in enumerate(CELLS)]
    empty = {"execution_count": None, "metadata": {}, "outputs": []}
    notebook = {"cells": [empty | cell for cell in cells], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (folder / "run.ipynb").write_text(json.dumps(notebook), "utf-8")
    paths = filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(paths))
    # A process of its own, because the client leaves sockets open.
    subprocess.run([sys.executable, "-c", EXECUTE], cwd=folder, env=environment, check=True, capture_output=True)
    executed = json.loads((folder / "run.ipynb").read_text("utf-8"))
    shown = [output for cell in executed["cells"] for output in cell["outputs"] if "data" in output]
    return ["".join(output["data"]["text/html"]) for output in shown]


def luminance(colour: str) -> float:
    channels = [int(value) / 255 for value in re.findall(r"\d+", colour)[:3]]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return sum(share * value for share, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", LOOKS)
def test_a_notebook_shows_a_trace_a_step_an_explanation_and_a_failure(browser: Browser, outputs, scheme):
    assert len(outputs) == len(CELLS)
    assert all(len(output.encode()) <= 300_000 for output in outputs)
    background, text = LOOKS[scheme]
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    page.set_content(PAGE.format(background=background, text=text, scheme=scheme, outputs="<hr>".join(outputs)))
    trace, step, explanation, failed = (page.locator("body > div").nth(place) for place in range(4))

    group = trace.locator("details", has_text="encoder.layers.0.self_attention · ").first
    assert not group.locator("td").first.is_visible()
    group.locator("summary").click()
    row = group.locator("tr", has_text="query @ key_t")
    assert row.is_visible()
    assert row.locator("td").last.evaluate("cell => getComputedStyle(cell).textAlign") == "left"
    assert row.locator("td").nth(3).inner_text() == "B 2 · H 4 · S 5 · S 5"

    lines = trace.locator("span").evaluate_all("all => all.map(one => getComputedStyle(one).borderBottomColor)")
    assert len(set(lines)) >= 6  # axes differ in colour
    page_colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert min(contrast(line, page_colour) for line in set(lines)) >= 3  # WCAG 1.4.11, of what is no text

    cells = step.locator("table").nth(1).locator("td")
    assert cells.count() == 25
    assert cells.evaluate_all("all => all.every(one => one.scrollWidth <= one.clientWidth)")
    assert "scores" in explanation.inner_text()
    assert "doubled @ key" in failed.locator("pre").inner_text()
    for width in (1100, 390):  # a column of a narrow window: a table that is wider scrolls by itself
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert fetched == []
    page.close()
