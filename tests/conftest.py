"""How every test here runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from tests.rewriting import rewrite_asserts
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


# How much what runs without a browser gives way to it: the browser's tests take longest in one process, which waits a
# part of the time. So there is one process more than cores, and the last ones end together.
_WAY = 10
_PRIORITY = os.nice(0) if hasattr(os, "nice") else None


def pytest_runtest_setup(item: pytest.Item) -> None:
    beside_a_browser = "PYTEST_XDIST_WORKER" in os.environ and not item.nodeid.startswith(_BROWSER)
    if beside_a_browser and _PRIORITY is not None and os.nice(0) == _PRIORITY:
        os.nice(_WAY)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    return OneBrowserScheduling(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    tests = Path(__file__).parent
    whole_suite = [Path(argument).resolve() for argument in session.config.args] == [tests]
    if whole_suite and "PYTEST_XDIST_WORKER" in os.environ:
        number, count = os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"), os.environ["PYTEST_XDIST_WORKER_COUNT"]
        rewrite_asserts(session.config, tests, int(number), int(count))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole", action="store_true", help="every test, also those of which the suite runs a part")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items[:], left_out = select(items, config.getoption("--whole"))
    config.hook.pytest_deselected(items=left_out)
    # What takes longest in one process comes first; then the files of few and long tests, which would be last by name.
    items.sort(key=lambda item: (not item.nodeid.startswith(_BROWSER), item.nodeid.count("/") > 1))
