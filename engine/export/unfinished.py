"""Files have temporary names until they are complete, and those that a killed export left are deleted.

An export holds a file lock for as long as it runs, and the system releases a lock when its process ends, however that
is. So the parts of a killed export are told from those that another is still writing without trusting a process id,
which may belong to another process by now.
"""

from __future__ import annotations

import importlib
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

# Windows has no such module. To have a file open is to hold it there: nobody can delete it meanwhile.
fcntl = importlib.import_module("fcntl") if os.name == "posix" else None
_NAME = re.compile(r"\.(?P<file>.+)\.(?P<export>[0-9a-f]{8})\.part")
_LOCK = "export"


@contextmanager
def unfinished(folder: Path, names: Sequence[str]) -> Iterator[dict[str, Path]]:
    """Temporary paths for files of a folder, to be renamed when they are complete.

    Parts that killed exports of these files left in the folder are deleted first, and those of this export that were
    not renamed at the end.

    Args:
        folder: where the files go.
        names: their names in it.

    Yields:
        Name → the path to write to.

    Raises:
        OSError: the folder cannot be written to.
    """
    clear(folder, names)
    with _running(folder) as export:
        paths = {name: _path(folder, name, export) for name in names}
        try:
            yield paths
        finally:
            for path in paths.values():
                with suppress(OSError):
                    path.unlink()


def clear(folder: Path, names: Sequence[str]) -> None:
    """Deletes the parts of these files that exports left in a folder, save exports that are still running."""
    left: dict[str, list[Path]] = {}
    with suppress(OSError):  # a folder that may be written to and not be read
        for path in folder.iterdir():
            match = _NAME.fullmatch(path.name)
            if match and match["file"] in (*names, _LOCK):
                left.setdefault(match["export"], []).append(path)
    for export, paths in left.items():
        lock = _path(folder, _LOCK, export)
        with suppress(OSError):  # it is still running, or somebody else's
            _clear_dead(lock, [path for path in paths if path != lock])


def _path(folder: Path, name: str, export: str) -> Path:
    return folder / f".{name}.{export}.part"


def _clear_dead(lock: Path, paths: Sequence[Path]) -> None:
    """Takes away an export's files and its lock; raises OSError where it is still running."""
    if fcntl is None:
        lock.unlink(missing_ok=True)
        _unlink(paths)
    elif lock.exists():
        # Held until all is gone: an export that has made its lock and not yet taken it then sees that it is gone.
        with open(lock, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _unlink([*paths, lock])
    else:
        _unlink(paths)


def _unlink(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


@contextmanager
def _running(folder: Path) -> Iterator[str]:
    """An export that holds its lock; its name."""
    while True:
        export = secrets.token_hex(4)
        lock = _path(folder, _LOCK, export)
        file = open(lock, "xb")  # noqa: SIM115  on Windows it is closed before it is deleted, elsewhere after
        if _is_held(file, lock):
            break
        file.close()
    try:
        yield export
    finally:
        if fcntl is None:
            file.close()
        with suppress(OSError):
            lock.unlink()
        file.close()


def _is_held(file: BinaryIO, lock: Path) -> bool:
    """Takes the lock; False where another export has come upon it before that, and taken it away."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: what is left on it stays
        return True
    return lock.exists()
