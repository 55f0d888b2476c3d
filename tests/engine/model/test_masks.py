"""What attention may see: padding and the future, checked on the masks and on what comes out behind them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Config, run
from engine.model.masks import CausalMask, PaddingMask
from engine.runtime.forward import build_model
from engine.text.tokenizer import PAD

DECODER_WEIGHTS = "decoder.layers.{}.self_attention.weights"
CROSS_WEIGHTS = "decoder.layers.{}.cross_attention.weights"
ENCODER_WEIGHTS = "encoder.layers.{}.self_attention.weights"


def test_padding_mask_marks_every_padding_key():
    tokens = torch.tensor([[5, 6, PAD], [7, PAD, PAD]])
    mask = PaddingMask(PAD)(tokens)
    assert mask.dtype == torch.bool
    assert mask.tolist() == [[[[False, False, True]]], [[[False, True, True]]]]


def test_causal_mask_hides_what_comes_later():
    mask = CausalMask()(torch.zeros(5, 3, dtype=torch.int64))
    assert mask.dtype == torch.bool
    assert mask.tolist() == [[[[False, True, True], [False, False, True], [False, False, False]]]]


def test_decoder_mask_hides_padding_and_future_together():
    model = build_model(Config())
    tokens = torch.tensor([[5, PAD, 6]])
    assert model.decoder_mask(tokens).tolist() == [
        [[[False, True, True], [False, True, True], [False, True, False]]]
    ]  # fmt: skip


@pytest.mark.parametrize(("padding", "causal"), [(True, False), (False, True), (False, False)])
def test_a_mask_that_is_switched_off_hides_nothing(padding, causal):
    model = build_model(Config(padding_mask=padding, causal_mask=causal))
    mask = model.decoder_mask(torch.tensor([[5, PAD, 6]]))
    if not padding and not causal:
        assert mask is None
    else:
        assert mask[0, 0, 0].tolist() == ([False, True, False] if padding else [False, True, True])


@settings(max_examples=10)
@given(st.integers(1, 6), st.integers(1, 6), st.sampled_from(["float32", "float64", "bfloat16", "float16"]))
def test_future_tokens_get_zero_weight(src_len, tgt_len, dtype):
    trace = run(Config(batch=1, src_len=src_len, tgt_len=tgt_len, dtype=dtype))
    for layer in range(2):
        weights = trace.find(DECODER_WEIGHTS.format(layer)).value
        assert (weights.triu(1) == 0).all()
        assert torch.allclose(weights.float().sum(-1), torch.ones(1), atol=0.02)


def test_padding_gets_zero_weight_and_the_rest_shares_all_of_it():
    trace = run(Config(), source=["I go home", "I"], target=["나는 집에 간다", "나"])
    source, target = trace.inputs["source"] == PAD, trace.inputs["target"] == PAD
    assert source.any()
    assert target.any()
    for layer in range(2):
        hides = {ENCODER_WEIGHTS: source, DECODER_WEIGHTS: target, CROSS_WEIGHTS: source}
        for name, hidden in hides.items():
            weights = trace.find(name.format(layer)).value
            keys = hidden[:, None, None, :].expand_as(weights)
            assert (weights[keys] == 0).all()
            assert torch.allclose(weights.sum(-1), torch.ones(()))


def test_the_numbers_at_a_position_do_not_depend_on_later_target_tokens():
    model = build_model(Config(tgt_len=5, dtype="float64"))
    source, target = torch.tensor([[5, 6, 7]]), torch.tensor([[5, 6, 7, 8, 9]])
    other = torch.tensor([[5, 6, 7, 20, 21]])
    assert torch.equal(model(source, target)[:, :3], model(source, other)[:, :3])
    assert not torch.equal(model(source, target)[:, 3:], model(source, other)[:, 3:])


def test_without_the_causal_mask_the_future_shows():
    model = build_model(Config(tgt_len=5, dtype="float64", causal_mask=False))
    source, target = torch.tensor([[5, 6, 7]]), torch.tensor([[5, 6, 7, 8, 9]])
    other = torch.tensor([[5, 6, 7, 20, 21]])
    assert not torch.allclose(model(source, target)[:, 0], model(source, other)[:, 0])


def test_a_sentence_gives_the_same_numbers_with_more_padding_behind_it():
    model = build_model(Config(dtype="float64"))
    target = torch.tensor([[1, 5]])
    short = model(torch.tensor([[5, 6]]), target)
    long = model(torch.tensor([[5, 6, PAD, PAD]]), target)
    torch.testing.assert_close(short, long, rtol=0, atol=1e-12)


def test_without_the_padding_mask_padding_counts():
    model = build_model(Config(dtype="float64", padding_mask=False))
    target = torch.tensor([[1, 5]])
    assert not torch.allclose(model(torch.tensor([[5, 6]]), target), model(torch.tensor([[5, 6, PAD]]), target))
