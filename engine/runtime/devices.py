"""Which devices this machine has, and how much one of them can take."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

import psutil
import torch

from engine.config import ConfigError, Problem
from engine.runtime.cgroup import memory_left

if sys.platform != "win32":
    import resource


def available_devices() -> tuple[str, ...]:
    """The devices of this machine that a Config can name, the fastest first; the CPU is always there."""
    devices = []
    if torch.cuda.is_available():
        devices.append("cuda")
    if torch.backends.mps.is_available():
        devices.append("mps")
    return (*devices, "cpu")


def resolve_device(name: str, dtype: str) -> torch.device:
    """The device a Config's ``device`` and ``dtype`` mean on this machine.

    Raises:
        ConfigError: the device is not there, or cannot compute in this dtype; names those that can.
    """
    available = available_devices()
    if name == "auto":
        able = [device for device in available if not (device == "mps" and dtype == "float64")]
        return torch.device(able[0])
    if name not in available:
        rule = "device must be one that this machine has"
        raise ConfigError((Problem("device", rule, f"{name} is not here", f"present: {', '.join(available)}"),))
    if name == "mps" and dtype == "float64":
        rule = "MPS computes in 32 bits at most"
        raise ConfigError((Problem("dtype", rule, "float64", "use float32, or device cpu"),))
    return torch.device(name)


def memory_budget(device: torch.device) -> int:
    """Bytes one trace may take: half of what is free now, and on the CPU at most 4 GiB.

    The cap leaves a machine with other programs and other visitors usable; a GPU is there for this.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free // 2
    return min(_free_memory() // 2, 4 * 2**30)


def release_memory() -> None:
    """Gives memory that was let go of back to the system.

    glibc keeps the blocks of freed tensors in an arena for each of several threads, and there they stay: a server of
    many threads holds gigabytes that nothing uses. Other C libraries give large blocks back by themselves.
    """
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    if sys.platform == "linux":
        with suppress(AttributeError):  # a C library without it
            ctypes.CDLL(None).malloc_trim(0)


def _free_memory() -> int:
    """Bytes that this process can still take: of the machine's, its container's and its own, whichever is least."""
    limits = [psutil.virtual_memory().available, memory_left(), _address_space_left()]
    return min(limit for limit in limits if limit is not None)


def _address_space_left() -> int | None:
    """What ``ulimit -v`` leaves; None where there is no such limit."""
    if sys.platform == "win32":
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else max(limit - psutil.Process().memory_info().vms, 0)
