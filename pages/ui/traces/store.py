"""Traces and models kept between runs, bounded in bytes: the one place of the app that caches.

One store serves every visitor of the server. What it counts is what is alive, cached or still on somebody's screen, so
several people at once cannot take more memory than it was given; one forward pass runs at a time. Whoever has to wait
for room does not hold that one place meanwhile: the runs of others that fit go on.
"""

from __future__ import annotations

import gc
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from time import monotonic
from typing import Any

from engine.runtime.devices import give_back

_PATIENCE = 20.0  # seconds to wait for others' screens to let go
_LOOSE = 32  # a part of the room this small may have been let go of and not yet be the system's again


class BusyError(RuntimeError):
    """The memory is taken by what other people are looking at."""


class Store:
    """A least-recently-used cache of big immutable things with a bound on all of their bytes."""

    def __init__(self, room: int, patience: float = _PATIENCE) -> None:
        self.room = room
        self._patience = patience
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        # What is not kept any more but still on somebody's screen is found here, instead of made a second time.
        self._seen: weakref.WeakValueDictionary[Hashable, Any] = weakref.WeakValueDictionary()
        self._alive = 0
        self._loose = 0  # bytes let go of since memory was last given back to the system
        # Reentrant: a thing may be let go of, and say so, while its own thread holds the lock.
        self._lock = threading.Condition(threading.RLock())
        self._one_at_a_time = threading.Lock()

    @property
    def alive(self) -> int:
        """Bytes of everything made here that somebody still holds."""
        return self._alive

    def get(
        self, key: Hashable, nbytes: int, make: Callable[[], Any], weigh: Callable[[Any], int] | None = None
    ) -> Any:
        """What is kept under the key, or what ``make`` returns, which will hold ``nbytes``.

        Where ``weigh`` says the bytes of what was made, ``nbytes`` are no more than the most that they can be.

        Raises:
            BusyError: everything that could be let go of was, and what others hold still leaves too little.
            ValueError: it is larger than the whole room, so that no waiting would help.
        """
        if nbytes > self.room:
            raise ValueError(f"{nbytes} bytes never fit into a room of {self.room}")
        deadline: float | None = None
        while (kept := self._look_up_or_make(key, nbytes, make, weigh)) is None:
            if deadline is None:
                deadline = monotonic() + self._patience
                gc.collect()  # what is in a circle of references would never be let go of
            self._wait_for_room(nbytes, deadline)
        return kept

    def look_up(self, key: Hashable) -> Any:
        """What is kept under the key, or on somebody's screen; None where neither is."""
        with self._lock:
            kept = self._seen.get(key)
            if kept is not None:
                self._kept[key] = kept
                self._kept.move_to_end(key)
                self._lock.notify_all()  # who waits for room can let it go again
            return kept

    def _look_up_or_make(
        self, key: Hashable, nbytes: int, make: Callable[[], Any], weigh: Callable[[Any], int] | None
    ) -> Any:
        """None where there is no room yet."""
        kept = self.look_up(key)
        if kept is None:
            with self._one_at_a_time:
                kept = self.look_up(key)  # the one before us may have made it
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

    def _keep(self, key: Hashable, thing: Any, nbytes: int) -> None:
        with self._lock:
            self._kept[key] = self._seen[key] = thing
            self._alive += nbytes
            weakref.finalize(thing, self._let_go, nbytes)
            self._lock.notify_all()  # who waits for room can let it go again

    def _let_go(self, nbytes: int) -> None:
        with self._lock:
            self._alive -= nbytes
            self._loose += nbytes
            self._lock.notify_all()

    def _give_back(self) -> None:
        """Keeps the process as large as what is alive in it, but for a small part."""
        with self._lock:
            due = self._loose > self.room // _LOOSE
            if due:
                self._loose = 0
        if due:
            give_back()
