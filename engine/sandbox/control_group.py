"""A control group of Linux that bounds the memory and the processes of a person's code, where one can be made.

Documentation/admin-guide/cgroup-v1/memory.rst, pids.rst and cgroup-v2.rst of the kernel.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from engine.runtime.cgroup import own_cgroups

_PREFIX = "tensor-shape-explorer-"
_MEMORY_FILES = (("memory.max", "memory.swap.max"), ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"))


class ControlGroup:
    """Folders of the kernel's that bound whatever joins them.

    Args:
        name: of its own; no other group has it.
        nbytes: of memory.
        processes: processes and threads.
        root: where the file system begins.
    """

    def __init__(self, name: str, nbytes: int, processes: int, root: Path = Path("/")) -> None:
        self._folders: list[Path] = []
        for controller, parents in _parents(root):
            for parent in parents:
                folder = parent / f"{_PREFIX}{name}"
                try:
                    folder.mkdir()
                except OSError:
                    continue
                if _bound(folder, controller, nbytes, processes):
                    self._folders.append(folder)
                    break
                with suppress(OSError):
                    folder.rmdir()

    def join(self) -> None:
        """This process joins it, and with it whatever that starts."""
        for folder in self._folders:
            with suppress(OSError):
                (folder / "cgroup.procs").write_text("0")

    @property
    def memory_ran_out(self) -> bool:
        """Whether the kernel ended a process of it for its memory."""
        for folder in self._folders:
            for file in ("memory.events", "memory.oom_control"):
                with suppress(OSError, ValueError):
                    counts = dict(line.split() for line in (folder / file).read_text("ascii").splitlines())
                    if int(counts.get("oom_kill", 0)):
                        return True
        return False

    def remove(self) -> None:
        """Takes it away, once the kernel has let go of the processes that were in it."""
        for folder in self._folders:
            for _ in range(50):
                with suppress(FileNotFoundError):
                    try:
                        folder.rmdir()
                    except OSError as error:
                        if isinstance(error, FileNotFoundError):
                            raise
                        time.sleep(0.01)
                        continue
                break


def _parents(root: Path) -> Iterator[tuple[str, list[Path]]]:
    """The controller, and the groups in which one for it may be made, the likeliest first."""
    for group in own_cgroups(root):
        parts = [part for part in group.path.split("/") if part != ".."]
        for controller in {"memory", "pids"} & group.controllers:
            yield controller, [(root / "sys/fs/cgroup" / controller).joinpath(*parts)]
        if group.is_unified:
            own = (root / "sys/fs/cgroup").joinpath(*parts)
            # A group with processes of its own hands no controllers down, so that the new one stands beside it.
            yield "", [own.parent, own] if any(parts) else [own]


def _bound(folder: Path, controller: str, nbytes: int, processes: int) -> bool:
    """Sets the bounds that the group has; False where it has none."""
    bounded = False
    for memory, swap in _MEMORY_FILES:
        if controller != "pids":
            bounded |= _set(folder / memory, nbytes)
            _set(folder / swap, 0 if swap == "memory.swap.max" else nbytes)
    if controller != "memory":
        bounded |= _set(folder / "pids.max", processes)
    return bounded


def _set(file: Path, value: int) -> bool:
    try:
        if file.exists():
            file.write_text(str(value))
            return True
    except OSError:
        pass
    return False
