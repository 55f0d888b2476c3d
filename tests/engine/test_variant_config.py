import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import ConfigError, GPT2Config, LlamaConfig, MixtralConfig, T5Config, ViTConfig
from engine.variant_config import VARIANT_CONFIGS, VARIANT_LIMITS


def problems(kind, **settings):
    with pytest.raises(ConfigError) as caught:
        kind(**settings)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("kind", VARIANT_CONFIGS.values())
def test_a_config_is_frozen_hashable_and_says_every_setting(kind):
    config = kind()
    assert config == kind()
    assert hash(config) == hash(kind())
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.batch = 3
    assert all(getattr(config, field.name) is not None for field in dataclasses.fields(config))


def test_what_follows_goes_on_following_unless_it_was_set_apart():
    assert (LlamaConfig(d_model=32, heads=4).d_k, LlamaConfig(d_model=32, heads=4).d_ff) == (8, 86)
    assert LlamaConfig(d_model=32, heads=4).change(d_model=64).d_k == 16
    assert LlamaConfig(d_model=32, heads=4, d_k=10).change(d_model=64).d_k == 10
    assert LlamaConfig(d_model=5, heads=2, kv_heads=1, d_k=2).change(length=3).d_k == 2
    assert GPT2Config(d_model=8).change(d_model=12).d_ff == 48


@pytest.mark.parametrize(
    ("kind", "settings", "said"),
    [
        (
            GPT2Config,
            {"d_model": 30},
            "d_model must be a multiple of heads: 30 is not a multiple of 4; nearest: 28, "
            "32",
        ),
        (GPT2Config, {"length": 2000}, "length must be at most positions, 1024: 2000; nearest: 1024"),
        (LlamaConfig, {"kv_heads": 3}, "heads must be a multiple of kv_heads: 4 is not a multiple of 3; nearest: 3, 6"),
        (
            LlamaConfig,
            {"d_k": 7},
            "d_k must be even, because rotary positions turn its features in pairs: 7; nearest: 8",
        ),
        (
            LlamaConfig,
            {"d_model": 33},
            "d_model must be a multiple of heads: 33 is not a multiple of 4; nearest: 32, "
            "36",
        ),
        (MixtralConfig, {"experts_per_token": 5}, "experts_per_token must be at most experts, 4: 5; nearest: 4"),
        (
            ViTConfig,
            {"image_width": 13},
            "image_width must be a multiple of patch: 13 is not a multiple of 4; nearest: 12, "
            "16",
        ),
        (T5Config, {"buckets": 6}, "buckets must be a multiple of 4: 6 is not a multiple of 4; nearest: 4, 8"),
        (T5Config, {"max_distance": 9}, "max_distance must be more than half of buckets, 16: 9; nearest: 17"),
        (
            GPT2Config,
            {"batch": "two"},
            "batch must be a whole number from 1 to 65536: 'two' is not a whole number; nearest: "
            "1",
        ),
        (GPT2Config, {"device": "tpu"}, "device must be one of auto, cpu, cuda, mps, meta: 'tpu'; use auto"),
        (LlamaConfig, {"interleaved": "yes"}, "interleaved must be True or False: 'yes'; use False"),
    ],
)  # fmt: skip
def test_a_refusal_says_the_rule_the_value_and_the_nearest_that_works(kind, settings, said):
    assert problems(kind, **settings) == [said]


def test_every_problem_is_said_at_once():
    assert len(problems(LlamaConfig, batch=0, heads=0, dtype="int8")) == 3


@given(st.sampled_from(list(VARIANT_CONFIGS.values())), st.sampled_from(sorted(VARIANT_LIMITS)), st.integers())
def test_no_size_beyond_its_limits_is_taken(kind, name, value):
    low, high = VARIANT_LIMITS[name]
    if name in {field.name for field in dataclasses.fields(kind)} and not low <= value <= high:
        assert any(problem.startswith(f"{name} must be a whole number") for problem in problems(kind, **{name: value}))
