import pytest

from engine import GPT2Config, LlamaConfig, MistralConfig, MixtralConfig, T5Config, run
from engine.model.variants.presets import PRESETS
from engine.runtime.variants.cache_costs import cache_costs
from engine.runtime.variants.cached import cached_passes, written_length

CONFIGS = {
    "gpt2": GPT2Config(length=9, layers=3),
    "llama": LlamaConfig(length=8, layers=3),
    "one key head": LlamaConfig(length=7, kv_heads=1),
    "a window of one": MistralConfig(length=7, window=1),
    "a window of three": MistralConfig(length=9, window=3),
    "mixtral": MixtralConfig(length=6, layers=1),
    "t5": T5Config(src_len=3, tgt_len=8, layers=3),
}


def flops(trace):
    return sum(step.flops for step in trace.steps)


@pytest.mark.parametrize("name", CONFIGS)
def test_the_flops_with_and_without_a_cache_are_those_of_all_passes_one_by_one(name):
    config = CONFIGS[name].change(device="meta")
    setting, last = "tgt_len" if name == "t5" else "length", written_length(config)
    first = flops(run(config.change(**{setting: 1})))
    passes = [first, *map(flops, cached_passes(config, kept=range(1, last)))]
    whole = [flops(run(config.change(**{setting: length}))) for length in range(1, last + 1)]
    costs = cache_costs(config)
    assert costs.with_cache == sum(passes)
    assert costs.without == sum(whole)
    assert (costs.last_with_cache, costs.last_without) == (passes[-1], whole[-1])


def test_at_real_size_the_cache_saves_about_half_the_length():
    # Without a cache token t costs as much as t tokens read at once: t/2 times as much on average.
    costs = cache_costs(PRESETS["llama3-8b"].config)
    assert 0.9 < costs.without / costs.with_cache / (2048 / 2) < 1.1
    # 2 × 32 layers × 8 heads × 2048 tokens × 128 features × 2 bytes
    assert costs.nbytes == 2 * 32 * 8 * 2048 * 128 * 2


def test_fewer_key_heads_and_narrower_numbers_make_a_smaller_cache():
    config = LlamaConfig(heads=8, kv_heads=8, d_model=64, length=9)
    whole = cache_costs(config).nbytes
    assert cache_costs(config.change(kv_heads=1)).nbytes * 8 == whole
    assert cache_costs(config, "bfloat16").nbytes * 2 == whole
