"""Python's cyclic garbage collector, kept from running for a while."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """Disables cyclic garbage collection during bulk allocation of long-lived objects.

    It would go over all of them again and again, and free nothing. Afterwards it is as it was: one that was disabled
    before stays so.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
