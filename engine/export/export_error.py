"""Files that could not be written: which, why, and on a full disk how much is needed."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path

from engine.export.units import format_bytes

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_CANNOT_WRITE = "cannot write {path}: {reason}"
_FULL_DISK = "{reason}; it needs about {needed}, {free} are free"
_FULL_SOMEWHERE = "{reason}; it needs about {needed}"


class ExportError(OSError):
    """Files that could not be written: which, why, and on a full disk how much is needed. Nothing was left behind."""


def check_room(folder: Path, needed: int) -> None:
    """Refuses to begin a file that a folder has no room for.

    Args:
        folder: where the file is to be.
        needed: its bytes.

    Raises:
        OSError: that of a full disk.
    """
    disk = shutil.disk_usage(folder)
    if disk.total and disk.free < needed:  # some file systems have no size to tell
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def cannot_write(path: Path, error: OSError, folder: Path, needed: int) -> ExportError:
    """The error for a file of a folder that could not be written, where about ``needed`` bytes were to be.

    Args:
        path: the file.
        error: what the system said.
        folder: where it was to lie.
        needed: bytes.

    Returns:
        The error to raise, with a rule, the folder, and what would help.
    """
    return ExportError(_CANNOT_WRITE.format(path=path, reason=_reason(error, folder, needed)))


def _reason(error: OSError, folder: Path, needed: int) -> str:
    reason = error.strerror or str(error)
    if error.errno not in _FULL:
        return reason
    with suppress(OSError):
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        free = format_bytes(shutil.disk_usage(existing).free)
        return _FULL_DISK.format(reason=reason, needed=format_bytes(needed), free=free)
    return _FULL_SOMEWHERE.format(reason=reason, needed=format_bytes(needed))
