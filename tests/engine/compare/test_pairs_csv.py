"""The pairs as CSV, read back with pandas."""

import io

import pandas as pd
import torch

from engine import Config, compare, record, run
from engine.compare import Verdict
from engine.compare.pairs_csv import PAIR_COLUMNS, write_pairs


def read_back(comparison):
    file = io.BytesIO()
    write_pairs(comparison, file)
    return pd.read_csv(io.BytesIO(file.getvalue()), keep_default_na=False, na_values=[""])


def test_every_pair_is_a_row_with_its_numbers():
    comparison = compare(run(Config()), run(Config(activation="gelu")))
    table = read_back(comparison)
    assert list(table) == [*PAIR_COLUMNS, "first"]
    assert len(table) == len(comparison.pairs)
    for row, pair in zip(table.itertuples(), comparison.pairs, strict=True):
        assert row.verdict == pair.verdict.value
        assert (pd.isna(row.step_a), pd.isna(row.step_b)) == (pair.a is None, pair.b is None)
        if pair.difference is not None:
            assert (row.largest, row.relative, row.share) == (
                pair.difference.largest, pair.difference.relative, pair.difference.share
            )  # fmt: skip
    (first,) = table[table["first"] == 1].itertuples()
    assert first.name_b == comparison.first.b.full_name


def test_a_step_alone_has_empty_cells_on_the_other_side():
    with torch.no_grad():
        longer = record(lambda x: (x * 2 + 1).exp(), torch.ones(3))
        shorter = record(lambda x: (x * 2).exp(), torch.ones(3))
    comparison = compare(longer, shorter)
    (alone,) = [pair for pair in comparison.pairs if pair.verdict is Verdict.ONLY_IN_A]
    row = read_back(comparison).iloc[comparison.pairs.index(alone)]
    assert (row["op_a"], row["first"]) == ("add", 1)
    assert pd.isna(row["op_b"])
    assert pd.isna(row["largest"])
