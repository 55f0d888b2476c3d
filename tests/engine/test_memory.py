"""The bytes of a run, known before it is run."""

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Config, ConfigError, run
from engine.memory import TooLargeError, at_most, bytes_for, check_fits, measure, outline
from engine.run import load
from engine.units import in_words

FIELDS = {
    "batch": "batch", "source length": "src_len", "target length": "tgt_len", "d_model": "d_model",
    "encoder layers": "encoder_layers", "decoder layers": "decoder_layers",
}  # fmt: skip


def held(trace):
    """Bytes behind the tensors of a trace, every block of memory once."""
    blocks = {}
    for step in trace.steps:
        storage = step.value.untyped_storage()
        blocks[storage.data_ptr()] = storage.nbytes()
    return sum(blocks.values())


configs = st.builds(
    Config, batch=st.integers(1, 3), src_len=st.integers(1, 6), tgt_len=st.integers(1, 6),
    d_model=st.sampled_from([4, 8, 20]), heads=st.sampled_from([1, 2, 4]), d_k=st.sampled_from([None, 3]),
    d_ff=st.integers(1, 9), encoder_layers=st.integers(1, 5), decoder_layers=st.integers(1, 4),
    vocab_size=st.integers(4, 40), norm_first=st.booleans(), padding_mask=st.booleans(), causal_mask=st.booleans(),
    activation=st.sampled_from(["relu", "gelu"]), output=st.sampled_from(["softmax", "log_softmax"]),
    dtype=st.sampled_from(["float32", "float64", "bfloat16", "float16"]), device=st.just("cpu"),
)  # fmt: skip


@settings(max_examples=20)
@given(configs)
def test_the_bytes_measured_are_the_bytes_of_the_run_exactly(config):
    trace = run(config)
    assert trace.nbytes == held(trace)
    assert measure(config).tensors == held(trace)
    parameters = [p.numel() * p.element_size() for p in load(config).parameters()]
    assert measure(config).parameters == sum(parameters)
    assert measure(config).total == held(trace) + sum(parameters)


@settings(max_examples=40)
@given(configs)
def test_no_run_holds_more_than_the_bound_that_is_not_measured(config):
    most, held_by_run = at_most(config), measure(config)
    assert most.tensors >= held_by_run.tensors
    assert most.parameters >= held_by_run.parameters


@pytest.mark.parametrize("large", ["d_model", "d_ff", "vocab_size", "src_len", "tgt_len", "d_v", "encoder_layers"])
def test_nor_where_one_of_the_sizes_is_much_larger_than_the_others(large):
    small = dict.fromkeys(("batch", "src_len", "tgt_len", "d_model", "heads", "d_ff", "d_v"), 1) | {"vocab_size": 4}
    config = Config(**{**small, large: 96})
    assert at_most(config).tensors >= measure(config).tensors
    assert at_most(config).parameters >= measure(config).parameters


def test_what_is_set_aside_is_exact_where_it_is_a_good_part_of_the_memory():
    config = Config()
    exact = measure(config)
    assert bytes_for(config, exact.total) == exact
    assert bytes_for(config, 2**40) == at_most(config)
    with pytest.raises(TooLargeError):
        bytes_for(config, exact.total - 1)


def test_the_outline_has_the_names_axes_and_shapes_of_the_run():
    config = Config(norm_first=True)
    real, outlined = run(config).steps, outline(config).steps
    for one, other in zip(real, outlined, strict=True):
        assert (one.full_name, one.op, one.axes, one.shape) == (other.full_name, other.op, other.axes, other.shape)
        assert (one.dtype, one.memory, one.flops, one.stride) == (other.dtype, other.memory, other.flops, other.stride)
        assert other.value.is_meta
        assert other.statistics.mean is None


def test_a_run_far_beyond_any_machine_is_measured():
    config = Config(
        batch=2**16, src_len=2**16, tgt_len=2**16, d_model=2**16, heads=2**10, d_ff=2**18,
        encoder_layers=512, decoder_layers=512, vocab_size=2**20,
    )  # fmt: skip
    scores = 2**16 * 2**10 * 2**16 * 2**16 * 4
    assert measure(config).tensors > 512 * 3 * scores


def offers(error):
    (problem,) = error.problems
    return [(FIELDS[noun], int(value)) for noun, value in re.findall(r"(?:with |or )([a-z_ ]+) (\d+)", problem.remedy)]


@settings(max_examples=5)
@given(configs, st.floats(0.2, 0.99))
def test_a_refused_run_is_offered_the_largest_settings_that_fit(config, share):
    total = measure(config).total
    space = int(total * share)
    with pytest.raises(TooLargeError) as caught:
        check_fits(config, space)
    assert caught.value.nbytes == total
    assert caught.value.room == space
    assert in_words(total) in str(caught.value)
    for field, value in offers(caught.value):
        assert measure(config.change(**{field: value})).total <= space
        larger = value + (config.heads if field == "d_model" else 1)
        assert measure(config.change(**{field: larger})).total > space


def test_a_d_model_that_the_heads_do_not_divide_is_offered_the_multiple_just_below():
    config = Config(batch=1, src_len=1, tgt_len=1, d_model=31, heads=4, d_k=3, d_v=3, d_ff=5)
    with pytest.raises(TooLargeError) as caught:
        check_fits(config, measure(config.change(d_model=28)).total)
    assert ("d_model", 28) in offers(caught.value)


def test_a_run_that_fits_exactly_is_let_through_and_one_byte_less_is_not():
    config = Config()
    total = measure(config).total
    check_fits(config, total)
    with pytest.raises(TooLargeError):
        check_fits(config, total - 1)


def test_a_refusal_reads_as_a_sentence_with_what_fits():
    with pytest.raises(ConfigError) as caught:
        check_fits(Config(batch=1000, src_len=100), 50_000_000)
    assert re.fullmatch(
        r"a run may take 47\.7 MiB here: this one takes [\d,.]+ [MG]iB; fits with batch \d+(, or source length \d+)?.*",
        str(caught.value),
    )
    assert offers(caught.value)


def test_a_run_that_nothing_single_makes_fit_says_so():
    with pytest.raises(TooLargeError, match="make several settings smaller"):
        check_fits(Config(), 100)


@pytest.mark.parametrize(
    ("nbytes", "words"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (2**20, "1.0 MiB"), (2**30, "1.0 GiB"),
     (5 * 2**40, "5,120.0 GiB")],
)  # fmt: skip
def test_bytes_are_said_in_powers_of_1024(nbytes, words):
    assert in_words(nbytes) == words


def test_measuring_takes_no_memory_worth_mentioning():
    # On the meta device: a 3 GiB run is measured without a 3 GiB allocation (it would show as a real tensor).
    trace = outline(Config(batch=1000, src_len=100))
    assert trace.nbytes > 2**30
    assert all(step.value.device == torch.device("meta") for step in trace.steps)
