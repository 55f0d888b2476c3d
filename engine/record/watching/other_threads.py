"""Threads that the recorded program starts: what they compute is not watched, and a recording says so.

A mode is one thread's. While a recording runs in any thread, ``Thread.start`` is a function that tells the recorders of
its own thread; which of the started threads compute anything nobody can see without slowing them down.
"""

from __future__ import annotations

import threading

from torch.overrides import _get_current_function_mode_stack

from engine.record.watching.shared_change import SharedChange

_START = threading.Thread.start


def _start_noted(thread: threading.Thread) -> None:
    for mode in _get_current_function_mode_stack():
        if hasattr(mode, "threads"):
            mode.threads += 1
    _START(thread)


def _watch() -> None:
    if threading.Thread.start is _START:
        threading.Thread.start = _start_noted  # type: ignore[method-assign, assignment]


def _give_back() -> None:
    if threading.Thread.start is _start_noted:
        threading.Thread.start = _START  # type: ignore[method-assign]


STARTS = SharedChange(_watch, _give_back)
"""While it stands recorders count the threads that their programs start."""
