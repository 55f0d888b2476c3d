"""Whole runs of the built-in Transformer: the same numbers every time, whatever is watched or added."""

import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.overrides import _get_current_function_mode

from engine import Config, TextError, run
from engine.runtime.forward import build_model, tokenize
from engine.runtime.memory_estimate import TooLargeError

DTYPES = ("float32", "float64", "bfloat16", "float16")


def values(trace):
    return [step.value for step in trace.steps]


def all_equal(one, other):
    return len(one) == len(other) and all(map(torch.equal, one, other))


def test_a_run_gives_the_same_numbers_every_time():
    torch.manual_seed(1)
    first = run(Config())
    torch.manual_seed(2)
    assert all_equal(values(first), values(run(Config())))


def test_watching_changes_no_number():
    config = Config(norm_first=True, activation="gelu")
    trace = run(config)
    with torch.no_grad():
        plain = build_model(config)(trace.inputs["source"], trace.inputs["target"])
    assert torch.equal(plain, trace.output)
    assert trace.steps[-1].value is trace.output


def test_another_seed_gives_other_tokens_and_other_weights():
    one, other = run(Config(src_len=20)), run(Config(src_len=20, seed=1))
    assert not torch.equal(one.inputs["source"], other.inputs["source"])
    same_tokens = {"source": "I go home", "target": "나"}
    assert not torch.allclose(run(Config(), **same_tokens).output, run(Config(seed=1), **same_tokens).output)


def test_another_layer_keeps_the_numbers_of_the_layers_before_it():
    two, three = run(Config()), run(Config(encoder_layers=3))
    for step in two.steps:
        if step.path.startswith(("source", "target", "encoder")):
            matching = three.find_all(step.full_name)[two.find_all(step.full_name).index(step)]
            assert torch.equal(step.value, matching.value)


def test_a_trace_is_untouched_by_the_next_run_with_the_same_model():
    config = Config()
    model = build_model(config)
    trace = run(config, model=model)
    before = [value.clone() for value in values(trace)]
    other = run(config, "another sentence", "나는", model=build_model(config.change(vocab_size=200)))
    run(config, model=model)
    assert all_equal(before, values(trace))
    assert {id(value) for value in values(trace)}.isdisjoint({id(value) for value in values(other)})


def test_a_model_that_is_given_is_used():
    config = Config()
    model = build_model(config)
    with torch.no_grad():
        model.projection.bias.add_(torch.arange(64.0))
    assert not torch.allclose(run(config, model=model).output, run(config).output)


@settings(max_examples=12)
@given(
    st.builds(
        Config, batch=st.integers(1, 3), src_len=st.integers(1, 6), tgt_len=st.integers(1, 6),
        d_model=st.sampled_from([4, 8, 24]), heads=st.sampled_from([1, 2, 4]), d_ff=st.integers(1, 9),
        encoder_layers=st.integers(1, 2), decoder_layers=st.integers(1, 2), vocab_size=st.integers(4, 30),
        norm_first=st.booleans(), activation=st.sampled_from(["relu", "gelu"]), padding_mask=st.booleans(),
        output=st.sampled_from(["softmax", "log_softmax"]), causal_mask=st.booleans(), seed=st.integers(0, 2**63 - 1),
        dtype=st.sampled_from(DTYPES), device=st.just("cpu"),
    )
)  # fmt: skip
def test_any_config_runs_without_a_nan_and_gives_a_distribution_over_the_vocabulary(config):
    trace = run(config)
    assert trace.config == config
    assert trace.output.shape == (config.batch, config.tgt_len, config.vocab_size)
    assert trace.output.dtype == getattr(torch, config.dtype)
    assert not any(step.value.isnan().any() for step in trace.steps)
    assert trace.output.isfinite().all()
    output = trace.output.double()
    total = (output if config.output == "softmax" else output.exp()).sum(-1)
    slack = 0.15 if config.dtype in ("bfloat16", "float16") else 1e-5
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=slack)
    assert _get_current_function_mode() is None


@pytest.mark.parametrize(("dtype", "slack"), [("float64", 1e-5), ("bfloat16", 0.15), ("float16", 0.02)])
def test_every_dtype_gives_the_numbers_of_float32_as_far_as_it_can(dtype, slack):
    single, other = run(Config()), run(Config(dtype=dtype))
    assert torch.equal(single.inputs["source"], other.inputs["source"])
    torch.testing.assert_close(other.output.double(), single.output.double(), rtol=0, atol=slack)


def test_nothing_in_a_run_takes_gradients_even_where_the_caller_has_them_on():
    with torch.enable_grad():
        trace = run(Config())
    assert not any(step.value.requires_grad for step in trace.steps)


def test_a_run_inside_inference_mode_can_be_looked_at_outside():
    with torch.inference_mode():
        trace = run(Config())
    assert all(torch.equal(step.recompute(), step.value) for step in trace.steps)


def test_text_sets_the_sizes_of_the_config():
    trace = run(Config(batch=7, src_len=3, vocab_size=4), source=["I go home", "I"], target=["나는 집에 간다", "나"])
    config = trace.config
    assert (config.batch, config.src_len) == tuple(trace.inputs["source"].shape)
    assert (config.batch, config.tgt_len) == tuple(trace.inputs["target"].shape)
    assert config.vocab_size == trace.output.size(-1) > int(trace.inputs["source"].max())
    assert config.batch == 2


def test_a_target_without_a_source_is_refused():
    with pytest.raises(TextError, match="needs a source"):
        run(Config(), target="나")


def test_the_labels_stand_along_every_axis_of_the_trace():
    trace = run(Config(), source=["I go home", "I"])
    assert [len(row) for row in trace.labels["S"]] == [trace.sizes["S"]] * 2
    assert [len(row) for row in trace.labels["T"]] == [trace.sizes["T"]] * 2
    assert len(trace.labels["V"]) == trace.sizes["V"]
    ids = trace.inputs["source"].tolist()
    assert trace.labels["S"] == tuple(tuple(trace.labels["V"][token] for token in row) for row in ids)


def test_generated_tokens_have_the_lengths_of_the_config_and_fit_the_vocabulary():
    _, batch = tokenize(Config(batch=3, src_len=6, tgt_len=2, vocab_size=5))
    assert [len(row) for row in batch.source_ids] == [6, 6, 6]
    assert [len(row) for row in batch.target_ids] == [2, 2, 2]
    assert all(0 <= token < 5 for row in batch.source_ids + batch.target_ids for token in row)


def test_a_run_that_does_not_fit_is_refused_before_its_weights_are_made(monkeypatch):
    module = sys.modules["engine.runtime.forward"]
    monkeypatch.setattr(module, "memory_budget", lambda device: 1000)
    monkeypatch.setattr(module, "build", lambda *_: pytest.fail("weights were made"))
    with pytest.raises(TooLargeError) as caught:
        run(Config())
    assert caught.value.room == 1000
    assert caught.value.nbytes > 1000
