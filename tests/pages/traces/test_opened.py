"""Saved traces that the app shows: which names of an address open what."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
import torch

from engine import record, save_trace
from pages.ui.state import given_trace
from pages.ui.state.settings import first, from_query
from pages.ui.traces import opened
from pages.ui.traces.opened import NotOpenError, OpenedTraces


def saved(path: Path, number: float) -> Path:
    return save_trace(record(lambda x: x + number, torch.zeros(2)), path)


def value(traces: OpenedTraces, name: str) -> float:
    return traces.get(name).trace.steps[0].value[0].item()


@pytest.fixture
def given(tmp_path, monkeypatch):
    """Starts the server on a file or a folder."""
    return lambda path: monkeypatch.setattr(given_trace, "GIVEN", path)


def test_an_upload_is_open_under_a_name_of_its_own_and_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(opened.tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    traces = OpenedTraces()
    names = [traces.add("run.trace", io.BytesIO(saved(tmp_path / "x", number).read_bytes())) for number in (1, 2)]
    assert [value(traces, name) for name in names] == [1.0, 2.0]
    assert traces.get(names[0]).file == "run.trace"
    assert list((tmp_path / "temporary").iterdir()) == []


def test_an_upload_that_is_no_trace_is_refused_under_its_own_name():
    with pytest.raises(NotOpenError, match=r"^cat\.trace can't be opened as a trace: it is not a safetensors file\.$"):
        OpenedTraces().add("cat.trace", io.BytesIO(b"\x89PNG"))


def test_the_upload_that_was_looked_at_longest_ago_is_closed_for_a_new_one(tmp_path, monkeypatch):
    monkeypatch.setattr(opened, "MOST_UPLOADED", 2)
    traces = OpenedTraces()
    content = saved(tmp_path / "x", 1).read_bytes()
    a, b = (traces.add("x", io.BytesIO(content)) for _ in range(2))
    traces.get(a)
    c = traces.add("x", io.BytesIO(content))
    assert [value(traces, name) for name in (a, c)] == [1.0, 1.0]
    with pytest.raises(NotOpenError, match="not open on this server"):
        traces.get(b)


def test_a_bare_address_opens_the_file_that_the_server_was_started_on(tmp_path, given):
    given(saved(tmp_path / "run.trace", 3))
    settings, notes = from_query({})
    assert notes == ()
    assert settings == first()
    assert value(OpenedTraces(), settings.opened) == 3.0
    assert settings.to_query() == {}
    away, _ = from_query({"trace": given_trace.NOTHING})
    assert away.opened == ""
    assert away.to_query() == {"trace": given_trace.NOTHING}


def test_a_given_file_that_was_written_anew_is_opened_anew(tmp_path, given):
    path = saved(tmp_path / "run.trace", 3)
    given(path)
    traces = OpenedTraces()
    assert value(traces, "given") == 3.0
    saved(path, 4)
    os.utime(path, (1, 1))
    assert value(traces, "given") == 4.0


def test_an_address_names_the_traces_of_the_given_folder_and_nothing_else(tmp_path, given):
    (tmp_path / "inside").mkdir()
    saved(tmp_path / "inside" / "run.trace", 5)
    saved(tmp_path / "secret.trace", 6)
    given(tmp_path / "inside")
    traces = OpenedTraces()
    assert value(traces, "run") == 5.0
    for name in ("secret", "../secret", "../secret.trace", str(tmp_path / "secret"), "", "run.trace", "run\0"):
        with pytest.raises(NotOpenError, match="open its file again"):
            traces.get(name)


def test_a_given_file_that_is_gone_or_no_trace_is_said_in_a_sentence(tmp_path, given):
    given(tmp_path / "gone.trace")
    with pytest.raises(NotOpenError, match=r"^gone\.trace cannot be read: No such file or directory\.$"):
        OpenedTraces().get("given")
    (tmp_path / "gone.trace").write_text("no")
    with pytest.raises(NotOpenError, match=r"^gone\.trace can't be opened as a trace: it is not a safetensors file\.$"):
        OpenedTraces().get("given")


def test_the_name_of_a_saved_trace_is_in_the_address_beside_the_settings():
    settings, _ = from_query({"trace": "abc", "weights": "random", "heads": "2"})
    assert (settings.opened, settings.trained, settings.writes) == ("abc", False, False)
    assert settings.to_query()["trace"] == "abc"
    assert from_query(settings.to_query())[0] == settings
