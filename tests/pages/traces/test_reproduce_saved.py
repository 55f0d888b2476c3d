"""What the export page shows for a trace from a file makes the page's own two files, run as it stands there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest

from engine import Trace, record, save_trace
from pages.ui.state import given_trace
from pages.ui.traces.opened import OPENED
from pages.ui.traces.reproduce import FOLDER
from pages.ui.views.download_buttons import _trace_file
from pages.ui.views.your_code.examples import FIRST, example_text
from pages.ui.views.your_code.program import UserProgram
from pages.ui.views.your_code.run_program import run_program
from pages.ui.views.your_code.signature import with_text
from tests.engine.record.trace_file.foreign_programs import PROGRAMS
from tests.pages.reproduced import files_in, files_of

ROOT = Path(__file__).parents[3]
# Each in its own folder, in one process: torch is loaded once.
_RUN_EACH = """
import os, runpy, sys
for folder in sys.argv[1:]:
    os.chdir(folder)
    runpy.run_path("snippet.py", run_name="__main__")
"""


def uploaded(program: str) -> Callable[[Path], tuple[str, Trace]]:
    def add(folder: Path) -> tuple[str, Trace]:
        function, args, kwargs = PROGRAMS[program]()
        live = record(function, *args, **kwargs)
        return OPENED.add("my run.trace", BytesIO(save_trace(live, folder / "live.trace").read_bytes())), live

    return add


def own_code(folder: Path) -> tuple[str, Trace]:
    """A run of the page of one's own code, in its process; it is gone with the run, so its file is what there is."""
    name = run_program(with_text(UserProgram(""), example_text(FIRST))).name
    return name, OPENED.get(name).trace


def explored(folder: Path) -> tuple[str, Trace]:
    """A trace that ``explore`` put into the folder that the app was started on."""
    live = record(lambda x: (x @ x.mT).softmax(-1) @ x, torch.rand(2, 5, 8))
    save_trace(live, given_trace.GIVEN / "attend.trace")
    return "attend", live


TRACES = {
    "a saved trace": uploaded("mixture"),
    "Llama": uploaded("llama"),
    "your code": own_code,
    "explore": explored,
}


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> dict[str, tuple[Trace, Path]]:
    """The live trace of each kind, and the folder in which the lines of its export page were run."""
    written: dict[str, tuple[Trace, Path]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(given_trace, "GIVEN", tmp_path_factory.mktemp("given"))
        for kind, open_it in TRACES.items():
            name, live = open_it(tmp_path_factory.mktemp("live"))
            app = AppTest.from_file(str(ROOT / "pages/export.py"), default_timeout=120)
            app.query_params["trace"] = name
            app.run()
            assert not app.exception
            [snippet] = [block.value for block in app.code if "open_trace" in block.value]
            folder = tmp_path_factory.mktemp("run")
            (folder / "snippet.py").write_text(snippet, encoding="utf-8")
            # The button beside it hands out the file under this name.
            (folder / OPENED.get(name).file).write_bytes(_trace_file(app.session_state["explorer.settings"]))
            written[kind] = live, folder
    folders = [str(folder) for _, folder in written.values()]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", _RUN_EACH, *folders], env=environment, check=True)
    return written


@pytest.mark.parametrize("kind", TRACES)
def test_the_lines_of_the_export_page_write_every_number_of_the_trace(written, kind):
    live, folder = written[kind]
    assert files_in(folder / FOLDER) == files_of(live)
