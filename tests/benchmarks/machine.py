"""The kind of machine and the versions of everything measured; neither its name nor its folders."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch


def described(device: str) -> str:
    """``AMD EPYC, 2 cores, 23 GB, Linux, Python 3.11.7``."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    kind = [_processor(), f"{cores} cores", *_memory(), platform.system(), f"Python {platform.python_version()}"]
    if device == "cuda":
        kind.append(torch.cuda.get_device_name())
    return ", ".join(kind)


def versions(packages: Sequence[str]) -> str:
    """``torch 2.13.0, polars not installed``."""
    return ", ".join(f"{package} {version_of(package) or 'not installed'}" for package in packages)


def version_of(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _memory() -> list[str]:
    try:
        return [f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB"]
    except (AttributeError, ValueError, OSError):
        return []
