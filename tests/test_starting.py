"""What happens when the server starts, before anybody visits."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from tests.browser.conftest import ROOT, serving

_LOOKS, _APART = 1200, 0.1  # s


def _comes_true(holds: Callable[[], bool]) -> bool:
    """Looks again and again at what another process does of its own accord, and tells nobody."""
    return any(holds() or Event().wait(_APART) for _ in range(_LOOKS))


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
        assert _comes_true(lambda: "libtorch_cpu" in Path(f"/proc/{process}/maps").read_text("utf-8"))
        expected = [address] if headless == "false" else []
        assert _comes_true(lambda: opened.read_text("utf-8").split() == expected)
