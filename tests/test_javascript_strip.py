"""The strip's JavaScript that needs no browser, tested by Node."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node on the path")
def test_what_needs_no_browser_holds_in_node():
    command = ["node", "--test", str(ROOT / "tests" / "js" / "shape_strip.test.js")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
