"""The processes that a process started, and theirs, on Linux: how much they take, and their end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_PATIENCE = 10.0  # seconds until what cannot be ended is given up: a process inside the kernel for example


def descendants(root: int) -> list[int]:
    """Every process that ``root`` started, or one of those did, whatever group or session it is in.

    Those whose parents have ended count where ``root`` is their subreaper.
    """
    children: dict[int, list[int]] = {}
    for pid in _pids():
        parent = _parent(pid)
        if parent is not None:
            children.setdefault(parent, []).append(pid)
    reached: list[int] = []
    stack = [root]
    while stack:
        more = children.pop(stack.pop(), [])
        reached += more
        stack += more
    return reached


def marked(text: str) -> list[int]:
    """Every process but this one in whose environment this text was when it began."""
    encoded = text.encode()
    mine = os.getpid()
    return [pid for pid in _pids() if pid != mine and encoded in _environment(pid)]


def end_all(remaining: Callable[[], list[int]]) -> bool:
    """Stops processes until no new one appears, and kills them.

    One that is killed first may be seen by another, which starts two more; one that is stopped sees nothing.

    Args:
        remaining: finds those that are left.

    Returns:
        Whether none is left.
    """
    deadline = time.monotonic() + _PATIENCE
    stopped: set[int] = set()
    while time.monotonic() < deadline:
        left = remaining()
        if not left:
            return True
        new = set(left) - stopped
        for pid in new or left:
            with suppress(OSError):
                os.kill(pid, signal.SIGSTOP if new else signal.SIGKILL)
        stopped |= new
        if not new:
            time.sleep(0.002)
    for pid in remaining():  # a bomb that is faster than this
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    return False


def resident_bytes(pid: int) -> int:
    """The memory that a process has, shared or not; 0 where it has ended."""
    try:
        return int((_PROC / str(pid) / "statm").read_text("ascii").split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def address_bytes(pid: int) -> int:
    """The addresses that a process has."""
    return int((_PROC / str(pid) / "statm").read_text("ascii").split()[0]) * _PAGE


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir(_PROC) if name.isdecimal())


def _parent(pid: int) -> int | None:
    """None for a process that has ended, also where nobody has waited for it yet."""
    try:
        text = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # The name of the program is in brackets, and may have any character in it.
    fields = text[text.rindex(b")") + 1 :].split()
    # A process whose first thread has ended looks like a zombie, and its other threads run on.
    is_over = fields[0] in (b"Z", b"X") and int(fields[17]) <= 1
    return None if is_over else int(fields[1])


def _environment(pid: int) -> bytes:
    try:
        return (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return b""


def reaped() -> dict[int, int]:
    """Waits for the children of this process that have ended; how each did, as ``os.waitpid`` says it."""
    codes: dict[int, int] = {}
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            codes[ended[0]] = ended[1]
    return codes
