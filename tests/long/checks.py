"""Finds the long checks: the modules of this folder whose names begin with ``check_``."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path


def load() -> None:
    """Imports every module that declares a long check."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.name.startswith("check_"):
            importlib.import_module(f"tests.long.{module.name}")
