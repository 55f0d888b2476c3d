"""The decoder with a K/V cache, held to the model's own forward pass."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Config
from engine.labs.encoder_to_decoder.cached_decoder import begun, encoded, positions, read
from engine.runtime.forward import build_model

lengths = st.integers(1, 6)


@settings(max_examples=15)
@given(st.integers(1, 3), lengths, lengths, st.integers(1, 3), st.integers(1, 3), st.integers(0, 99))
def test_reading_token_by_token_gives_what_the_model_gives_at_once(batch, src_len, tgt_len, heads, layers, seed):
    sizes = {"d_model": 4 * heads, "heads": heads, "decoder_layers": layers, "encoder_layers": 1, "vocab_size": 11}
    model = build_model(Config(**sizes, dtype="float64", device="cpu", seed=seed))
    draw = torch.Generator().manual_seed(seed)
    source, target = (torch.randint(1, 11, (batch, size), generator=draw) for size in (src_len, tgt_len))
    with torch.no_grad():
        at_once = model(source, target)
        memory = encoded(model, source)
        places = positions(model, tgt_len, memory)
        caches = begun(model, memory)
        for step in range(tgt_len):
            one = read(model, target[:, step : step + 1], places[:, step : step + 1], caches)
            torch.testing.assert_close(one.log_probabilities, at_once[:, step], rtol=0, atol=1e-12)
            caches = one.caches
            assert [tuple(query.shape) for query in one.queries[-1]] == [(batch, heads, 1, 4)] * 2
            assert tuple(caches[-1].key.shape) == tuple(caches[-1].value.shape) == (batch, heads, step + 1, 4)
            assert tuple(caches[-1].memory_key.shape) == (batch, heads, src_len, 4)


@pytest.fixture(scope="module")
def reading():
    model = build_model(Config(d_model=8, heads=2, vocab_size=11, dtype="float64", device="cpu"))
    with torch.no_grad():
        memory = encoded(model, torch.tensor([[4, 5, 6]]))
        return model, torch.tensor([[1]]), positions(model, 1, memory), begun(model, memory)


def test_giving_a_layer_its_own_weights_changes_nothing(reading):
    model, token, place, caches = reading
    usual = read(model, token, place, caches)
    same = read(model, token, place, caches, {0: usual.weights[0], 1: usual.weights[1]})
    assert torch.equal(same.log_probabilities, usual.log_probabilities)


def test_all_weight_on_one_key_mixes_in_the_value_of_that_key_alone(reading):
    model, token, place, caches = reading
    looks_at_last = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64).expand(1, 2, 1, 3)
    given_weights = read(model, token, place, caches, {1: looks_at_last})
    last_alone = [
        type(cache)(cache.key, cache.value, cache.memory_key[:, :, 2:], cache.memory_value[:, :, 2:])
        for cache in caches
    ]
    # A single key gets all the weight from softmax too. Layer 0 keeps all three.
    single = read(model, token, place, [caches[0], last_alone[1]])
    torch.testing.assert_close(given_weights.log_probabilities, single.log_probabilities, rtol=0, atol=1e-12)
    assert torch.equal(given_weights.weights[0], read(model, token, place, caches).weights[0])
