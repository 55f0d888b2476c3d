import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from engine.labs.shifted_loss import IGNORED, losses

cases = (st.integers(6, 12), st.integers(8, 24), st.integers(0, 3), st.integers(0, 20))


@given(*cases)
def test_the_mean_of_the_terms_is_the_loss_of_torch(length, vocabulary, padding, seed):
    found = losses(length, vocabulary, padding, seed)
    assert found.loss == pytest.approx(found.of_torch, rel=1e-5)
    assert found.counted == length - padding - 1
    assert [math.isnan(term) for term in found.terms.tolist()] == (found.labels == IGNORED).tolist()


@given(*cases)
def test_each_label_is_the_token_that_follows(length, vocabulary, padding, seed):
    found = losses(length, vocabulary, padding, seed)
    text = length - padding
    assert found.labels[: text - 1].equal(found.tokens[1:text])
    assert set(found.labels[text - 1 :].tolist()) == {IGNORED}


@given(*cases)
def test_every_mistake_makes_the_loss_another(length, vocabulary, padding, seed):
    found = losses(length, vocabulary, padding, seed)
    text = length - padding
    twice = cross_entropy(found.logits[: text - 2], found.tokens[2:text])
    assert found.twice == pytest.approx(twice.item(), rel=1e-5)
    own = cross_entropy(found.logits[:text], found.tokens[:text])
    assert found.unshifted == pytest.approx(own.item(), rel=1e-5)
    if padding == 0:
        assert found.padding_counted == pytest.approx(found.loss, rel=1e-5)


def test_hugging_face_shifts_labels_itself():
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(vocab_size=24, n_positions=16, n_embd=8, n_layer=1, n_head=2)
    model = transformers.GPT2LMHeadModel(config).eval()
    tokens = losses(9, 24, 2, 0).tokens
    labels = torch.where(tokens == 0, IGNORED, tokens)
    with torch.no_grad():
        done = model(input_ids=tokens[None], labels=labels[None])
    by_hand = cross_entropy(done.logits[0, :-1], labels[1:])
    assert done.loss.item() == pytest.approx(by_hand.item(), rel=1e-5)
