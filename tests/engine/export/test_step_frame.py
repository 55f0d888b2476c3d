"""The table of a trace's steps as a DataFrame, beside the steps.csv of the same trace."""

import io
import math

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from engine import Config, record, run
from engine.export import step_columns
from engine.export.csv_tables import csv_bytes, write_steps

CONTRACT = [
    *("step", "path", "name", "op", "axes", "shape", "stride", "dtype", "device", "is_view", "is_contiguous"),
    *("numel", "bytes", "flops", "min", "max", "mean", "std", "nan", "inf", "expression", "file", "line", "parents"),
]


class Odd(nn.Module):
    """Somebody's module: no config, no comments, expressions that begin like a formula, numbers that are not finite."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))

    def forward(self, x):
        hidden = self.layers(x)
        negative = -hidden
        unknown = torch.special.i0(negative)
        nothing = torch.empty(0) * 2
        hidden = unknown / torch.zeros(1)
        return hidden.sum() + nothing.sum(), torch.view_as_complex(x.view(-1, 2))


def built_in():
    return run(Config(d_model=8, heads=2, device="cpu"))


def foreign():
    torch.manual_seed(0)
    return record(Odd(), torch.randn(2, 4))


def read(trace):
    """steps.csv as pandas reads it, a text that a spreadsheet must not run without its apostrophe."""
    content = csv_bytes(lambda file: write_steps(trace.steps, file))
    return pd.read_csv(io.BytesIO(content), keep_default_na=False, na_values={name: [""] for name in NUMBERS}).map(
        lambda value: value.removeprefix("'") if isinstance(value, str) else value
    )


NUMBERS = ("step", "numel", "bytes", "flops", "min", "max", "mean", "std", "nan", "inf", "line")


@pytest.mark.parametrize("make", [built_in, foreign])
def test_the_frame_of_a_trace_holds_what_its_steps_csv_reads_back(make):
    trace = make()
    frame, back = trace.to_frame(), read(trace)
    assert list(frame.columns) == list(back.columns) == CONTRACT
    assert len(frame) == len(back) == len(trace.steps)
    for name in frame.columns:
        if name in NUMBERS:
            got, expected = (table[name].to_numpy(dtype=float, na_value=np.nan) for table in (frame, back))
            assert np.array_equal(got, expected, equal_nan=True), name
        else:
            assert frame[name].fillna("").tolist() == back[name].tolist(), name


def test_the_frame_says_what_the_steps_say():
    trace = foreign()
    frame = trace.to_frame()
    assert frame["name"].tolist() == [step.name for step in trace.steps]
    assert frame["numel"].tolist() == [math.prod(step.shape) for step in trace.steps]
    assert frame["is_view"].tolist() == [step.is_view for step in trace.steps]
    assert [None if pd.isna(n) else n for n in frame["flops"]] == [step.flops for step in trace.steps]
    assert frame.loc[frame["name"] == "negative", "expression"].tolist() == ["-hidden"]


def test_the_statistics_of_a_step_stand_each_in_its_own_column():
    numbers = [math.nan, math.nan, math.inf, 1.0, 2.0, 6.0]
    (row,) = record(torch.clone, torch.tensor(numbers)).to_frame().to_dict("records")
    finite = np.array(numbers[3:])
    assert (row["nan"], row["inf"], row["min"], row["max"], row["mean"]) == (2, 1, 1.0, 6.0, 3.0)
    assert row["std"] == pytest.approx(finite.std(), rel=1e-12)


def test_counts_stay_whole_beside_unknown_ones_and_truth_values_true_or_false():
    frame = foreign().to_frame()
    assert frame["flops"].isna().any()
    assert frame["flops"].dtype == pd.Int64Dtype()
    assert frame["is_contiguous"].dtype == bool
    assert frame["mean"].dtype == np.float64


def test_a_trace_without_steps_is_an_empty_frame_with_every_column():
    assert list(record(lambda: None).to_frame().columns) == CONTRACT


def test_a_column_added_to_the_mapping_is_in_the_frame_and_in_steps_csv(monkeypatch):
    monkeypatch.setitem(step_columns.COLUMNS, "rank", lambda step: len(step.shape))
    trace = foreign()
    ranks = [step.value.dim() for step in trace.steps]
    assert trace.to_frame()["rank"].tolist() == read(trace)["rank"].tolist() == ranks
    assert list(trace.to_frame().columns) == [*CONTRACT, "rank"]
