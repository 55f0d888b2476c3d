"""The memory that a container, or another control group of Linux, still leaves its processes.

A machine says how much of its memory is free; a process in a container is ended when the container's limit is reached,
however much that is. Read from the files that the kernel keeps (Documentation/admin-guide/cgroup-v1/memory.rst and
cgroup-v2.rst).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class _Version:
    """Where one version of control groups keeps its figures."""

    mount: str
    limit: str
    usage: str
    reclaimable: str  # pages of files that nobody has used for a while: the kernel takes them back when it must


@dataclass(frozen=True)
class Cgroup:
    """A control group that this process is in.

    Attributes:
        is_unified: whether it is the one of version 2, which has every controller.
        controllers: of version 1 what it controls, such as memory and pids.
        path: below where such groups are mounted, as the kernel writes it.
    """

    is_unified: bool
    controllers: frozenset[str]
    path: str


def own_cgroups(root: Path) -> Iterator[Cgroup]:
    """The control groups that this process is in; none where the kernel doesn't say.

    Args:
        root: where the file system begins.

    Returns:
        A group for each line of /proc/self/cgroup, ``hierarchy:controllers:path`` (cgroups(7)).
    """
    try:
        lines = (root / "proc/self/cgroup").read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for line in lines:
        hierarchy, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        yield Cgroup(hierarchy == "0", frozenset(controllers.split(",")), path)


_V1 = _Version("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_V2 = _Version("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file")


def memory_left(root: Path = Path("/")) -> int | None:
    """Bytes that this process's control groups leave it; None where no group has a limit, or this is not Linux.

    A group's limit holds for the groups within it too, so the least that any of them leaves counts.
    """
    left = [figure for version, group in _groups(root) if (figure := _left(version, group)) is not None]
    return min(left, default=None)


def _groups(root: Path) -> Iterator[tuple[_Version, Path]]:
    """The groups that this process is in, from its own up to the root of the file system that shows them."""
    for version, path in _own_groups(root):
        mount = root / version.mount
        # In a container the path may be the host's, or lead out of what the container sees: it sees its own group
        # alone, as the root.
        group = mount.joinpath(*(part for part in path.split("/") if part != ".."))
        yield from ((version, folder) for folder in (group, *group.parents) if folder.is_relative_to(mount))


def _own_groups(root: Path) -> Iterator[tuple[_Version, str]]:
    for group in own_cgroups(root):
        if "memory" in group.controllers:
            yield _V1, group.path
        elif group.is_unified:
            yield _V2, group.path


def _left(version: _Version, group: Path) -> int | None:
    limit, usage = _number(group / version.limit), _number(group / version.usage)
    if limit is None or usage is None:  # "max" is no limit, and neither is a file that is not there
        return None
    return max(limit - max(usage - _reclaimable(version, group), 0), 0)


def _reclaimable(version: _Version, group: Path) -> int:
    try:
        lines = (group / "memory.stat").read_text("ascii").splitlines()
        return int(dict(line.split() for line in lines)[version.reclaimable])
    except (OSError, KeyError, ValueError):
        return 0


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text("ascii"))
    except (OSError, ValueError):
        return None
