"""Of files whose tests are many of one kind, the suite runs a fixed part; ``pytest --whole`` runs every test."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

# By the beginning of a test's address: one test in so many is run.
SHARES = {
    "tests/engine/compare/": 2,
    "tests/engine/findings/test_quiet.py": 3,
    "tests/engine/model/variants/": 2,
    "tests/engine/ops/test_layer_calls.py": 2,
    "tests/engine/ops/test_registry.py": 2,
    "tests/engine/pretrained/test_interrupted_training.py": 4,
    "tests/engine/pretrained/test_train.py": 3,
    "tests/engine/published/": 2,
    "tests/engine/record/axis_names/": 2,
    "tests/pages/labs/": 3,
    "tests/pages/traces/test_reproduce.py": 3,
    "tests/pages/views/": 2,
}
# Whoever names a file or a folder wants all of its tests; only the whole suite is as large as this.
_SUITE = 4000


def share_of(address: str) -> int:
    """One test in how many of this kind the suite runs."""
    return next((share for beginning, share in SHARES.items() if address.startswith(beginning)), 1)


def is_sampled(address: str) -> bool:
    """Whether the suite runs the test with this address, such as ``tests/a/test_b.py::test_c[d]``."""
    return zlib.crc32(address.encode()) % share_of(address) == 0


def select(items: Sequence[Any], whole: bool) -> tuple[list[Any], list[Any]]:
    """The tests to run, and those to leave out.

    Args:
        items: what pytest has collected.
        whole: whether every test is wanted.
    """
    if whole or len(items) < _SUITE:
        return list(items), []
    kept = [item for item in items if is_sampled(item.nodeid)]
    return kept, [item for item in items if not is_sampled(item.nodeid)]
