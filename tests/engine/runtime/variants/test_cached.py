import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from engine import ConfigError, explain, run
from engine.runtime.variants.cached import cached_passes, new_cache, run_cached, run_prefill, written_length
from engine.runtime.variants.cost_sheet import kv_cache_bytes
from engine.runtime.variants.run_variant import load_variant

text_sizes = {"batch": st.integers(1, 3), "length": st.integers(2, 8), "vocab_size": st.integers(4, 20)}
common = {**text_sizes, "layers": st.integers(1, 2), "seed": st.integers(0, 99), "device": st.just("cpu")}


def grouped(kind, **more):
    sizes = st.fixed_dictionaries(
        {**common, "d_model": st.integers(8, 20), "interleaved": st.booleans(), "dtype": st.just("float64"), **more}
    )
    return st.builds(
        lambda kv, group, half, sizes: kind(kv_heads=kv, heads=kv * group, d_k=2 * half, **sizes),
        st.integers(1, 3), st.integers(1, 3), st.integers(1, 5), sizes,
    )  # fmt: skip


decoders = st.one_of(
    st.builds(
        lambda heads, d_k, sizes: engine.GPT2Config(heads=heads, d_model=heads * d_k, dtype="float64", **sizes),
        st.integers(1, 3), st.integers(4, 6), st.fixed_dictionaries(common),
    ),
    grouped(engine.LlamaConfig),
    grouped(engine.MistralConfig, window=st.integers(1, 9)),
    grouped(engine.MixtralConfig, experts=st.integers(2, 4), experts_per_token=st.integers(1, 2)),
    st.builds(
        engine.T5Config, batch=st.integers(1, 3), src_len=st.integers(1, 7), tgt_len=st.integers(2, 12),
        d_model=st.integers(8, 20), heads=st.integers(1, 3), d_k=st.integers(2, 6), layers=st.integers(1, 2),
        vocab_size=st.integers(4, 20), buckets=st.sampled_from([4, 8]), max_distance=st.integers(5, 9),
        seed=st.integers(0, 99), dtype=st.just("float64"), device=st.just("cpu"),
    ),
)  # fmt: skip
KINDS = (engine.GPT2Config, engine.LlamaConfig, engine.MistralConfig, engine.MixtralConfig, engine.T5Config)


def of_length(kind, length, **more):
    return kind(**{"tgt_len" if kind is engine.T5Config else "length": length}, **more)


def path_of(kind):
    return "decoder.layers" if kind is engine.T5Config else "layers"


@settings(max_examples=40, deadline=None)
@given(decoders)
def test_every_token_read_with_a_cache_gets_the_logits_that_it_gets_when_all_are_read_at_once(config):
    logits = run(config).output
    for kept, trace in enumerate(cached_passes(config, kept=range(1, written_length(config))), start=1):
        torch.testing.assert_close(trace.output[:, 0], logits[:, kept], rtol=0, atol=1e-10)


