"""Watches one run of a person's code on Linux: its time, its memory, its processes, what it prints, and its end.

The keeper is forked for one run, runs none of that code, and ends with it. Whatever the code starts is a descendant of
the keeper's, also what leaves its group and its session, and the keeper returns when there is none left.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import socket
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from engine.sandbox import linux
from engine.sandbox.code_request import GRACE, SAVING
from engine.sandbox.code_run import EndingKind
from engine.sandbox.control_group import ControlGroup
from engine.sandbox.process_tree import address_bytes, descendants, end_all, reaped, resident_bytes
from engine.sandbox.worker import RAN_FILE, work

_LOOK = 0.05  # seconds between two looks at memory and processes
_SPARE = 2**29  # bytes that saving may take beyond the limit of the code
# A process that reaches its limit is refused memory, and can say where. This much more, and all of them are ended.
_BEYOND = 2**27
_THREADS = 64  # that may run beside the processes: the control group counts both


def keep(channel: socket.socket) -> None:
    """Runs the request that comes through a channel, and tells how it ended; or what can be bounded, where asked that.

    The caller ends the run by closing the channel.
    """
    request: dict[str, Any] = json.loads(channel.makefile("r", encoding="utf-8").readline())
    is_subreaper = linux.become_subreaper()
    if request.get("only_bounds"):
        means = {"apart": linux.separate_processes(), "subreaper": is_subreaper}
        channel.sendall(json.dumps(means).encode() + b"\n")
        return
    channel.sendall(b"{}\n")  # from now on the code's own time counts
    group = ControlGroup(request["token"], request["nbytes"] + _SPARE, request["processes"] + _THREADS)
    report: dict[str, Any] = {}
    try:
        report = _Watch(request, group, channel).report()
    finally:
        group.remove()
    with suppress(OSError):
        channel.sendall(json.dumps(report).encode() + b"\n")


class _Watch:
    """One run."""

    def __init__(self, request: dict[str, Any], group: ControlGroup, channel: socket.socket) -> None:
        self._request = request
        self._group = group
        self._channel = channel
        self._folder = Path(request["folder"])
        self._output = bytearray()
        self._left_out = 0
        self._code: int | None = None  # how the child ended
        self._usual = resident_bytes(os.getpid())  # of a fork that has done nothing yet
        self._reading, writing = os.pipe()
        os.set_blocking(self._reading, False)
        self._status_pipe, status = os.pipe()
        apart = linux.separate_processes()
        self._child = os.fork()
        if self._child == 0:
            _begin(lambda: self._become_worker(writing), status if apart else None)
        os.close(writing)
        os.close(status)
        self._began = time.monotonic()

    def report(self) -> dict[str, Any]:
        """What is said of the run when nothing of it is left."""
        reason: EndingKind | None = None
        watched: list[int | socket.socket] = [self._reading, self._channel, *_pidfd(self._child)]
        looked = 0.0
        try:
            while reason is None and not self._has_ended():
                ready, _, _ = select.select(watched, [], [], _LOOK)
                self._read()
                if self._channel in ready:
                    break  # the caller has gone
                if time.monotonic() - looked > _LOOK:
                    looked = time.monotonic()
                    reason = self._exceeded()
        finally:
            seconds = time.monotonic() - self._began
            self._end()
        self._read()
        status = self._status()
        if reason is None and status.get("signal") == signal.SIGKILL and self._group.memory_ran_out:
            reason = EndingKind.OUT_OF_MEMORY
        return status | {
            "stopped": reason,
            "seconds": seconds,
            "output": self._output.decode("utf-8", "replace"),
            "left_out": self._left_out,
        }

    def _has_ended(self) -> bool:
        """Whether the child has. Whatever has is waited for: there are only so many numbers for processes."""
        self._code = reaped().get(self._child, self._code)
        return self._code is not None

    def _left(self) -> list[int]:
        """What still runs."""
        self._has_ended()
        return descendants(os.getpid())

    def _exceeded(self) -> EndingKind | None:
        """The limit that the code is beyond."""
        allowed, room = self._request["seconds"] + GRACE, self._request["nbytes"] + _BEYOND
        if os.path.exists(self._folder / RAN_FILE):
            allowed, room = allowed + SAVING, room + _SPARE
        if time.monotonic() - self._began > allowed:
            return EndingKind.TIMED_OUT
        running = self._left()
        if len(running) > self._request["processes"]:
            return EndingKind.TOO_MANY_PROCESSES
        taken = sum(max(0, resident_bytes(pid) - self._usual) for pid in running)
        return EndingKind.OUT_OF_MEMORY if taken > room else None

    def _read(self) -> None:
        """What was printed; what goes beyond the limit is read too, or the code would wait."""
        with suppress(BlockingIOError):
            for _ in range(64):
                more = os.read(self._reading, 2**16)
                if not more:
                    return
                room = self._request["output"] - len(self._output)
                self._output += more[:room]
                self._left_out += max(0, len(more) - room)

    def _end(self) -> None:
        """Ends whatever is left of it."""
        if self._code is None:
            os.kill(self._child, signal.SIGKILL)
        end_all(self._left)

    def _status(self) -> dict[str, Any]:
        """The exit status of the worker, or the signal that ended it."""
        text = os.read(self._status_pipe, 100)
        code = int(text) if text else self._code
        if code is None:  # it could not be ended
            return {}
        number = os.waitstatus_to_exitcode(code)
        return {"signal": -number} if number < 0 else {"status": number}

    def _become_worker(self, output: int) -> NoReturn:
        request = self._request
        linux.gain_no_rights()
        self._group.join()
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")  # before anything else, where the machine runs out
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, source in enumerate((nothing, output, output)):
            os.dup2(source, number)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        os.chdir(self._folder)
        most = address_bytes(os.getpid()) + request["nbytes"]
        _limit(resource.RLIMIT_AS, most, most + _SPARE)
        _limit(resource.RLIMIT_FSIZE, request["nbytes"], request["nbytes"])
        _limit(resource.RLIMIT_CORE, 0, 0)
        try:
            work(self._folder)
        except BaseException:  # the code has broken what the engine uses
            traceback.print_exc()
        finally:
            os._exit(1)


def _begin(become_worker: Callable[[], NoReturn], status: int | None) -> NoReturn:
    """The child: the worker itself, or the first of a group of processes, which waits for the worker."""
    linux.end_with_parent()
    os.setsid()
    if status is None:
        become_worker()
    linux.show_own_processes()
    worker = os.fork()
    if worker == 0:
        linux.end_with_parent()
        os.setsid()
        become_worker()
    while True:
        ended, code = os.wait()
        if ended == worker:
            os.write(status, str(code).encode())
            os._exit(0)


def _limit(kind: int, soft: int, hard: int) -> None:
    with suppress(ValueError, OSError):
        _, most = resource.getrlimit(kind)
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)
        resource.setrlimit(kind, (soft, hard))


def _pidfd(pid: int) -> list[int]:
    """Something that can be read when a process ends; nothing on an old kernel."""
    try:
        return [os.pidfd_open(pid)]
    except OSError:
        return []
