"""Every shape comment of the variants held to the shapes that came out, and every number of theirs explained."""

import dataclasses
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine.model.variants
from engine import explain, run
from engine.axes import AXES
from engine.graph.model_graph import to_dot
from engine.graph.timeline import levels
from engine.runtime.variants.cached import can_cache, run_cached, written_length
from engine.variant_config import SplitWidthConfig
from tests.engine.shape_comment_lines import commented_lines, hold_shape_comments, symbols_of

FILES = sorted(Path(engine.model.variants.__path__[0]).rglob("*.py"))
# No two axes, and no axis and product, of the same size: a wrong symbol cannot hide.
GROUPED = {"batch": 9, "length": 7, "d_model": 36, "heads": 6, "kv_heads": 3, "d_k": 10, "d_ff": 11, "vocab_size": 17}
DISTINCT = {
    "gpt2": engine.GPT2Config(batch=9, length=7, d_model=18, heads=6, d_ff=11, vocab_size=17),
    "llama": engine.LlamaConfig(**GROUPED),
    "llama, interleaved": engine.LlamaConfig(**GROUPED, interleaved=True),
    "mistral": engine.MistralConfig(**GROUPED, window=3),
    "mixtral": engine.MixtralConfig(**GROUPED, experts=8, experts_per_token=4),
    "bert": engine.BertConfig(batch=9, length=7, d_model=18, heads=6, d_ff=11, vocab_size=17),
    "vit": engine.ViTConfig(
        batch=9, image_height=10, image_width=14, patch=2, channels=3, classes=5, d_model=28, heads=4, d_ff=11
    ),
    "t5": engine.T5Config(batch=9, src_len=7, tgt_len=5, d_model=18, heads=6, d_k=4, d_ff=11, vocab_size=17),
}


def sizes_of(config):
    """What each symbol is, from the settings alone. How many tokens an expert gets, M, no setting says."""
    given = dataclasses.asdict(config)
    symbols = {
        "batch": "B", "heads": "H", "kv_heads": "H_kv", "d_model": "d_model", "d_ff": "d_ff", "vocab_size": "V",
        "experts": "E", "experts_per_token": "K", "src_len": "S", "tgt_len": "T", "patch": "p", "channels": "C",
        "image_height": "Hpx", "image_width": "Wpx", "classes": "classes",
    }  # fmt: skip
    sizes = {symbol: given[name] for name, symbol in symbols.items() if name in given}
    if not isinstance(config, engine.T5Config):
        sizes["S" if isinstance(config, engine.BertConfig | engine.ViTConfig) else "T"] = config.length
    if isinstance(config, engine.ViTConfig):
        sizes["N"] = config.patches
    # The 2017 model's attention, which some variants share, has a name of its own for the width of a value.
    return {**sizes, "1": 1, "d_k": config.d_k, "d_v": config.d_k, "F": math.ceil(config.d_k / 2), "P": 2}


def hold(trace):
    hold_shape_comments(trace, sizes_of(trace.variant), unknown=("M",))


@pytest.mark.parametrize("name", DISTINCT)
def test_every_shape_comment_holds_where_no_two_axes_are_equally_long(name):
    trace = run(DISTINCT[name])
    axes = {symbol: size for step in trace.steps for symbol, size in zip(step.axes, step.shape, strict=True)}
    # Equal by definition: a value is as wide as a key, and where heads split d_model, they are as wide together.
    alike = {"d_v", "H*d_v", "M"} | ({"H*d_k"} if isinstance(trace.variant, SplitWidthConfig) else set())
    lengths = [size for symbol, size in axes.items() if symbol not in alike]
    assert len(set(lengths)) == len(lengths)
    hold(trace)


