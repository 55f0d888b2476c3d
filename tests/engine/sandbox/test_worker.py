"""What the process that ran somebody's code says of its end."""

from __future__ import annotations

import pytest
import torch

from engine import record
from engine.export.export_error import ExportError
from engine.sandbox import worker
from engine.sandbox.code_run import EndingKind


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (EndingKind.FINISHED, {"kind": EndingKind.TOO_LARGE}),
        (EndingKind.OUT_OF_MEMORY, {}),
        (EndingKind.RAISED, {}),
    ],
)
def test_a_trace_that_cannot_be_saved_is_the_end_only_of_code_that_finished(kind, told, monkeypatch, tmp_path):
    def refuses(trace, path):
        raise ExportError("full")

    monkeypatch.setattr(worker, "save_trace", refuses)
    trace = record(torch.relu, torch.ones(2))
    assert worker._saved(trace, tmp_path / "run.trace", {"kind": kind}) == told
