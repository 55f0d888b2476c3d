"""A person's code where Linux's means are not: in a new process, which ends after its time with what it started."""

from __future__ import annotations

import secrets
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import psutil

from engine.sandbox.code_request import GRACE, SAVING, Limits
from engine.sandbox.code_run import EndingKind
from engine.sandbox.environment import child_environment
from engine.sandbox.worker import RAN_FILE

_STARTING = 60.0  # seconds in which torch is loaded
_LOOK = 0.05  # seconds between two looks


def run_separately(folder: Path, limits: Limits) -> dict[str, Any]:
    """Runs the request in a folder; what is told of it."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "engine.sandbox.worker", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=child_environment(folder, secrets.token_hex(16)),
        start_new_session=True,
    )
    assert process.stdout is not None
    printed = _Printed(process.stdout, limits.output)
    began = time.monotonic()
    reason = None
    known: set[psutil.Process] = set()
    try:
        while process.poll() is None and reason is None:
            time.sleep(_LOOK)
            known |= _tree(process.pid)
            if time.monotonic() - began > _allowed(folder, limits):
                reason = EndingKind.TIMED_OUT
            elif len(known) > limits.processes:
                reason = EndingKind.TOO_MANY_PROCESSES
    finally:
        seconds = time.monotonic() - began
        _end(process, known)
    code = process.wait()
    output, left_out = printed.text()
    status = {"signal": -code} if code < 0 else {"status": code}
    return status | {"stopped": reason, "seconds": seconds, "output": output, "left_out": left_out}


class _Printed:
    """Reads what is printed, and keeps the first of it."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._kept = bytearray()
        self._left_out = 0
        self._stream = stream
        self._most = most
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def text(self) -> tuple[str, int]:
        """The text that was kept, and how many bytes were not."""
        self._thread.join(GRACE)  # something that outlived the end may hold the pipe
        return self._kept.decode("utf-8", "replace"), self._left_out

    def _read(self) -> None:
        with self._stream, suppress(OSError, ValueError):
            while more := self._stream.read1(2**16):  # type: ignore[attr-defined]
                room = self._most - len(self._kept)
                self._kept += more[:room]
                self._left_out += max(0, len(more) - room)


def _allowed(folder: Path, limits: Limits) -> float:
    return _STARTING + limits.seconds + GRACE + (SAVING if (folder / RAN_FILE).exists() else 0)


def _tree(root: int) -> set[psutil.Process]:
    with suppress(psutil.Error):
        return set(psutil.Process(root).children(recursive=True))
    return set()


def _end(process: subprocess.Popen[bytes], known: set[psutil.Process]) -> None:
    """Ends the process and what it started, as far as that was seen."""
    known |= _tree(process.pid)
    process.kill()
    for child in known:
        with suppress(psutil.Error):
            child.kill()  # not another process that has the number by now: psutil compares when each began
    psutil.wait_procs(known, timeout=GRACE)
