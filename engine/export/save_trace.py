"""A trace as one file, written whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from engine.export.export_error import cannot_write, check_room
from engine.export.unfinished import unfinished
from engine.record.trace import Trace
from engine.record.trace_file.container import container_bytes, write_container
from engine.record.trace_file.manifest import ManifestWriter

_STEP_BYTES = 800  # of the manifest for each step; only has to be right beside the size of the numbers


def save_trace(trace: Trace, path: str | os.PathLike[str]) -> Path:
    """Writes a trace into one file, to be opened with ``open_trace``.

    The file has every number once, what the steps say of each other, and the text of the functions that ran; there is
    no pickle in it. Until it is complete it has another name, so a failure or Ctrl-C leaves an earlier file as it was.
    A fused call can be opened again from its arguments. One that only its module can open, such as torch's encoder
    layer, is opened to be saved where the trace holds at most 256 MiB, or somebody opened it before.

    Args:
        trace: any trace, also one that ends with a failure.
        path: the file; one of this name that is there is replaced. Its folder must be there.

    Returns:
        The path.

    Raises:
        ExportError: an OSError; the file cannot be written.
    """
    path = Path(path)
    writer = ManifestWriter(trace)
    manifest = writer.manifest()
    blocks = writer.tensors.with_bytes()
    needed = container_bytes(storage.nbytes() for _, storage in blocks) + _STEP_BYTES * len(trace.steps)
    try:
        if path.is_dir() or not path.name:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        with unfinished(path.parent, [path.name]) as parts:
            check_room(path.parent, needed)
            with open(parts[path.name], "xb") as file:
                write_container(file, manifest, blocks)
                file.flush()
                os.fsync(file.fileno())  # the name must not outlive a power cut that the numbers do not
            os.replace(parts[path.name], path)
    except OSError as error:
        raise cannot_write(path, error, path.parent, needed) from error
    return path
