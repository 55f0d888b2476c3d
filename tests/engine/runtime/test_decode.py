"""Text written by the model itself, one trace a character, beside text that it is told."""

import math
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Config, ConfigError, TextError, decode, run, teacher_forced, trained_config
from engine.pretrained.dates import TRAIN_FORMATS, held_out_dates
from engine.runtime.forward import build_model
from engine.runtime.memory_estimate import TooLargeError

EXAMPLES = ("21 November 2026", "Nov. 21st, 2026", "2026년 11월 21일", "26. 11. 21.", "11/21/2026")
CPU = trained_config(device="cpu")
MODEL = build_model(CPU)

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@pytest.mark.parametrize("source", EXAMPLES)
def test_a_date_is_written_and_ended(source):
    decoded = decode(source, CPU)
    assert (decoded.source, decoded.text, decoded.ended) == (source, "2026-11-21", True)
    assert [choice.token for choice in decoded.choices] == [*"2026-11-21", "⟨end⟩"]


def test_every_step_reads_what_was_written_before_it_and_adds_one_character():
    decoded = decode("Nov. 21st, 2026", CPU, model=MODEL)
    assert len(decoded.traces) == len(decoded.choices) == 11
    for step, (trace, choice) in enumerate(zip(decoded.traces, decoded.choices, strict=True)):
        assert trace.labels["T"] == (("⟨begin⟩", *"2026-11-21"[:step]),)
        assert trace.config.tgt_len == trace.sizes["T"] == step + 1
        row = trace.output[0, -1]
        assert trace.labels["V"][row.argmax()] == choice.token == choice.best
        assert choice.probability == row.max().double().exp().item()


def test_a_step_is_the_run_on_the_same_texts():
    decoded = decode("11/21/2026", CPU, model=MODEL)
    for step in (3, 10):
        same = run(CPU, "11/21/2026", "2026-11-21"[:step])
        assert same.config == decoded.traces[step].config
        assert same.labels == decoded.traces[step].labels
        for one, other in zip(same.steps, decoded.traces[step].steps, strict=True):
            assert torch.equal(one.value, other.value)


@pytest.mark.parametrize("upto", [None, 0, 1, 4, 10, 15])
def test_a_run_without_a_target_reads_what_the_model_has_written_by_then(upto):
    decoded = decode("11/21/2026", CPU, model=MODEL)
    step = 10 if upto is None else min(upto, 10)
    trace = run(CPU, "11/21/2026", upto=upto)
    assert trace.config == decoded.traces[step].config
    assert trace.labels == decoded.traces[step].labels
    assert trace.labels["T"] == (("⟨begin⟩", *"2026-11-21"[:step]),)
    for one, other in zip(trace.steps, decoded.traces[step].steps, strict=True):
        assert torch.equal(one.value, other.value)


@pytest.mark.parametrize("upto", [None, 3])
def test_several_sources_without_targets_are_one_run_on_what_is_written_for_each(upto):
    sources = ["11/21/2026", "2026년 11월 21일", "nothing of the kind"]
    written = [decode(source, CPU, model=MODEL).text for source in sources]
    trace, same = run(CPU, sources, upto=upto), run(CPU, sources, [text[:upto] for text in written])
    assert trace.config == same.config
    assert trace.labels == same.labels
    for one, other in zip(trace.steps, same.steps, strict=True):
        assert torch.equal(one.value, other.value)


def test_before_anything_is_written_every_target_is_begin_alone():
    trace = run(CPU, ["11/21/2026", "2026"], upto=0, model=MODEL)
    assert trace.labels["T"] == (("⟨begin⟩",), ("⟨begin⟩",))


def test_a_text_without_an_end_is_read_as_far_as_the_last_step_read_it(monkeypatch):
    monkeypatch.setattr(sys.modules["engine.runtime.decode"], "MOST_STEPS", 4)
    assert run(CPU, ["11/21/2026"] * 2, model=MODEL).labels["T"] == (("⟨begin⟩", *"202"),) * 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"upto": 16}, "upto must be a whole number from 0 to 15: 16; nearest: 15"),
        ({"upto": -1}, "upto must be a whole number from 0 to 15: -1; nearest: 0"),
        ({"upto": "３"}, "upto must be a whole number from 0 to 15: '３' is not a whole number; nearest: 3"),
        ({"upto": True}, "upto must be a whole number from 0 to 15: True is not a whole number; nearest: 1"),
        ({"upto": 3, "target": "2026"}, "upto counts the characters that trained weights write for a source without"),
        ({"upto": 3, "source": None}, "upto counts the characters that trained weights write for a source without"),
        ({"upto": 3, "config": Config()}, "upto counts the characters that trained weights write for a source without"),
    ],
)
def test_upto_is_refused_where_it_means_nothing(given, said):
    with pytest.raises(ConfigError) as refused:
        run(**{"config": CPU, "source": "2026", **given})
    assert str(refused.value).startswith(said)


def test_random_weights_read_generated_tokens_where_no_target_is_given():
    trace = run(Config(tgt_len=6), "I go home")
    assert trace.sizes["T"] == 6
    assert trace.inputs["target"].tolist() == run(Config(batch=1, tgt_len=6)).inputs["target"].tolist()


def test_decoding_again_gives_the_same_numbers():
    one, other = decode("2026년 11월 21일", CPU), decode("2026년 11월 21일", CPU)
    assert one.choices == other.choices
    for first, second in zip(one.traces, other.traces, strict=True):
        assert torch.equal(first.output, second.output)


