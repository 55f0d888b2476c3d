"""steps.csv and values.csv in a folder: both, or neither."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from engine.export import Progress, estimated_bytes, values_rows, write_steps, write_values
from engine.trace import Step
from engine.units import in_words

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_STEP_BYTES = 400  # a row of steps.csv; only has to be right beside the size of values.csv


class ExportError(OSError):
    """Files that could not be written: which, why, and on a full disk how much is needed. Nothing was left behind."""


@dataclass(frozen=True)
class Saved:
    """One file that was written; ``rows`` does not count its header."""

    path: Path
    rows: int
    nbytes: int


def save(steps: Sequence[Step], folder: str | os.PathLike[str], progress: Progress | None = None) -> tuple[Saved, ...]:
    """Writes steps.csv and values.csv into a folder, which is made if it is not there.

    Until both are complete they have names of their own, so that a failure or Ctrl-C leaves whatever was there before.

    Raises:
        ExportError: they cannot be written.
    """
    folder = Path(folder)
    needed = estimated_bytes(steps) + _STEP_BYTES * len(steps)
    writers: dict[Path, Callable[[BinaryIO], None]] = {
        folder / "steps.csv": lambda file: write_steps(steps, file),
        folder / "values.csv": lambda file: write_values(steps, file, progress),
    }
    suffix = f".{secrets.token_hex(4)}.part"
    unfinished = {path: path.with_name(f".{path.name}{suffix}") for path in writers}
    made: list[Path] = []
    at = folder
    try:
        _check_folder(folder)
        made = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        _check_room(folder, needed)
        for at, write in writers.items():
            if at.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            with open(unfinished[at], "xb") as file:
                write(file)
        for at in writers:
            os.replace(unfinished[at], at)
    except BaseException as error:  # Ctrl-C too must leave nothing
        for path in unfinished.values():
            with suppress(OSError):
                path.unlink()
        for path in made:
            with suppress(OSError):
                path.rmdir()
        if isinstance(error, OSError):
            raise ExportError(f"cannot write {at}: {_reason(error, folder, needed)}") from error
        raise
    rows = (len(steps), values_rows(steps))
    return tuple(Saved(path, count, path.stat().st_size) for path, count in zip(writers, rows, strict=True))


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))


def _check_room(folder: Path, needed: int) -> None:
    disk = shutil.disk_usage(folder)
    if disk.total and disk.free < needed:  # some file systems have no size to tell
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _reason(error: OSError, folder: Path, needed: int) -> str:
    reason = error.strerror or str(error)
    if error.errno not in _FULL:
        return reason
    with suppress(OSError):
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        free = in_words(shutil.disk_usage(existing).free)
        return f"{reason}; it needs about {in_words(needed)}, {free} are free"
    return f"{reason}; it needs about {in_words(needed)}"
