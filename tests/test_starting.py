"""What happens when the server starts, before anybody visits."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.conftest import ROOT, serving

_PATIENCE = 60  # s


def _in_time(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + _PATIENCE
    while not (held := holds()) and time.monotonic() < end:
        time.sleep(0.1)
    return held


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and stands in for xdg-open")
@pytest.mark.parametrize("headless", ["false", "true"])
def test_the_server_loads_torch_before_anybody_visits_and_opens_the_browser_unless_headless(headless, tmp_path: Path):
    opener, opened = tmp_path / "xdg-open", tmp_path / "opened"
    opened.touch()
    opener.write_text(f'#!/bin/sh\necho "$1" >> {opened}\n', "utf-8")
    opener.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    options = (f"--server.headless={headless}", "--server.showEmailPrompt=false")
    with serving(ROOT / "app.py", *options, env=env) as (address, process):
        assert _in_time(lambda: "libtorch_cpu" in Path(f"/proc/{process}/maps").read_text("utf-8"))
        expected = [address] if headless == "false" else []
        assert _in_time(lambda: opened.read_text("utf-8").split() == expected)
