"""A fixed part of every check that takes minutes in a browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.long import checks
from tests.long.registry import CHECKS, LongCheck

pytestmark = pytest.mark.browser
checks.load()
_HERE = [check for check in CHECKS.values() if check.browser]


@pytest.mark.parametrize("check", _HERE, ids=lambda check: check.name)
def test_a_part_of_the_long_check_goes_well(check: LongCheck, browser: Browser, app: str) -> None:
    assert check.failures(browser, app, every=check.share) == []
