"""Runs a person's code in a process of its own, and gives its trace as a file and how it ended.

Whatever the code does, the caller stays as it was: the code gets no environment variables but those of a list, a folder
of its own that is removed afterwards, bounded time and memory, and everything that it started ends with it. It may read
and write files, and use the network, as the person who started the caller may.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine.sandbox.code_request import CodeRequest
from engine.sandbox.code_run import EndingKind, SandboxRun, ending_from
from engine.sandbox.separate_process import run_separately
from engine.sandbox.worker import ENDING_FILE, REQUEST_FILE, TRACE_FILE

_IS_LINUX = sys.platform == "linux"
_MOST_TOLD = 1_000_000  # bytes of what the code's process says of its end
_NOT_APART = "On this computer the code can end other programs of yours, this one among them."
_NOT_FOLLOWED = "Programs that the code starts in the background may outlive it on this computer."
_NOT_MEASURED = "The memory that the code takes is not bounded on this computer."


def warm_up() -> None:
    """Starts to load torch for the code's process, in the background, so that the first run need not wait for that."""
    if _IS_LINUX:
        from engine.sandbox.warm_process import warm_process

        warm_process()


def bounds() -> tuple[str, ...]:
    """What cannot be bounded on this computer, in sentences. May wait until torch is loaded."""
    if not _IS_LINUX:
        return (_NOT_MEASURED, _NOT_FOLLOWED, _NOT_APART)
    from engine.sandbox.warm_process import means

    linux_means = means()
    return () if linux_means.get("apart") else (_NOT_APART,)


def run_code(request: CodeRequest, path: str | os.PathLike[str]) -> SandboxRun:
    """Runs the code, and waits for its end: for as long as its limits allow, and some seconds in which it is saved.

    Args:
        request: the code, its inputs and its limits.
        path: where its trace is to be saved; the folder must be there. Nothing is where nothing was recorded.

    Returns:
        How it ended, and its trace.

    Raises:
        OSError: the trace cannot be put there, or no process can be started.
    """
    path = Path(path)
    folder = Path(tempfile.mkdtemp(prefix="tensor-shape-explorer-code-")).resolve()
    try:
        (folder / REQUEST_FILE).write_text(request.to_json(), "utf-8")
        report = _run(folder, request)
        # Nothing of the code runs any more: what lies in the folder stays as it is looked at.
        by_itself = _ending_told(folder)
        trace = _moved(folder / TRACE_FILE, path, request.limits.nbytes)
    finally:
        _remove(folder)
    limits = request.limits
    ended = _ending(report, by_itself)
    seconds = by_itself.get("seconds")
    return SandboxRun(
        ending=ending_from(ended, limits.seconds, limits.nbytes, limits.processes),
        trace_path=trace,
        target=str(by_itself.get("target", ""))[:200],
        output=str(report.get("output", "")),
        output_left_out=int(report.get("left_out", 0)),
        seconds=float(seconds if isinstance(seconds, float) else report.get("seconds", 0.0)),
    )


def _run(folder: Path, request: CodeRequest) -> dict[str, Any]:
    if _IS_LINUX:
        from engine.sandbox.warm_process import run_watched

        return run_watched(folder, request.limits)
    return run_separately(folder, request.limits)


def _ending(report: dict[str, Any], by_itself: dict[str, Any]) -> dict[str, Any]:
    """What ended it, from what those told who watched it, and what it told of itself before its end."""
    if not report:
        return {"kind": EndingKind.LOST}
    if report.get("stopped"):
        return {"kind": report["stopped"]}
    if by_itself.get("kind") in list(EndingKind):
        return by_itself
    if "signal" in report:
        return {"kind": EndingKind.CRASHED, "signal": report["signal"]}
    return {"kind": EndingKind.EXITED, "status": report.get("status")}


def _ending_told(folder: Path) -> dict[str, Any]:
    """What the code's process wrote of its end; {} where that is nothing, or nothing that can be read."""
    file = folder / ENDING_FILE
    report = None
    with suppress(OSError, ValueError, RecursionError):
        if _is_plain(file, _MOST_TOLD):
            report = json.loads(file.read_text("utf-8"))
    return report if isinstance(report, dict) else {}


def _moved(file: Path, path: Path, most: int) -> Path | None:
    """The trace file where the caller wants it; None where there is none."""
    if not _is_plain(file, most):
        return None
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        shutil.move(file, part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _is_plain(file: Path, most: int) -> bool:
    """Whether it is a file, and not a link to one or a pipe that nobody writes to, and of a size that can be read."""
    try:
        about = file.lstat()
        is_folder = stat.S_ISDIR(file.parent.lstat().st_mode)
    except OSError:
        return False
    return is_folder and stat.S_ISREG(about.st_mode) and about.st_size <= most


def _remove(folder: Path) -> None:
    """Takes the folder away, also where the code took the rights to it from everybody."""
    if folder.is_symlink():
        folder.unlink()
    with suppress(OSError):
        folder.chmod(0o700)
    for inner, names, _ in os.walk(folder):
        for name in names:
            path = Path(inner, name)
            with suppress(OSError):
                if not path.is_symlink():
                    path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
