"""How every test here runs."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from tests.sampling import select

# Several tests run at once: threads of their own would have them wait for each other. Read when torch is loaded, here
# and in what tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# How long an example takes says more about what else the machine does than about what is tested.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

_BROWSER = "tests/browser/"


class OneBrowserScheduling(LoadFileScheduling):
    """A file is run by one process, and all that needs a browser by one process too.

    So there is one browser and one server of the app, however many processes there are.
    """

    def _split_scope(self, nodeid: str) -> str:
        return _BROWSER if nodeid.startswith(_BROWSER) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    return OneBrowserScheduling(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole", action="store_true", help="every test, also those of which the suite runs a part")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items[:], left_out = select(items, config.getoption("--whole"))
    config.hook.pytest_deselected(items=left_out)
    # What takes longest in one process comes first; then the files of few and long tests, which would be last by name.
    items.sort(key=lambda item: (not item.nodeid.startswith(_BROWSER), item.nodeid.count("/") > 1))
