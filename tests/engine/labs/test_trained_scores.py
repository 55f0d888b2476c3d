"""Scores of the trained model, measured another way."""

import math

import pytest
import torch

from engine.labs.explanation.trained_scores import TEXTS, trained_scores
from engine.pretrained.pretrained import build, trained_config
from engine.runtime.devices import resolve_device
from engine.runtime.forward import tokenize


def test_the_deviations_of_the_first_layer_are_those_of_its_projections():
    found = trained_scores()
    config, batch = tokenize(trained_config(device="cpu"), list(TEXTS), list(TEXTS))
    model = build(config, resolve_device("cpu", config.dtype))
    source = torch.tensor(batch.source_ids)
    assert source.size(0) == len(TEXTS)
    assert not (source == 0).any()
    with torch.no_grad():
        placed = model.source_position(model.source_embedding(source))
        attention = model.encoder.layers[0].self_attention
        split = (*source.shape, config.heads, config.d_k)
        query, key = (project(placed).view(split).double() for project in (attention.w_q, attention.w_k))
    scores = torch.einsum("blhd,bmhd->hblm", query, key)
    deviations = [float(head.std(correction=0)) for head in scores]
    first = found.attentions[0]
    assert first.where == "encoder, layer 0"
    assert first.scores == pytest.approx(deviations, rel=1e-5)


def test_the_division_is_by_the_root_of_d_k_in_every_attention():
    found = trained_scores()
    assert found.d_k == 16
    assert len(found.attentions) == 4
    for one in found.attentions:
        assert [value * math.sqrt(16) for value in one.scaled] == pytest.approx(one.scores, rel=1e-5)