@settings(max_examples=20, deadline=None)
@given(decoders, st.data())
def test_a_prefill_gives_its_tokens_the_logits_that_they_get_when_all_are_read_at_once(config, data):
    kept = data.draw(st.integers(1, written_length(config) - 1))
    prefill = run_prefill(config, kept=kept)
    torch.testing.assert_close(prefill.output, run(config).output[:, :kept], rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_the_keys_of_a_prefill_are_what_the_pass_after_it_appends_to(kind):
    config = of_length(
        kind, 7, dtype="float64", device="cpu", **({"window": 9} if kind is engine.MistralConfig else {})
    )
    prefill, decode = run_prefill(config, kept=4), run_cached(config, kept=4)
    attention = f"{path_of(kind)}.1.self_attention"
    rotated = kind not in (engine.GPT2Config, engine.T5Config)
    first = prefill.find(f"{attention}.key_rotation.turned" if rotated else f"{attention}.key")
    appended = next(step for step in decode.find_all(f"{attention}.key") if step.op == "cat")
    assert first.shape[2] == 4
    torch.testing.assert_close(appended.inputs[0].value, first.value, rtol=0, atol=1e-10)
    assert not [step for step in prefill.steps if step.op == "cat" and step.name in ("key", "value")]


def test_a_prefill_has_labels_for_its_tokens_alone():
    trace = run_prefill(engine.LlamaConfig(device="cpu"), ["abcd", "a"], kept=3)
    assert trace.labels["T"] == (("⟨begin⟩", "a", "b"), ("⟨begin⟩", "a", "⟨pad⟩"))
    assert trace.find("layers.0.self_attention.scores").axes == ("B", "H", "T", "T")


def test_t5_reads_its_source_once_and_makes_the_keys_of_its_memory_once():
    config = engine.T5Config(src_len=6, tgt_len=7, dtype="float64", device="cpu")
    whole, prefill, decode = run(config), run_prefill(config, kept=3), run_cached(config, kept=3)
    assert any(step.path.startswith("encoder") for step in prefill.steps)
    assert not any(step.path.startswith("encoder") for step in decode.steps)
    cross = "decoder.layers.1.cross_attention"
    made = [step.name for step in decode.steps if step.path == cross and step.op in ("linear", "cat")]
    assert made == ["query", "output"]
    key_t = decode.find(f"{cross}.key_t")
    assert (key_t.axes, key_t.shape) == (("B", "H", "d_k", "S"), (2, 4, 8, 6))
    torch.testing.assert_close(key_t.value, whole.find(f"{cross}.key_t").value, rtol=0, atol=1e-10)


def test_the_new_token_of_t5_has_the_last_row_of_the_biases():
    config = engine.T5Config(tgt_len=6, dtype="float64", device="cpu")
    whole = run(config).find("decoder.distance_bias.per_sentence").value
    assert torch.equal(run_cached(config, kept=4).find("decoder.bias").value, whole[:, :, 4:5, :5])


def test_padding_of_t5s_source_and_target_is_hidden_with_a_cache_too():
    config, texts = engine.T5Config(dtype="float64", device="cpu"), (["abc", "a"], ["wxyz", "w"])
    logits = run(config, *texts).output
    for kept, trace in zip((1, 4), cached_passes(config, *texts, kept=(1, 4)), strict=True):
        torch.testing.assert_close(trace.output[:, 0], logits[:, kept], rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS[:4])
def test_a_text_of_which_the_shorter_one_is_padded_gets_the_same_logits_with_a_cache(kind):
    texts = ["abcdef", "ab"]
    config = kind(dtype="float64", device="cpu")
    logits = run(config, source=texts).output
    passes = cached_passes(config, texts, kept=(2, 5))
    for kept, trace in zip((2, 5), passes, strict=True):
        torch.testing.assert_close(trace.output[:, 0], logits[:, kept], rtol=0, atol=1e-10)


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("kind", [engine.GPT2Config, engine.LlamaConfig, engine.MixtralConfig, engine.T5Config])
def test_keys_and_values_grow_by_one_token_a_pass(kind, device):
    config = of_length(kind, 7, batch=3, device=device)
    heads = getattr(config, "kv_heads", config.heads)
    for kept, trace in enumerate(cached_passes(config, kept=range(1, 7)), start=1):
        for name in ("key", "value"):
            appended = [step for step in trace.find_all(f"{path_of(kind)}.0.self_attention.{name}") if step.op == "cat"]
            assert [step.shape for step in appended] == [(3, heads, kept + 1, config.d_k)]
            assert [step.axes[2:] for step in appended] == [("T", "d_k")]
        assert trace.find(f"{path_of(kind)}.0.self_attention.scores").shape == (3, config.heads, 1, kept + 1)


def test_what_is_appended_are_the_keys_of_the_run_without_a_cache():
    config = engine.LlamaConfig(length=6, dtype="float64", device="cpu")
    whole = run(config).find("layers.1.self_attention.key_rotation.turned").value
    cached = next(
        step for step in run_cached(config, kept=4).find_all("layers.1.self_attention.key") if step.op == "cat"
    )
    torch.testing.assert_close(cached.value, whole[:, :, :5], rtol=0, atol=1e-10)


def test_a_window_keeps_as_many_tokens_as_it_is_long():
    config = engine.MistralConfig(length=8, window=3, device="cpu")
    lengths = [
        trace.find("layers.0.self_attention.scores").shape[-1] for trace in cached_passes(config, kept=range(1, 8))
    ]
    assert lengths == [2, 3, 4, 4, 4, 4, 4]  # those kept and the new one, of which the window hides the oldest
    weights = run_cached(config, kept=7).find("layers.0.self_attention.weights").value
    assert weights[..., 0].abs().max() == 0
    assert weights[..., 1].min() > 0


def test_positions_go_on_where_the_cache_ends():
    trace = run_cached(engine.LlamaConfig(length=6, device="cpu"), kept=5)
    first_frequency = trace.find("rotary_angles.angle").value[0, 0].item()
    assert first_frequency == 5.0  # place 5 at frequency 1
    assert run_cached(engine.GPT2Config(length=6, device="cpu"), kept=5).find("place").value.tolist() == [5]


def test_the_new_token_asks_in_the_last_row_of_the_mask():
    config = engine.LlamaConfig(length=4, device="cpu")
    trace = run_cached(config, ["abcd", "a"], kept=3)
    whole = run(config, ["abcd", "a"]).find("mask.mask").value[:, :, :4, :4]
    assert trace.find("corner").value.tolist() == whole[:, :, 3:].tolist()
    assert trace.find("corner").value[1, 0, 0].tolist() == [False, False, True, False]  # padding, but for itself


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_cache_holds_the_bytes_that_the_sheet_counts(kind, dtype):
    config = of_length(kind, 6, batch=3, dtype=dtype, device="cpu")
    cache = new_cache(config)
    source = [torch.randint(3, 60, (3, config.src_len))] if kind is engine.T5Config else []
    load_variant(config)(*source, torch.randint(3, 60, (3, 6)), cache)
    assert cache.nbytes == kv_cache_bytes(config, dtype)


@pytest.mark.parametrize("kind", KINDS)
def test_every_step_of_a_pass_with_a_cache_is_explained(kind):
    trace = run_cached(of_length(kind, 6, device="cpu"), kept=4)
    for step in trace.steps:
        assert step.axes_contradiction is None, step.full_name
        assert None not in step.axes, step.full_name
        if step.value.numel():
            last = tuple(size - 1 for size in step.shape)
            assert explain(trace, step, last).agrees is True, step.full_name
    assert math.prod(trace.output.shape) == trace.output.numel()


@pytest.mark.parametrize(
    ("config", "kept", "said"),
    [
        (engine.BertConfig(), 2, "a cache is of a decoder that writes"),
        (engine.ViTConfig(), 2, "a cache is of a decoder that writes"),
        (engine.LlamaConfig(length=4), 4, "4 of 4 tokens; nearest: 3"),
        (engine.LlamaConfig(length=4), 0, "0 of 4 tokens; nearest: 1"),
        (engine.T5Config(tgt_len=4), 4, "4 of 4 tokens; nearest: 3"),
    ],
)
def test_a_cache_that_cannot_be_is_refused(config, kept, said):
    with pytest.raises(ConfigError, match=said):
        run_cached(config, kept=kept)
    with pytest.raises(ConfigError, match=said):
        run_prefill(config, kept=kept)
