"""steps.csv and values.csv in a folder: both, or neither."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from engine.export.csv_tables import Progress, estimated_bytes, values_rows, write_steps, write_values
from engine.export.export_error import cannot_write, check_room
from engine.export.folder_names import check_folder_name
from engine.export.unfinished import unfinished
from engine.record.trace import Step

STEPS, VALUES = FILES = ("steps.csv", "values.csv")
_STEP_BYTES = 400  # a row of steps.csv; only has to be right beside the size of values.csv


@dataclass(frozen=True)
class Saved:
    """One file that was written; ``rows`` does not count its header."""

    path: Path
    rows: int
    nbytes: int


def save_csv(
    steps: Sequence[Step], folder: str | os.PathLike[str], progress: Progress | None = None
) -> tuple[Saved, ...]:
    """Writes steps.csv and values.csv into a folder, which is made if it is not there.

    Until both are complete they have other names, so a failure or Ctrl-C leaves earlier files as they were. Parts left
    by an export that was killed are deleted.

    Args:
        steps: the steps of a trace, or some of them.
        folder: where; files of these names that are there are replaced.
        progress: called with the rows of values.csv written so far, and those there will be.

    Returns:
        The two files.

    Raises:
        FolderNameError: no folder is given that name.
        ExportError: they cannot be written.
    """
    check_folder_name(os.fspath(folder))
    folder = Path(folder)
    needed = estimated_bytes(steps) + _STEP_BYTES * len(steps)
    writers: dict[str, Callable[[BinaryIO], None]] = {
        STEPS: lambda file: write_steps(steps, file),
        VALUES: lambda file: write_values(steps, file, progress),
    }
    new_folders: list[Path] = []
    at = folder
    try:
        _check_folder(folder)
        new_folders = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        with unfinished(folder, FILES) as parts:
            check_room(folder, needed)
            for name, write in writers.items():
                at = folder / name
                if at.is_dir():
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
                with open(parts[name], "xb") as file:
                    write(file)
            for name, part in parts.items():
                at = folder / name
                os.replace(part, at)
    except BaseException as error:  # Ctrl-C too must leave nothing
        for path in new_folders:
            with suppress(OSError):
                path.rmdir()
        if isinstance(error, OSError):
            raise cannot_write(at, error, folder, needed) from error
        raise
    rows = (len(steps), values_rows(steps))
    paths = (folder / name for name in FILES)
    return tuple(Saved(path, count, path.stat().st_size) for path, count in zip(paths, rows, strict=True))


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
