"""How far something long is: one line of a terminal that is drawn again and again, and nothing anywhere else."""

from __future__ import annotations

import sys
import time

_CELLS = 24
_REST = 0.1  # seconds between two drawings


class Bar:
    """A bar on stderr while it is a terminal, used as a context that wipes it at the end."""

    def __init__(self, noun: str, total: int) -> None:
        self._noun, self._total = noun, total
        self._drawn = -_REST
        self._is_shown = sys.stderr.isatty()

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._wipe()

    def at(self, done: int, note: str = "") -> None:
        """Draws how many of the total are done, and what else is to be said, no more than ten times a second."""
        now = time.monotonic()
        if self._is_shown and now - self._drawn >= _REST:
            self._drawn = now
            filled = _CELLS * done // self._total
            bar = "█" * filled + "░" * (_CELLS - filled)
            self._draw(f"\r\033[K{bar} {done:,} of {self._total:,} {self._noun} {note}")

    def say(self, line: str) -> None:
        """Prints a line that stays, on stdout, above the bar."""
        self._wipe()
        print(line, flush=True)

    def _wipe(self) -> None:
        if self._is_shown:
            self._draw("\r\033[K")

    def _draw(self, text: str) -> None:
        try:
            print(text, end="", file=sys.stderr, flush=True)
        except OSError:  # the terminal was closed; what is being done may still be finished
            self._is_shown = False
