"""Which devices this machine has, and how much one of them can take."""

from __future__ import annotations

import os

import torch

from engine.config import ConfigError, Problem


def present() -> tuple[str, ...]:
    """The devices of this machine that a Config can name, the fastest first; the CPU is always there."""
    found = []
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return (*found, "cpu")


def choose(name: str, dtype: str) -> torch.device:
    """The device a Config's ``device`` and ``dtype`` mean on this machine.

    Raises:
        ConfigError: the device is not there, or cannot compute in this dtype; names those that can.
    """
    here = present()
    if name == "auto":
        able = [device for device in here if not (device == "mps" and dtype == "float64")]
        return torch.device(able[0])
    if name not in here:
        rule = "device must be one that this machine has"
        raise ConfigError((Problem("device", rule, f"{name} is not here", f"present: {', '.join(here)}"),))
    if name == "mps" and dtype == "float64":
        rule = "MPS computes in 32 bits at most"
        raise ConfigError((Problem("dtype", rule, "float64", "use float32, or device cpu"),))
    return torch.device(name)


def room(device: torch.device) -> int:
    """Bytes one trace may take: half of what is free now, and on the CPU at most 4 GiB.

    The cap leaves a machine with other programs and other visitors usable; a GPU is there for this.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free // 2
    return min(_free_memory() // 2, 4 * 2**30)


def _free_memory() -> int:
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            fields = dict(line.split(":", 1) for line in lines)
        return int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        pass
    try:
        # Not Linux: what is installed is known, what is free is not; take half.
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, OSError, ValueError):
        return 4 * 2**30
