"""A change to the whole process that stands as long as any recording runs, in whichever thread."""

from __future__ import annotations

import threading
from collections.abc import Callable


class SharedChange:
    """Recordings may nest and overlap: the first makes the change, and only the last to end undoes it.

    As a context manager it is one recording.

    Args:
        make: makes the change. It is called by every recording, so that it also finds what has come in the meantime.
        undo: puts back what the change took away, where it is still there.
    """

    def __init__(self, make: Callable[[], None], undo: Callable[[], None]) -> None:
        self._make = make
        self._undo = undo
        self._lock = threading.Lock()
        self._recordings = 0

    def begin(self) -> None:
        """One recording more."""
        with self._lock:
            self._recordings += 1
            self._make()

    def end(self) -> None:
        """One recording less; without any the change is undone."""
        with self._lock:
            self._recordings -= 1
            if not self._recordings:
                self._undo()

    def __enter__(self) -> None:
        self.begin()

    def __exit__(self, *raised: object) -> None:
        self.end()