grouped_sizes = st.builds(
    lambda kv_heads, group, half, **sizes: {
        **sizes, "kv_heads": kv_heads, "heads": kv_heads * group, "d_k": 2 * half, "device": "cpu",
    },
    kv_heads=st.integers(1, 3), group=st.integers(1, 3), half=st.integers(1, 5), batch=st.integers(1, 4),
    length=st.integers(1, 8), d_model=st.integers(3, 20), d_ff=st.integers(1, 20), vocab_size=st.integers(4, 20),
    layers=st.integers(1, 2), interleaved=st.booleans(),
)  # fmt: skip
split_sizes = st.builds(
    lambda heads, d_k, **sizes: {**sizes, "heads": heads, "d_model": heads * d_k, "device": "cpu"},
    heads=st.integers(1, 4), d_k=st.integers(1, 5), batch=st.integers(1, 4), d_ff=st.integers(1, 20),
    layers=st.integers(1, 2),
)  # fmt: skip
text_sizes = st.fixed_dictionaries({"length": st.integers(1, 8), "vocab_size": st.integers(4, 20)})
configs = st.one_of(
    st.builds(lambda sizes, text: engine.GPT2Config(**sizes, **text), split_sizes, text_sizes),
    st.builds(lambda sizes, text: engine.BertConfig(**sizes, **text), split_sizes, text_sizes),
    st.builds(lambda sizes: engine.LlamaConfig(**sizes), grouped_sizes),
    st.builds(lambda sizes, window: engine.MistralConfig(**sizes, window=window), grouped_sizes, st.integers(1, 9)),
    st.builds(
        lambda sizes, experts: engine.MixtralConfig(**sizes, experts=max(experts), experts_per_token=min(experts)),
        grouped_sizes, st.tuples(st.integers(1, 5), st.integers(1, 5)),
    ),
    st.builds(
        lambda sizes, patch, rows, columns: engine.ViTConfig(
            **sizes, patch=patch, image_height=patch * rows, image_width=patch * columns
        ),
        split_sizes, st.integers(1, 3), st.integers(1, 3), st.integers(1, 3),
    ),
    st.builds(
        engine.T5Config, batch=st.integers(1, 4), src_len=st.integers(1, 8), tgt_len=st.integers(1, 8),
        d_model=st.integers(2, 20), heads=st.integers(1, 3), d_k=st.integers(1, 6), d_ff=st.integers(1, 20),
        layers=st.integers(1, 2), vocab_size=st.integers(4, 20), device=st.just("cpu"),
    ),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(configs)
def test_every_shape_comment_holds_over_drawn_sizes_with_numbers_and_without(config):
    trace, shapes = run(config), run(config.change(device="meta"))
    hold(trace)
    hold(shapes)
    if not isinstance(config, engine.MixtralConfig):  # which tokens an expert gets, only numbers say
        assert [(s.full_name, s.op, s.axes, s.shape) for s in trace.steps] == [
            (s.full_name, s.op, s.axes, s.shape) for s in shapes.steps
        ]


@settings(max_examples=40, deadline=None)
@given(configs, st.randoms(use_true_random=False))
def test_every_explained_number_of_a_variant_is_the_recorded_one(config, draw):
    trace = run(config)
    for step in trace.steps:
        if step.value.numel():
            here = explain(trace, step, tuple(draw.randrange(size) for size in step.shape))
            assert here.agrees is True, f"{step.full_name}: {here.sentence}"


def test_no_shape_comment_of_the_variants_goes_unchecked():
    seen = set()
    for config in DISTINCT.values():
        # With a cache that is longer than the window of the one that has a window.
        kept = min(5, written_length(config) - 1) if can_cache(config) else 0
        cached = run_cached(config, kept=kept).steps if kept else ()
        for step in (*run(config).steps, *run(config.change(device="meta")).steps, *cached):
            seen.add((step.source.file, step.source.span[2]))
    assert sorted(set(commented_lines(FILES)) - seen) == []


@pytest.mark.parametrize("name", DISTINCT)
def test_a_variant_does_one_operation_a_line(name):
    spans = {}
    for step in run(DISTINCT[name]).steps:
        assert step.source.targets, f"part of a larger expression: {step.source.expression}"
        spans.setdefault((step.source.file, step.source.line), set()).add(step.source.span)
    # Only ``a if condition else b`` may stand for two, of which one runs.
    assert {line: found for line, found in spans.items() if len(found) > 1} == {}


def test_the_glossary_explains_every_symbol_of_the_variants_comments():
    unknown = {comment for symbol, comment in symbols_of(FILES) if symbol not in AXES and symbol != "1"}
    assert unknown == set()


@pytest.mark.parametrize(
    ("name", "step", "stages"),
    [
        (
            "llama",
            "layers.0.self_attention.weights",
            "Q K V, split heads, query rotation, key rotation, share keys and values, scores, scale, mask, softmax, "
            "mix, merge, W_O",
        ),
        ("llama", "layers.0.feed_forward.hidden", "gate, expand, let through, contract"),
        ("llama", "norm.mean", "mean square, divide, scale"),
        ("mistral", "window_mask.too_far", "too far back, hide it too"),
        (
            "gpt2",
            "layers.0.self_attention.weights",
            "Q K V, split heads, scores, scale, mask, softmax, mix, merge, W_O",
        ),
        (
            "t5",
            "encoder.layers.0.self_attention.weights",
            "Q K V, split heads, scores, bias, mask, softmax, mix, merge, W_O",
        ),
        (
            "t5",
            "decoder.layers.0.cross_attention.weights",
            "Q K V, split heads, scores, mask, softmax, mix, merge, W_O",
        ),
        ("vit", "embedding.columns", "cut into patches, project, class token, place"),
        ("bert", "pooler.pooled", "first token, project, tanh"),
    ],
)
def test_the_timeline_shows_the_stages_that_a_module_is_taught_in(name, step, stages):
    trace = run(DISTINCT[name])
    assert ", ".join(segment.label for segment in levels(trace, trace.find(step))[-1]) == stages


@pytest.mark.parametrize("name", DISTINCT)
def test_the_graph_of_a_variant_has_a_node_for_attention_and_the_shape_of_what_passes(name):
    trace = run(DISTINCT[name])
    dot = to_dot(trace)
    assert "self-attention" in dot
    assert f"d_model {trace.variant.d_model}" in dot or str(trace.variant.d_model) in dot


def test_generated_runs_are_the_same_every_time_and_another_seed_is_another_run():
    for config in DISTINCT.values():
        first, again = run(config), run(config)
        other = run(config.change(seed=1))
        assert first.steps[-1].value.equal(again.steps[-1].value)
        assert not first.steps[-1].value.equal(other.steps[-1].value)


def test_the_elements_that_are_drawn_lie_in_every_kind_of_step():
    # What the test above draws from: without steps of these kinds it would say less.
    ops = {step.op for config in DISTINCT.values() for step in run(config).steps}
    assert {"topk", "nonzero", "index_add", "unfold", "silu", "repeat_interleave", "where", "gelu", "tanh"} <= ops
