"""Traces from files, open on this server: uploads, runs of people's own code, and what the server was given.

A name stands for each in the address. That of an upload cannot be guessed, and says nothing to another server, or to
this one once it was started again.
"""

from __future__ import annotations

import secrets
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from engine import Trace, open_trace
from pages.ui.state.given_trace import given_path

MOST_UPLOADED = 16  # of each kind; the one that was looked at longest ago is closed
_GONE = (
    "The saved trace that this address names is not open on this server. It was closed, or the server was started "
    "again since; open its file again."
)
_UNREADABLE = "{file} cannot be read: {reason}."


class NotOpenError(Exception):
    """A trace that cannot be shown, in words for the screen."""


@dataclass(frozen=True)
class OpenedTrace:
    """A trace, the name of the file that it came from, and the program that made it, where that is known here."""

    file: str
    trace: Trace
    made_from: object = None


class OpenedTraces:
    """The traces that are open, by their names in the address."""

    def __init__(self, path_of: Callable[[str], Path | None] = given_path) -> None:
        self._path_of = path_of
        self._lock = threading.Lock()
        self._given: dict[str, tuple[float, OpenedTrace]] = {}
        self._uploaded: OrderedDict[str, OpenedTrace] = OrderedDict()

    def get(self, name: str) -> OpenedTrace:
        """The trace of this name.

        Raises:
            NotOpenError: there is none any more; says what to do.
        """
        with self._lock:
            if name in self._uploaded:
                self._uploaded.move_to_end(name)
                return self._uploaded[name]
            path = self._path_of(name)
            if path is None:
                raise NotOpenError(_GONE)
            try:
                changed = path.stat().st_mtime
                if name not in self._given or self._given[name][0] != changed:
                    self._given[name] = (changed, OpenedTrace(path.name, open_trace(path)))
            except OSError as error:
                raise NotOpenError(_UNREADABLE.format(file=path.name, reason=error.strerror)) from error
            except ValueError as error:
                raise NotOpenError(f"{error}.") from error
            return self._given[name][1]

    def add(self, file: str, content: BinaryIO, made_from: object = None) -> str:
        """Opens a file; its name in the address.

        Args:
            file: what people know it by.
            content: the file.
            made_from: the program that was run for it. Its runs close each other, and no file that somebody uploaded.

        Raises:
            NotOpenError: it is not a trace; says why.
        """
        # Opened, a trace needs its file no more by name; on Windows the file stays until the system clears it away.
        with tempfile.TemporaryDirectory(prefix="tensor-shape-explorer-", ignore_cleanup_errors=True) as folder:
            path = Path(folder) / "upload.trace"
            with open(path, "xb") as kept:
                while piece := content.read(2**20):
                    kept.write(piece)
            try:
                opened = OpenedTrace(file, open_trace(path), made_from)
            except ValueError as error:
                raise NotOpenError(f"{str(error).replace(path.name, file, 1)}.") from error
        name = secrets.token_urlsafe(9)
        with self._lock:
            self._uploaded[name] = opened
            alike = [key for key, other in self._uploaded.items() if (other.made_from is None) is (made_from is None)]
            for oldest in alike[:-MOST_UPLOADED]:
                del self._uploaded[oldest]
        return name


OPENED = OpenedTraces()
