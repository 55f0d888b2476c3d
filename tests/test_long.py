"""A fixed part of every check that takes minutes and needs no browser."""

from __future__ import annotations

import pytest

from tests.long import checks
from tests.long.registry import CHECKS, LongCheck

checks.load()
_HERE = [check for check in CHECKS.values() if not check.browser]


@pytest.mark.parametrize("check", _HERE, ids=lambda check: check.name)
def test_a_part_of_the_long_check_goes_well(check: LongCheck) -> None:
    assert check.failures(every=check.share) == []
