"""How much memory a process really takes, in bytes, as Linux counts it. Elsewhere nothing is told."""

from __future__ import annotations

import ctypes
import gc
import os
from contextlib import suppress
from pathlib import Path

_SELF = Path("/proc/self")
KNOWN = (_SELF / "clear_refs").exists()
"""Whether this system tells."""


def now(pid: int | None = None) -> int:
    """What is resident at this moment, of this process or of another."""
    folder = _SELF if pid is None else Path(f"/proc/{pid}")
    return int((folder / "statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def settled() -> int:
    """What is resident once everything that was let go of has been given back to the system."""
    gc.collect()
    with suppress(AttributeError):  # another C library than glibc
        ctypes.CDLL(None).malloc_trim(0)
    return now()


def forget_peak() -> None:
    """The peak begins again from what is resident now (proc(5), clear_refs)."""
    (_SELF / "clear_refs").write_text("5", "ascii")


def peak() -> int:
    """The most that was resident at once since ``forget_peak``."""
    lines = (_SELF / "status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
