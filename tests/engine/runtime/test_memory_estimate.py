"""The bytes of a run, known by arithmetic before anything of it is made."""

import re
import subprocess
import sys
import tracemalloc

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Config, ConfigError, decode, run, teacher_forced
from engine.config import ACTIVATIONS, DTYPES, LIMITS, OUTPUTS
from engine.export.units import format_bytes
from engine.runtime.decode import measure_decoded, measure_decoding, measure_teacher_forced
from engine.runtime.footprint import measure
from engine.runtime.forward import build_model
from engine.runtime.memory_estimate import TooLargeError, check_fits, running_out_in_words
from engine.text import tokenizer
from tests.engine.any_config import any_config
from tests.engine.outlined import outline

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


configs = any_config(encoder_layers=st.integers(1, 5), decoder_layers=st.integers(1, 4))


@settings(max_examples=20)
@given(configs)
def test_the_bytes_measured_are_the_bytes_of_the_run_exactly(config):
    trace = run(config)
    assert trace.nbytes == held(trace)
    assert measure(config).tensors == held(trace)
    parameters = [p.numel() * p.element_size() for p in build_model(config).parameters()]
    assert measure(config).parameters == sum(parameters)
    assert measure(config).recording == held(trace) + measure(config).objects
    assert measure(config).total == measure(config).recording + sum(parameters)


