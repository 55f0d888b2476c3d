"""Calls of Linux that Python 3.11 has no functions for. Each returns whether it worked."""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 36, 38
_CLONE_NEWNS, _CLONE_NEWUSER, _CLONE_NEWPID = 0x20000, 0x10000000, 0x20000000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REC, _MS_PRIVATE = 2, 4, 8, 0x4000, 0x40000


def become_subreaper() -> bool:
    """From now on this process is the parent of its descendants whose own parents end."""
    return _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_with_parent() -> bool:
    """This process is killed when the one that forked it ends."""
    return _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def gain_no_rights() -> bool:
    """No program that this process or a descendant starts has more rights than it: sudo gives none."""
    return _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def separate_processes() -> bool:
    """The next process that this one forks is the first of a group of its own.

    It and its descendants see and signal one another alone, and the kernel ends them all with it. Where that needs
    rights that this process does not have, it takes them within a user namespace of its own, if the system lets it.
    """
    if _libc().unshare(_CLONE_NEWPID) == 0:
        return True
    user, group = os.geteuid(), os.getegid()
    if _libc().unshare(_CLONE_NEWUSER | _CLONE_NEWPID) != 0:
        return False
    try:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{user} {user} 1")
        _write("/proc/self/gid_map", f"{group} {group} 1")
    except OSError:  # it goes on without names for its user and group
        pass
    return True


def show_own_processes() -> bool:
    """``/proc`` shows this process's group of processes, to it and its descendants."""
    libc = _libc()
    if libc.unshare(_CLONE_NEWNS) != 0 or libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None) != 0:
        return False
    flags = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    return bool(libc.mount(b"proc", b"/proc", b"proc", flags, None) == 0)


def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
    return libc


def _prctl(option: int, value: int) -> bool:
    return bool(_libc().prctl(option, value, 0, 0, 0) == 0)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