def test_the_alternatives_are_the_whole_vocabulary_in_order_and_sum_to_one():
    for choice in decode("?? November 2026", CPU, model=MODEL).choices:
        tokens, probabilities = zip(*choice.ranked, strict=True)
        assert len(set(tokens)) == len(tokens) == CPU.vocab_size
        assert list(probabilities) == sorted(probabilities, reverse=True)
        assert math.fsum(probabilities) == pytest.approx(1, abs=1e-5)
        assert choice.ranked[0] == (choice.token, choice.probability)


def test_the_probability_of_the_whole_is_the_product_of_its_steps():
    decoded = decode("?? November 2026", CPU, model=MODEL)
    assert decoded.probability == pytest.approx(math.prod(choice.probability for choice in decoded.choices))
    assert 0 < decoded.probability < 1


# What the causal mask is for: one run over the whole text shows every step that made it.
@settings(max_examples=15)
@given(st.sampled_from(held_out_dates()), st.sampled_from(TRAIN_FORMATS))
def test_told_its_own_words_the_model_holds_them_as_probable_as_when_it_wrote_them(day, form):
    source = form.write(day).text
    decoded = decode(source, CPU, model=MODEL)
    told = teacher_forced(source, decoded.text, CPU, model=MODEL)
    assert [choice.token for choice in told.choices] == [choice.token for choice in decoded.choices]
    for one, other in zip(told.choices, decoded.choices, strict=True):
        assert one.probability == pytest.approx(other.probability, abs=1e-4)
        assert dict(one.ranked) == pytest.approx(dict(other.ranked), abs=1e-4)


def test_told_a_wrong_text_it_says_how_improbable_that_is_and_what_it_would_have_said():
    told = teacher_forced("21 November 2026", "2026-12-21", CPU, model=MODEL)
    assert (told.source, told.target) == ("21 November 2026", "2026-12-21")
    assert [choice.token for choice in told.choices] == [*"2026-12-21", "⟨end⟩"]
    wrong = told.choices[6]
    assert (wrong.token, wrong.best) == ("2", "1")
    assert wrong.probability < 0.01 < dict(wrong.ranked)["1"]
    assert told.trace.labels["T"] == (("⟨begin⟩", *"2026-12-21"),)
    assert told.trace.sizes["T"] == len(told.choices) == 11


def test_a_target_may_have_characters_that_the_model_does_not_know():
    told = teacher_forced("21 November 2026", "x나6", CPU, model=MODEL)
    assert [choice.token for choice in told.choices] == ["⟨unknown⟩", "⟨unknown⟩", "6", "⟨end⟩"]


@pytest.mark.parametrize("output", ["softmax", "log_softmax"])
def test_probabilities_are_the_same_whichever_way_the_model_ends(output):
    decoded = decode("Nov. 21st, 2026", CPU.change(output=output))
    assert decoded.text == "2026-11-21"
    assert decoded.probability == pytest.approx(decode("Nov. 21st, 2026", CPU).probability, abs=1e-4)


def test_random_weights_write_something_too_and_are_stopped_where_they_find_no_end():
    decoded = decode("I go home", Config(device="cpu"))
    module = sys.modules["engine.runtime.decode"]  # the name engine.decode is the function
    assert 1 <= len(decoded.choices) <= module.MOST_STEPS
    assert decoded.ended == (decoded.choices[-1].token == "⟨end⟩")
    assert decoded.traces[-1].labels["S"] == (("⟨begin⟩", "I", "go", "home", "⟨end⟩"),)


def test_decoding_stops_after_the_most_steps(monkeypatch):
    monkeypatch.setattr(sys.modules["engine.runtime.decode"], "MOST_STEPS", 4)
    decoded = decode("21 November 2026", CPU, model=MODEL)
    assert (decoded.text, decoded.ended, len(decoded.traces)) == ("2026", False, 4)


@pytest.mark.parametrize("source", ["", " ", "\u202e26", None])
def test_what_cannot_be_read_is_refused(source):
    with pytest.raises(TextError):
        decode(source, CPU, model=MODEL)
    with pytest.raises(TextError):
        teacher_forced("21 November 2026", source if source is not None else b"", CPU, model=MODEL)


def test_what_would_not_fit_in_memory_is_refused_before_anything_is_run(monkeypatch):
    monkeypatch.setattr(sys.modules["engine.runtime.forward"], "memory_budget", lambda device: 100_000)
    with pytest.raises(TooLargeError, match="a run may take"):
        decode("21 November 2026", CPU, model=MODEL)
    with pytest.raises(TooLargeError, match="a run may take"):
        teacher_forced("21 November 2026", "2026-11-21", CPU, model=MODEL)


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16"])
def test_other_dtypes_write_the_same_dates(dtype):
    config = CPU.change(dtype=dtype)
    for source in EXAMPLES:
        assert decode(source, config).text == "2026-11-21"


@pytest.mark.gpu
@needs_cuda
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cuda_writes_the_same_text_as_the_cpu(dtype):
    cuda = trained_config(device="cuda", dtype=dtype)
    model = build_model(cuda)
    for place, day in enumerate(held_out_dates()[::60]):
        form = TRAIN_FORMATS[place % len(TRAIN_FORMATS)]
        if form.can_write(day):
            source = form.write(day).text
            assert decode(source, cuda, model=model).text == decode(source, CPU, model=MODEL).text
