"""How every test here runs."""

import os

import pytest
from hypothesis import settings

from tests.sampling import select

# Several tests run at once: threads of their own would have them wait for each other. Read when torch is loaded, here
# and in what tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# How long an example takes says more about what else the machine does than about what is tested.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole", action="store_true", help="every test, also those of which the suite runs a part")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items[:], left_out = select(items, config.getoption("--whole"))
    config.hook.pytest_deselected(items=left_out)
