"""Asserts are rewritten once for all processes of a run, which share the work, and not by each for itself."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from _pytest.assertion import rewrite


def begun_apart(files: Sequence[Path], number: int, count: int) -> list[Path]:
    """The same files, for each of ``count`` processes beginning with others."""
    first = len(files) * number // count
    return [*files[first:], *files[:first]]


def rewrite_asserts(config: pytest.Config, folder: Path, number: int, count: int) -> None:
    """Keeps what pytest makes of every test file of a folder, where no other process has done so.

    To rewrite takes as long as all else that is done to collect the tests. Processes that all begin with the same file
    would each rewrite all of them.

    Args:
        config: pytest's own.
        folder: where the test files are.
        number: which of the processes this is, from 0.
        count: how many there are.
    """
    if sys.dont_write_bytecode:
        return
    for file in begun_apart(sorted(folder.rglob("test_*.py")), number, count):
        cache = rewrite.get_cache_dir(file)
        kept = cache / f"{file.stem}{rewrite.PYC_TAIL}"
        if rewrite.try_makedirs(cache) and rewrite._read_pyc(file, kept) is None:
            with suppress(SyntaxError):  # said when the file is collected
                source_hash, code = rewrite._rewrite_test(file, config)
                rewrite._write_pyc(config.stash[rewrite.assertstate_key], code, source_hash, kept)