@pytest.mark.parametrize("large", ["d_model", "d_ff", "vocab_size", "src_len", "tgt_len", "d_v", "d_k", "batch"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_bytes_are_exact_where_one_of_the_sizes_is_much_larger_than_the_others(large, dtype):
    small = dict.fromkeys(("batch", "src_len", "tgt_len", "d_model", "heads", "d_ff", "d_v", "d_k"), 1)
    config = Config(**{**small, "vocab_size": 4, large: 96}, dtype=dtype, device="cpu")
    assert measure(config).tensors == held(run(config))


@pytest.mark.parametrize("norm_first", [False, True])
def test_the_bytes_of_a_run_too_large_to_make_are_those_of_its_shapes(norm_first):
    config = Config(batch=1000, src_len=300, tgt_len=200, d_model=512, heads=8, norm_first=norm_first, vocab_size=9000)
    assert measure(config).tensors == outline(config).nbytes > 2**34


def _python_bytes(make):
    """What Python's objects take of what ``make`` returns; torch's numbers are not among them."""
    make()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        made = make()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    return made, taken


def looked_at(trace):
    """A trace of which everything is worked out that is worked out when asked for."""
    for step in trace.steps:
        _ = step.statistics
    _ = (trace.consumers, trace.sizes, trace.inputs, trace.find("logits"))
    return trace


@pytest.mark.parametrize(
    "change",
    [
        {"encoder_layers": 6, "decoder_layers": 1},
        {"encoder_layers": 1, "decoder_layers": 6, "norm_first": True},
        {"batch": 30, "src_len": 200, "tgt_len": 300, "d_model": 4, "vocab_size": 20_000},
        {"vocab_size": 50_000, "d_model": 4},
    ],
)
def test_pythons_own_objects_take_no_more_than_is_set_aside_for_them(change):
    config = Config(**change, device="cpu")
    model = build_model(config)
    trace, taken = _python_bytes(lambda: looked_at(run(config, model=model)))
    headers = 512 * len(trace.steps)  # of the tensors, which are not Python's
    assert 0 < taken + headers <= measure(config).objects


def test_the_objects_of_an_answer_take_no_more_than_is_set_aside_for_them():
    config = Config(vocab_size=3000, batch=1, device="cpu")
    model = build_model(config)
    decoded, taken = _python_bytes(lambda: decode("I go home", config, model=model))
    assert taken <= measure_decoding(decoded.traces[0].config).objects
    told, taken = _python_bytes(lambda: teacher_forced("I go home", "나는 집에 간다", config, model=model))
    assert taken <= measure_teacher_forced(told.trace.config).objects


def test_what_an_answer_holds_is_counted_by_the_steps_that_were_made():
    config = Config(batch=1, device="cpu")
    decoded = decode("I go home", config)
    most, counted = measure_decoding(decoded.traces[0].config), measure_decoded(decoded)
    tensors = sum(map(held, decoded.traces))
    assert tensors < counted <= most.recording
    assert counted == most.recording if len(decoded.traces) == 16 else counted < most.recording
    assert measure_decoding(decoded.traces[0].config.change(batch=3)).tensors == 3 * most.tensors


documented = st.builds(
    Config,
    **{
        name: st.one_of(st.sampled_from(limits), st.integers(*limits))
        for name, limits in LIMITS.items()
        if name not in ("d_model", "heads", "d_k", "d_v")
    },
    heads=st.sampled_from([2**power for power in range(11)]),
    d_model=st.sampled_from([2**power for power in range(10, 17)]),
    d_k=st.one_of(st.none(), st.integers(*LIMITS["d_k"])),
    d_v=st.one_of(st.none(), st.integers(*LIMITS["d_v"])),
    norm_first=st.booleans(), padding_mask=st.booleans(), causal_mask=st.booleans(),
    activation=st.sampled_from(ACTIVATIONS), output=st.sampled_from(OUTPUTS), dtype=st.sampled_from(DTYPES),
    device=st.just("cpu"),
)  # fmt: skip


@pytest.fixture
def nothing_is_made(monkeypatch):
    """Fails the test where token ids are generated, a model is built, or torch makes a tensor."""

    def fail(*args, **kwargs):
        pytest.fail("something was made of a run that does not fit")

    monkeypatch.setattr(tokenizer, "generated", fail)
    monkeypatch.setattr(torch.nn.Module, "__init__", fail)
    for name in ("empty", "zeros", "ones", "tensor"):
        monkeypatch.setattr(torch, name, fail)


LARGEST = Config(
    batch=2**16, src_len=2**16, tgt_len=2**16, d_model=2**16, heads=2**10, d_k=2**16, d_v=2**16, d_ff=2**18,
    encoder_layers=512, decoder_layers=512, vocab_size=2**20, dtype="float64", device="cpu",
)  # fmt: skip


def test_the_largest_config_of_all_is_measured_in_whole_numbers():
    scores = 2**16 * 2**10 * 2**16 * 2**16 * 8
    assert measure(LARGEST).tensors > 512 * 3 * 4 * scores
    assert isinstance(measure(LARGEST).total, int)


@pytest.mark.parametrize(
    "config",
    [
        Config(batch=2**16, src_len=2**16, device="cpu"),
        Config(tgt_len=2**16, batch=2**10, d_model=1, heads=1, device="cpu"),
        Config(vocab_size=2**20, d_model=2**14, device="cpu"),
        Config(encoder_layers=512, decoder_layers=512, d_model=2**12, device="cpu"),
        Config(batch=16, src_len=256, tgt_len=256, d_model=1024, heads=16, encoder_layers=6, decoder_layers=6),
        LARGEST,
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_made(config, monkeypatch, nothing_is_made):
    monkeypatch.setattr(sys.modules["engine.runtime.forward"], "memory_budget", lambda device: 2**27)
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError, match="a run may take"):
            run(config)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("start", [run, decode, lambda *given: teacher_forced("I go", "나는", given[-1])])
def test_neither_is_anything_made_where_a_text_is_read(start, monkeypatch, nothing_is_made):
    monkeypatch.setattr(sys.modules["engine.runtime.forward"], "memory_budget", lambda device: 2**27)
    config = Config(d_model=2**12, encoder_layers=512, tgt_len=2**16, device="cpu")
    with pytest.raises(TooLargeError, match="a run may take"):
        start(config, "I go") if start is run else start("I go", config)


@settings(max_examples=200)
@given(documented, st.integers(1, 2**40))
def test_any_config_within_the_documented_sizes_fits_or_is_refused_in_a_sentence(config, space):
    total = measure(config).total
    if total <= space:
        assert check_fits(config, space).total == total
        return
    size = r"[\d,.]+ (B|[KMG]iB)"
    sentence = rf"^a run may take {size} here: this one takes {size}; (fits with .*|make several settings smaller)$"
    with pytest.raises(TooLargeError, match=sentence):
        check_fits(config, space)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit there")
def test_a_bound_on_memory_ends_a_run_in_a_sentence_and_not_in_a_traceback():
    # The bound is set once torch is there, on what comes after it; the guard is told that there is plenty.
    program = """
import resource, sys
import psutil
import engine.__main__ as cli
forward = sys.modules["engine.runtime.forward"]
forward.memory_budget = lambda device: 2**60
taken = psutil.Process().memory_info().vms
resource.setrlimit(resource.RLIMIT_AS, (taken + 2**28, taken + 2**28))
sys.exit(cli.main(["run", "--batch", "64", "--src-len", "400", "--d-model", "512", "--device", "cpu"]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 2
    assert re.fullmatch(
        r"error: a run must fit in the memory that the system gives this process: this one takes [\d.]+ GiB, and was "
        r"refused some of it; make it smaller, or let the process have more\n",
        done.stderr,
    )


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: not enough memory"),
        torch.OutOfMemoryError("CUDA out of memory"),
    ],
)
def test_memory_that_is_refused_becomes_a_sentence_with_the_size_of_the_run(error):
    said = r"this one takes .*iB, and was refused some of it"
    with pytest.raises(TooLargeError, match=said) as caught, running_out_in_words(measure(Config())):
        raise error
    assert caught.value.nbytes == measure(Config()).total


def test_other_errors_of_a_run_stay_what_they_are():
    with pytest.raises(RuntimeError, match=r"^shapes$"), running_out_in_words(measure(Config())):
        raise RuntimeError("shapes")


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
    assert format_bytes(total) in str(caught.value)
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
    assert check_fits(config, total) == measure(config)
    with pytest.raises(TooLargeError):
        check_fits(config, total - 1)


def test_a_refusal_reads_as_a_sentence_with_what_fits():
    with pytest.raises(ConfigError) as caught:
        check_fits(Config(batch=1000, src_len=100), 50_000_000)
    assert re.fullmatch(
        r"a run may take 47\.7 MiB here: this one takes [\d,.]+ [MG]iB; fits with batch \d+(,? (or )?source length \d+)?.*",  # noqa: E501
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
    assert format_bytes(nbytes) == words
