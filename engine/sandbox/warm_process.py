"""The caller's end of the warm process on Linux: every run uses it, and it is started again where it has ended."""

from __future__ import annotations

import atexit
import errno
import functools
import json
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from engine.sandbox.code_request import GRACE, SAVING, Limits
from engine.sandbox.environment import TOKEN, child_environment
from engine.sandbox.process_tree import end_all, marked

_NOT_STARTED = "the process in which code runs did not start"
COMMAND = [sys.executable, "-P", "-m", "engine.sandbox.warm_server"]
_STARTING = 120.0  # seconds until a slow machine has loaded torch
_ENDING = 15.0  # seconds until everything that code started has ended
_lock = threading.Lock()
_running: _WarmProcess | None = None


def warm_process() -> _WarmProcess:
    """The warm process, which may still be loading torch."""
    global _running
    with _lock:
        if _running is None or not _running.is_running:
            _running = _WarmProcess()
            atexit.unregister(end_warm_process)
            atexit.register(end_warm_process)
        return _running


def end_warm_process() -> None:
    """Ends the warm process, if there is one, and everything that it has started."""
    global _running
    with _lock:
        process, _running = _running, None
    if process is not None:
        process.end()


def run_watched(folder: Path, limits: Limits) -> dict[str, Any]:
    """Runs the request in a folder; what is told of it, {} where the process that watches it is gone.

    Raises:
        ChildProcessError: an OSError; no process can be started.
    """
    request = asdict(limits) | {"folder": str(folder), "token": secrets.token_hex(8)}
    for _ in range(2):  # it may have ended for want of work just now
        process = warm_process()
        has_begun = False
        with process.channel() as channel, suppress(OSError, ValueError):
            answers = _send(channel, request)
            has_begun = bool(answers.readline())
            channel.settimeout(limits.seconds + GRACE + SAVING + _ENDING)
            report = json.loads(answers.readline() or "null")
            if isinstance(report, dict):
                return report
        process.end()
        if has_begun:
            return {}
    raise ChildProcessError(errno.ECHILD, _NOT_STARTED)


@functools.cache
def means() -> dict[str, Any]:
    """Which of Linux's means there are here: ``apart``, ``subreaper``."""
    with warm_process().channel() as channel, suppress(OSError, ValueError):
        report: dict[str, Any] = json.loads(_send(channel, {"only_bounds": True}).readline())
        return report
    return {}


def _send(channel: socket.socket, request: dict[str, Any]) -> IO[str]:
    channel.settimeout(_STARTING)
    channel.sendall(json.dumps(request).encode() + b"\n")
    return channel.makefile("r", encoding="utf-8")


class _WarmProcess:
    """A running ``engine.sandbox.warm_server``."""

    def __init__(self) -> None:
        self._token = secrets.token_hex(16)
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                COMMAND,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=child_environment(Path(tempfile.gettempdir()), self._token),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def channel(self) -> socket.socket:
        """A way to a keeper of its own; it is closed at once where the process ends."""
        ours, theirs = socket.socketpair()
        with theirs, suppress(OSError):
            socket.send_fds(self._control, [b"+"], [theirs.fileno()])
        return ours

    def end(self) -> None:
        """Ends it and everything that it and its runs have started."""
        self._control.close()
        self._process.kill()
        self._process.wait()
        end_all(lambda: marked(f"{TOKEN}={self._token}"))
