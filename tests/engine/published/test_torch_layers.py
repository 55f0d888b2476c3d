"""Every step of torch's own modules is explained or opened, in training and at rest, with gradients and without."""

from __future__ import annotations

import random

import pytest
import torch
from torch import nn

from engine import record
from engine.explain.walk import walk
from tests.engine.published.recorded import last_step, missed_gradients, unexplained

X, Y = torch.randn(2, 5, 8, generator=torch.manual_seed(0)), torch.randn(2, 4, 8)
IMAGE = torch.randn(2, 4, 6, 6)
PADDING = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
CAUSAL = nn.Transformer.generate_square_subsequent_mask(4)


def encoder_layer(**options):
    return nn.TransformerEncoderLayer(8, 2, 16, **{"batch_first": True, **options})


def decoder_layer():
    return nn.TransformerDecoderLayer(8, 2, 16, batch_first=True)


def attention(**options):
    return nn.MultiheadAttention(8, 2, **{"batch_first": True, **options})


MASKED = {"src_key_padding_mask": PADDING, "memory_key_padding_mask": PADDING, "tgt_mask": CAUSAL}
MODULES = {
    "transformer": (lambda: nn.Transformer(8, 2, 1, 1, 16, batch_first=True), (X, Y), {}),
    "transformer, masked": (lambda: nn.Transformer(8, 2, 1, 1, 16, batch_first=True), (X, Y), MASKED),
    "encoder": (lambda: nn.TransformerEncoder(encoder_layer(), 2), (X,), {}),
    "encoder, padded": (lambda: nn.TransformerEncoder(encoder_layer(), 2), (X,), {"src_key_padding_mask": PADDING}),
    "encoder layer": (lambda: encoder_layer(norm_first=True, activation="gelu"), (X,), {}),
    "decoder": (lambda: nn.TransformerDecoder(decoder_layer(), 1), (Y, X), {"tgt_mask": CAUSAL, "tgt_is_causal": True}),
    "decoder layer": (decoder_layer, (Y, X), {}),
    "attention": (lambda: attention(dropout=0.3), (X, X, X), {}),
    "attention without weights": (attention, (X, X, X), {"need_weights": False}),
    "attention, padded": (attention, (Y, X, X), {"key_padding_mask": PADDING}),
    "attention of other widths": (lambda: attention(kdim=3, vdim=6), (X, X[..., :3], X[..., :6]), {}),
    "attention with more keys": (lambda: attention(add_bias_kv=True, add_zero_attn=True), (X, X, X), {}),
    "lstm": (lambda: nn.LSTM(8, 3, 2, batch_first=True, bidirectional=True), (X,), {}),
    "lstm with dropout": (lambda: nn.LSTM(8, 3, 2, dropout=0.4), (X,), {}),
    "gru": (lambda: nn.GRU(8, 3), (X,), {}),
    "gru with dropout": (lambda: nn.GRU(8, 3, 3, dropout=0.4), (X,), {}),
    "convolutions": (
        lambda: nn.Sequential(nn.Conv2d(4, 6, 3, padding=1, groups=2), nn.BatchNorm2d(6), nn.GroupNorm(3, 6)),
        (IMAGE,),
        {},
    ),
    "norms": (
        lambda: nn.Sequential(nn.LayerNorm(8), nn.RMSNorm(8), nn.InstanceNorm1d(5), nn.BatchNorm1d(5), nn.Dropout(0.3)),
        (X,),
        {},
    ),
}


# Torch says once that nested tensors, with which its encoder leaves out padding, may change.
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors is in prototype stage:UserWarning")
@pytest.mark.parametrize("grad", [True, False], ids=["with gradients", "without gradients"])
@pytest.mark.parametrize("training", [True, False], ids=["training", "eval"])
@pytest.mark.parametrize("name", MODULES)
def test_every_step_is_explained_or_opened_and_the_walk_comes_to_all_that_changes_the_output(name, training, grad):
    build, args, kwargs = MODULES[name]
    torch.manual_seed(0)
    module = build().train(training)
    with torch.set_grad_enabled(grad):
        trace = record(module, *args, **kwargs)
    assert list(unexplained(trace, random.Random(name))) == []
    last = last_step(trace)
    index = (0,) * len(last.shape)
    walked = walk(trace, last, index)
    assert not walked.whole
    assert {leaf.tensor.kind for leaf in walked.leaves} >= {"input", "parameter"}
    if grad:
        assert missed_gradients(walked, trace, last.value[index]) == []
