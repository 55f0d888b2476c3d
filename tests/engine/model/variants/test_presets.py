"""The parameter counts of published models: as published, and as their formulas give them by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Config, LlamaConfig
from engine.model.variants.presets import PRESETS
from engine.runtime.parameters import parameters_of, rows

# From the papers and the published weights.
PUBLISHED = {
    "gpt2-small": 124_439_808,
    "gpt2-medium": 354_823_168,
    "gpt2-large": 774_030_080,
    "gpt2-xl": 1_557_611_200,
    "gpt3-175b": 174_604_259_328,
    "bert-base": 109_482_240,
    "bert-large": 335_141_888,
    "vit-b16": 86_567_656,
    "t5-base": 222_903_552,
    "llama2-7b": 6_738_415_616,
    "llama3-8b": 8_030_261_248,
    "llama3-70b": 70_553_706_496,
    "llama3.1-405b": 405_853_388_800,
    "mistral-7b": 7_241_732_096,
    "mixtral-8x7b": 46_702_792_704,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_preset_has_the_published_number_of_parameters(name):
    assert parameters_of(PRESETS[name].config).count == PUBLISHED[name]
    assert PRESETS[name].published in (None, PUBLISHED[name])


def test_every_preset_is_counted_and_only_gpt3_and_the_papers_are_published_as_rounded():
    assert set(PRESETS) == {*PUBLISHED, "paper-base", "paper-big"}
    assert {name for name, preset in PRESETS.items() if preset.published is None} == {
        "paper-base", "paper-big", "gpt3-175b",
    }  # fmt: skip


def test_the_papers_transformers_have_their_sizes_and_with_one_shared_table_its_rounded_counts():
    """The paper shares one table between both embeddings and the output, here they are three (and a bias)."""
    for name, millions in (("paper-base", 63), ("paper-big", 213)):
        config = PRESETS[name].config
        assert isinstance(config, Config)
        table = config.vocab_size * config.d_model
        shared = parameters_of(config).count - 2 * table - config.vocab_size
        assert round(shared / 1e6) in (millions, millions + 1)


def test_gpt2_small_by_hand():
    d, layers, vocabulary, positions = 768, 12, 50_257, 1024
    attention = 4 * (d * d + d)
    feed_forward = d * 4 * d + 4 * d + 4 * d * d + d
    assert PUBLISHED["gpt2-small"] == (vocabulary + positions) * d + layers * (attention + feed_forward + 4 * d) + 2 * d


def test_llama_3_8b_by_hand():
    d, d_ff, vocabulary, kv = 4096, 14_336, 128_256, 8 * 128
    layer = 2 * d * d + 2 * d * kv + 3 * d * d_ff + 2 * d
    assert PUBLISHED["llama3-8b"] == 2 * vocabulary * d + 32 * layer + d


def test_mixtral_by_hand_and_what_a_token_meets_of_it():
    d, d_ff, kv = 4096, 14_336, 8 * 128
    attention, expert, router, norms = 2 * d * d + 2 * d * kv, 3 * d * d_ff, d * 8, 2 * d
    assert PUBLISHED["mixtral-8x7b"] == 2 * 32_000 * d + 32 * (attention + 8 * expert + router + norms) + d


@pytest.mark.parametrize("name", ["gpt2-small", "llama3.1-405b", "mixtral-8x7b", "t5-base", "vit-b16"])
def test_the_terms_of_a_count_add_up_to_it(name):
    counted = parameters_of(PRESETS[name].config)
    assert sum(part.count for part in counted.inside) == counted.count
    shown = [(depth, label) for depth, label, _ in rows(counted)]
    assert shown[0][0] == 0
    assert len(shown) < 60  # layers that are alike are one row


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 9), st.integers(1, 9), st.integers(1, 4),
    st.integers(4, 20),
)  # fmt: skip
def test_llamas_parameters_are_those_of_its_formula(kv_heads, group, half, d_model, d_ff, layers, vocab_size):
    heads, d_k = kv_heads * group, 2 * half
    config = LlamaConfig(
        heads=heads, kv_heads=kv_heads, d_k=d_k, d_model=d_model, d_ff=d_ff, layers=layers, vocab_size=vocab_size
    )
    layer = 2 * d_model * heads * d_k + 2 * d_model * kv_heads * d_k + 3 * d_model * d_ff + 2 * d_model
    assert parameters_of(config).count == 2 * vocab_size * d_model + layers * layer + d_model


@pytest.mark.parametrize("name", ["paper-base", "gpt2-small", "bert-base", "vit-b16", "t5-base", "llama3-8b"])
def test_a_published_model_shows_the_shape_of_every_step_without_numbers(name):
    from engine.runtime.variants.run_variant import shapes_of

    config = PRESETS[name].config
    trace = shapes_of(config)
    assert {step.device.type for step in trace.steps} == {"meta"}
    assert trace.steps[-1].shape[0] == 1
    assert all(None not in step.axes for step in trace.steps)
    assert all(step.flops is not None for step in trace.steps)
