"""A trace file is written whole or not at all."""

from __future__ import annotations

import errno
from collections import namedtuple

import pytest
import torch

from engine import open_trace, record, save_trace
from engine.export import export_error
from engine.export.export_error import ExportError


@pytest.fixture
def trace():
    return record(lambda x: x + 1, torch.zeros(1000))


def written_half(stop: BaseException):
    """A writer that is stopped in the middle."""

    def write(file, *_):
        file.write(b"x" * 100)
        file.flush()
        raise stop

    return write


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device"), MemoryError()])
def test_what_is_interrupted_leaves_the_earlier_file_and_nothing_else(trace, tmp_path, monkeypatch, stop):
    path = save_trace(trace, tmp_path / "run.trace")
    before = path.read_bytes()
    monkeypatch.setattr("engine.export.save_trace.write_container", written_half(stop))
    with pytest.raises(ExportError if isinstance(stop, OSError) else type(stop)):
        save_trace(record(lambda x: x * 2, torch.zeros(10)), path)
    assert [file.name for file in tmp_path.iterdir()] == ["run.trace"]
    assert path.read_bytes() == before


def test_a_disk_too_small_is_noticed_before_anything_is_written(trace, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(export_error.shutil, "disk_usage", lambda path: usage(2**30, 2**30 - 2**10, 2**10))
    with pytest.raises(ExportError, match=r"No space left on device; it needs about .* KiB, 1\.0 KiB are free$"):
        save_trace(trace, tmp_path / "run.trace")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "said"), [("nowhere/run.trace", "No such file or directory"), ("", "Is a directory")])
def test_where_no_file_can_be_is_said_in_one_line(trace, tmp_path, name, said):
    with pytest.raises(ExportError, match=rf"^cannot write [^\n]*: {said}$"):
        save_trace(trace, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_while_it_is_open(trace, tmp_path):
    path = save_trace(trace, tmp_path / "run.trace")
    opened = open_trace(path)
    save_trace(record(lambda x: x * 2 + 3, torch.zeros(5)), path)
    assert opened.steps[0].value.tolist() == [1.0] * 1000
    assert open_trace(path).steps[1].value.tolist() == [3.0] * 5
