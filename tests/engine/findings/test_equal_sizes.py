"""Sizes that are equal by accident are found by giving them different ones on the meta device."""

import math

import pytest
import torch
from torch import nn

from engine import findings, record


def accidents(program, *args, **kwargs):
    with torch.no_grad():
        trace = record(program, *args, **kwargs)
    return [found for found in findings(trace, program=(program, args, kwargs)) if found.rule.startswith("sizes")]


class Classifier(nn.Module):
    """Masks padding of (B, L) tokens; rightly only where the mask is given axes for heads and queries."""

    def __init__(self, right):
        super().__init__()
        self.table, self.right = nn.Embedding(9, 8), right

    def forward(self, ids):
        x = self.table(ids)
        scores = (x @ x.mT) / math.sqrt(8)
        padding = ids == 0
        mask = padding[:, None, :] if self.right else padding
        return scores.masked_fill(mask, -1e9).softmax(-1) @ x


def test_a_batch_that_is_as_long_as_the_sentences_is_found():
    ids = torch.randint(0, 9, (5, 5))
    (found,) = accidents(Classifier(False), ids)
    assert (found.evidence["first"], found.evidence["second"], found.evidence["size"]) == (0, 1, 5)
    assert "ids (5, 5)" in found.sentence
    assert accidents(Classifier(True), ids) == []


def test_the_program_is_not_needed_where_the_sizes_differ():
    assert accidents(Classifier(True), torch.randint(0, 9, (3, 5))) == []


def test_a_missing_transpose_is_found_where_a_head_is_as_wide_as_the_text_is_long():
    def wrong(query, key):
        return query @ key

    def right(query, key):
        return query @ key.mT

    query, key = torch.randn(2, 6, 6), torch.randn(2, 6, 6)
    assert accidents(wrong, query, key) == []  # any two matrices may be multiplied: sizes alone do not tell
    assert accidents(right, query, key) == []

    def own(x):
        return x @ x

    (found,) = accidents(own, torch.randn(2, 6, 6))
    assert found.evidence["size"] == 6
    assert accidents(lambda x: x @ x.mT, torch.randn(2, 6, 6)) == []


def test_a_width_that_a_weight_fixes_is_no_accident():
    model = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 5))
    assert accidents(model, torch.randn(5, 5, 5)) == []


def test_what_the_meta_device_cannot_run_is_no_evidence():
    def program(ids):
        table = torch.ones(9, 4)
        return table[ids.nonzero()[:, 0]] * ids.float().mean().item()

    assert accidents(program, torch.randint(1, 3, (4, 4))) == []


def test_a_square_mask_is_meant_to_be_square():
    def program(x, mask):
        return (x @ x.mT).masked_fill(mask, -math.inf).softmax(-1) @ x

    assert accidents(program, torch.randn(5, 5, 3), torch.ones(5, 5, dtype=torch.bool).triu(1)) == []


@pytest.mark.parametrize("size", [2, 3])
def test_the_program_itself_is_run_on_no_numbers(size):
    seen = []

    def program(x):
        seen.append(x.device.type)
        return x + x.mT

    accidents(program, torch.randn(size, size))
    assert seen[0] == "cpu"
    assert set(seen[1:]) == {"meta"}
