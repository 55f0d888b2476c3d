"""Traces and models kept between runs, bounded in bytes: the one place of the app that caches.

One store serves every visitor of the server. What it counts is what is alive, cached or still on somebody's screen, so
several people at once cannot take more memory than it was given; one forward pass runs at a time.
"""

from __future__ import annotations

import gc
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

_PATIENCE = 20.0  # seconds to wait for others' screens to let go


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
            BusyError: everything that could be let go of was, and it still does not fit.
        """
        found = self._look_up(key)
        if found is None:
            with self._one_at_a_time:
                found = self._look_up(key)  # the one before us may have made it
                if found is None:
                    self._make_room(nbytes)
                    found = make()
                    self._keep(key, found, weigh(found) if weigh else nbytes)
        return found

    def _look_up(self, key: Hashable) -> Any:
        with self._lock:
            found = self._seen.get(key)
            if found is not None:
                self._kept[key] = found
                self._kept.move_to_end(key)
            return found

    def _make_room(self, nbytes: int) -> None:
        with self._lock:
            while self._kept and self._alive + nbytes > self.room:
                self._kept.popitem(last=False)
            if self._alive + nbytes > self.room:
                gc.collect()
            if not self._lock.wait_for(lambda: self._alive + nbytes <= self.room, self._patience):
                raise BusyError

    def _keep(self, key: Hashable, thing: Any, nbytes: int) -> None:
        with self._lock:
            self._kept[key] = self._seen[key] = thing
            self._alive += nbytes
            weakref.finalize(thing, self._let_go, nbytes)

    def _let_go(self, nbytes: int) -> None:
        with self._lock:
            self._alive -= nbytes
            self._lock.notify_all()
