"""Loads torch, and the engine with it. Imported before everything that needs torch."""

from __future__ import annotations

import gc
import sys

_INTERVAL = sys.getswitchinterval()

sys.setswitchinterval(_INTERVAL / 10)  # the server sends its first visitor dozens of files meanwhile
try:
    import engine  # noqa: F401
finally:
    sys.setswitchinterval(_INTERVAL)
gc.freeze()  # what loading made stays for good: later collections need not go over it
