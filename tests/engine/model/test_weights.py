"""Seeded weights: the same everywhere, and undisturbed by what is added beside them."""

import math
import subprocess
import sys

import pytest
import torch
from torch import nn

from engine import Config
from engine.runtime.forward import build_model


def parameters(config):
    return {name: parameter.detach() for name, parameter in build_model(config).named_parameters()}


def test_the_same_config_has_the_same_weights():
    one, other = parameters(Config()), parameters(Config())
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("seed", [1, 2, 2**31, 2**32, 2**63 - 1])
def test_another_seed_has_other_weights(seed):
    one, other = parameters(Config()), parameters(Config(seed=seed))
    drawn = [name for name in one if "norm" not in name]
    assert not any(torch.equal(one[name], other[name]) for name in drawn)


def test_no_two_parameters_have_the_same_numbers():
    drawn = [p.flatten()[:8] for name, p in parameters(Config()).items() if "norm" not in name]
    # Scales differ between matrices; directions must as well.
    directions = torch.stack([nn.functional.normalize(row, dim=0) for row in drawn])
    similarity = (directions @ directions.T).fill_diagonal_(0)
    assert similarity.abs().max() < 0.999


def test_weights_are_the_same_in_another_process():
    code = (
        "from engine import Config; from engine.runtime.forward import build_model;"
        "print(build_model(Config(seed=3)).projection.weight.double().sum().item())"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert float(printed) == build_model(Config(seed=3)).projection.weight.double().sum().item()


def test_building_weights_leaves_the_global_random_state_alone():
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    build_model(Config())
    assert torch.equal(state, torch.random.get_rng_state())


def test_more_layers_keep_the_weights_of_the_layers_that_were_there():
    few, many = parameters(Config()), parameters(Config(encoder_layers=4, decoder_layers=3))
    assert few.keys() < many.keys()
    assert all(torch.equal(few[name], many[name]) for name in few)


@pytest.mark.parametrize("d_model", [6, 32])
def test_more_words_keep_the_embeddings_of_the_words_that_were_there(d_model):
    # 7 × 6 numbers are no whole number of the blocks that torch draws in.
    few = parameters(Config(d_model=d_model, heads=2, vocab_size=7))
    many = parameters(Config(d_model=d_model, heads=2, vocab_size=8))
    for side in ("source", "target"):
        name = f"{side}_embedding.table.weight"
        assert torch.equal(few[name], many[name][:7])


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16"])
def test_every_dtype_starts_from_the_same_numbers_rounded(dtype):
    single, other = parameters(Config()), parameters(Config(dtype=dtype))
    for name, parameter in other.items():
        assert parameter.dtype == getattr(torch, dtype)
        assert torch.equal(single[name].to(parameter.dtype), parameter)


def test_the_numbers_do_not_depend_on_the_callers_default_dtype():
    usual = parameters(Config())
    torch.set_default_dtype(torch.float64)
    try:
        other = parameters(Config())
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(torch.equal(usual[name], other[name]) for name in usual)


def test_weights_have_the_spread_they_are_meant_to_have():
    weights = parameters(Config(d_model=64, heads=4, vocab_size=4000))
    table = weights["source_embedding.table.weight"]
    assert table.std().item() == pytest.approx(1 / math.sqrt(64), rel=0.02)
    assert table.mean().item() == pytest.approx(0, abs=0.002)
    w_1 = weights["encoder.layers.0.feed_forward.w_1.weight"]
    assert w_1.abs().max().item() <= math.sqrt(6 / (64 + 256))  # Glorot and Bengio's bound
    assert w_1.std().item() == pytest.approx(math.sqrt(2 / (64 + 256)), rel=0.02)
    bias = weights["encoder.layers.0.feed_forward.w_1.bias"]
    assert 0 < bias.abs().max().item() <= 1 / math.sqrt(64)
    assert (weights["encoder.layers.0.feed_forward_norm.weight"] == 1).all()
    assert (weights["encoder.layers.0.feed_forward_norm.bias"] == 0).all()


def test_a_loaded_model_is_in_evaluation_mode_and_takes_no_gradients():
    model = build_model(Config())
    assert not any(module.training for module in model.modules())
    assert not any(parameter.requires_grad for parameter in model.parameters())
