"""Tensors that are no plain grid of floats: everything that is said of a trace is said of theirs, with true numbers."""

from __future__ import annotations

import math

import pytest
import torch

from engine import Trace, explain, findings, open_trace, record, save_trace

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
INT_MAX = 2**63 - 1

# ruff: noqa: F841  the names are those of the recorded steps


def awkward(x: torch.Tensor) -> torch.Tensor:
    narrow = x.to(torch.bfloat16)
    eight = x.to(torch.float8_e4m3fn)
    wide = eight.to(torch.float32)
    exponent = x.relu().add(1).to(torch.float8_e8m0fnu)
    packed = x.to(torch.uint8).view(torch.float4_e2m1fn_x2)
    sparse = x.relu().to_sparse()
    rows = x.relu().to_sparse_csr()
    turned = torch.complex(x, x + 1)
    squared = turned * turned.conj()
    dense = rows.to_dense()
    coarse = torch.quantize_per_tensor(x, 0.5, 0, torch.qint8)
    channels = torch.quantize_per_channel(x, torch.ones(3), torch.zeros(3), 0, torch.qint8)
    none = x[:0] @ x.mT
    total = x.sum()
    signs = x > 0
    huge = torch.tensor([INT_MAX, -(2**63), 2**53 + 1])
    hidden = torch.log(x - 2)
    endless = 1 / torch.zeros(3, 4)
    both = hidden + endless
    deep = x.view(1, 1, 3, 1, 4, 1, 1) + torch.ones(2, 1, 3, 2, 1, 2, 1)
    back = deep.permute(6, 5, 4, 3, 2, 1, 0)
    order = x.sort(-1).indices
    return both


@pytest.fixture(scope="module", params=["recorded", "opened"])
def trace(request, tmp_path_factory) -> Trace:
    recorded = record(awkward, torch.arange(12.0).view(3, 4) - 5)
    if request.param == "recorded":
        return recorded
    return open_trace(save_trace(recorded, tmp_path_factory.mktemp("awkward") / "run.trace"))


def test_findings_notebooks_and_tables_work_for_every_dtype_and_layout(trace: Trace):
    assert [finding.rule for finding in findings(trace)][:1] == ["first_nan"]
    assert "<table" in trace._repr_html_()
    for step in trace.steps:
        assert step.name in step._repr_html_()
    assert list(trace.to_frame()["name"]) == [step.name for step in trace.steps]


def test_statistics_are_those_of_the_numbers(trace: Trace):
    low = trace.find("eight").statistics
    assert (low.min, low.max) == (-5.0, 6.0)
    huge = trace.find("huge").value
    assert huge.tolist() == [INT_MAX, -(2**63), 2**53 + 1]
    x = torch.arange(12.0).view(3, 4) - 5
    assert trace.find("hidden").statistics.nan == int(torch.log(x - 2).isnan().sum())
    assert trace.find("endless").statistics.inf == 12
    assert trace.find("back").shape == (1, 2, 4, 2, 3, 1, 2)
    assert "two in a byte" in trace.find("packed").unreadable


def test_every_number_that_is_explained_is_the_one_that_torch_computed(trace: Trace):
    explained = 0
    for step in trace.steps:
        if (
            step.value.is_meta
            or step.value.layout != torch.strided
            or step.unreadable
            or not step.value.numel()
            or step.value.is_complex()
        ):
            continue
        corner = tuple(size - 1 for size in step.shape)
        explanation = explain(trace, step, corner)
        assert explanation.agrees is not False, step.name
        if not step.value.is_quantized:
            number = step.value[corner].item()
            assert explanation.value == number or math.isnan(number)
        explained += 1
    assert explained >= 20


def test_a_nan_in_float8_is_found():
    trace = record(lambda x: x.to(torch.float8_e4m3fn), torch.tensor([1.0, math.nan]))
    assert [finding.rule for finding in findings(trace)] == ["first_nan"]
