"""Traces and models kept between runs, bounded in bytes: the only cache of the app.

One store serves every visitor of the server. It counts what is alive, cached or still on somebody's screen, so several
people at once cannot take more memory than it was given. One forward pass runs at a time; a run that waits for memory
does not block the runs of others that fit.
"""

from __future__ import annotations

import gc
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from time import monotonic
from typing import Any

from engine.runtime.devices import release_memory

_PATIENCE = 20.0  # seconds to wait until others' screens release memory
_UNRETURNED = 32  # one part in so many of the store's bytes may be freed and not yet be the system's again


class BusyError(RuntimeError):
    """The memory is taken by what other people are looking at."""


class Store:
    """A least-recently-used cache of big immutable things with a bound on all of their bytes."""

    def __init__(self, room: int, patience: float = _PATIENCE) -> None:
        self.room = room
        self._patience = patience
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        # What is no longer cached but still on somebody's screen is taken from here instead of made a second time.
        self._on_screens: weakref.WeakValueDictionary[Hashable, Any] = weakref.WeakValueDictionary()
        self._alive = 0
        self._freed = 0  # bytes freed since memory was last given back to the system
        # Reentrant: a thing may be freed, and call ``_release``, while its own thread holds the lock.
        self._lock = threading.Condition(threading.RLock())
        self._one_pass = threading.Lock()

    @property
    def alive(self) -> int:
        """Bytes of everything made here that somebody still holds."""
        return self._alive

    def get(
        self, key: Hashable, nbytes: int, make: Callable[[], Any], weigh: Callable[[Any], int] | None = None
    ) -> Any:
        """What is kept under the key, else what ``make`` returns, which is then kept.

        Args:
            key: equal for equal things.
            nbytes: the bytes that it will hold, or the most it can hold where ``weigh`` is given.
            make: makes it.
            weigh: the bytes that it does hold.

        Raises:
            BusyError: everything unused was freed, and what others hold still leaves too little.
            ValueError: it is larger than the whole store, so that no waiting would help.
        """
        if nbytes > self.room:
            raise ValueError(f"{nbytes} bytes never fit into a room of {self.room}")
        deadline: float | None = None
        while (kept := self._look_up_or_make(key, nbytes, make, weigh)) is None:
            if deadline is None:
                deadline = monotonic() + self._patience
                gc.collect()  # what is in a cycle of references would never be freed
            self._wait_for_room(nbytes, deadline)
        return kept

    def look_up(self, key: Hashable) -> Any:
        """What is cached under the key or still on somebody's screen; None where neither is."""
        with self._lock:
            kept = self._on_screens.get(key)
            if kept is not None:
                self._kept[key] = kept
                self._kept.move_to_end(key)
                self._lock.notify_all()  # a run that waits for memory may free it again
            return kept

    def _look_up_or_make(
        self, key: Hashable, nbytes: int, make: Callable[[], Any], weigh: Callable[[Any], int] | None
    ) -> Any:
        """What is kept or was made; None where there is no room yet."""
        kept = self.look_up(key)
        if kept is None:
            with self._one_pass:
                kept = self.look_up(key)  # the pass before this one may have made it
                if kept is None and self._make_room(nbytes):
                    self._give_back()
                    kept = make()
                    self._keep(key, kept, weigh(kept) if weigh else nbytes)
        return kept

    def _make_room(self, nbytes: int) -> bool:
        with self._lock:
            while self._kept and self._alive + nbytes > self.room:
                self._kept.popitem(last=False)
            return self._alive + nbytes <= self.room

    def _wait_for_room(self, nbytes: int, deadline: float) -> None:
        with self._lock:
            if not self._lock.wait_for(lambda: self._make_room(nbytes), max(deadline - monotonic(), 0)):
                raise BusyError

    def _keep(self, key: Hashable, value: Any, nbytes: int) -> None:
        with self._lock:
            self._kept[key] = self._on_screens[key] = value
            self._alive += nbytes
            weakref.finalize(value, self._release, nbytes)
            self._lock.notify_all()  # a run that waits for memory may free it again

    def _release(self, nbytes: int) -> None:
        with self._lock:
            self._alive -= nbytes
            self._freed += nbytes
            self._lock.notify_all()

    def _give_back(self) -> None:
        """Gives freed memory back to the system once it is more than a small part of the store."""
        with self._lock:
            due = self._freed > self.room // _UNRETURNED
            if due:
                self._freed = 0
        if due:
            release_memory()
