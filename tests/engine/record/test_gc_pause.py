"""The pause of the garbage collector, and that torch is loaded within one."""

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from engine.record.gc_pause import paused

ROOT = Path(__file__).parents[3]
SPY = """
import gc, sys
enabled = []
class Spy:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("torch."):
            enabled.append(gc.isenabled())
sys.meta_path.insert(0, Spy())
import engine
print(len(enabled) > 100, sum(enabled[:100]), gc.isenabled())
"""


@pytest.fixture(autouse=True)
def collector():
    yield
    gc.enable()


def test_collection_is_disabled_within_and_enabled_after():
    gc.enable()
    with paused():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_collector_that_was_disabled_stays_disabled():
    gc.disable()
    with paused():
        pass
    assert not gc.isenabled()


def test_an_error_within_ends_the_pause():
    gc.enable()
    with pytest.raises(ZeroDivisionError), paused():
        _ = 1 / 0
    assert gc.isenabled()


def test_importing_the_engine_loads_torch_in_a_pause_and_leaves_collection_enabled():
    done = subprocess.run([sys.executable, "-c", SPY], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True 0 True\n"
