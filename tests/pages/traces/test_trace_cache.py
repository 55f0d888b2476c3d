"""From settings to a trace by way of the store, and to a sentence where there can be none."""

import dataclasses
import re
import unicodedata
from contextlib import contextmanager

import pytest
import torch

from engine import Config, trained_config
from engine.runtime.footprint import measure
from engine.text.tokenizer import MAX_SENTENCES, MAX_TOKENS
from pages.ui.state.settings import SENTENCES, TOKENS, Settings
from pages.ui.traces import trace_cache
from pages.ui.traces.store import Store
from pages.ui.traces.trace_cache import CannotRunError, decoded_of, teacher_forced_of, trace_of

SMALL = Config(d_model=16, heads=2, encoder_layers=1, decoder_layers=1, device="cpu")


@pytest.fixture(autouse=True)
def store(monkeypatch):
    """A store of this test's own."""
    own = Store(2**30, patience=0)
    monkeypatch.setattr(trace_cache, "_store", lambda device: own)
    return own


@pytest.fixture
def models(monkeypatch):
    """The models that runs were made with, in order."""
    used, run = [], trace_cache.run

    def noting(*args, model, **kwargs):
        used.append(model)
        return run(*args, model=model, **kwargs)

    monkeypatch.setattr(trace_cache, "run", noting)
    return used


def text(source="I go home", target="나는 집에 간다", config=SMALL):
    return Settings(config, SENTENCES, source, target)


def test_equal_settings_are_one_and_the_same_trace():
    assert trace_of(text()) is trace_of(Settings(Config(**dataclasses.asdict(SMALL)), SENTENCES))
    tokens = Settings(SMALL, TOKENS)
    assert trace_of(tokens) is trace_of(dataclasses.replace(tokens, source="of no matter"))
    assert trace_of(tokens) is not trace_of(text())


def test_sizes_that_the_sentences_replace_make_no_new_trace():
    assert trace_of(text()) is trace_of(text(config=SMALL.change(batch=7, src_len=9, tgt_len=11)))


def test_another_text_batch_or_length_is_run_on_the_same_model(models):
    trace_of(text())
    trace_of(text(target="나는 본다"))
    trace_of(text("I go home\nwe see\nhe", "나는\n간다\n본다"))
    trace_of(Settings(SMALL.change(batch=3, src_len=2, tgt_len=9), TOKENS))
    assert len(models) == 4
    assert len(set(map(id, models))) == 1


@pytest.mark.parametrize("change", [{"seed": 1}, {"dtype": "float64"}, {"norm_first": True}, {"d_ff": 8}])
def test_other_weights_are_another_model(models, change):
    first, second = trace_of(text()), trace_of(text(config=SMALL.change(**change)))
    assert models[0] is not models[1]
    assert first is not second


def test_words_that_do_not_fit_the_vocabulary_make_a_larger_model_for_it(models):
    trace_of(text(config=SMALL.change(vocab_size=4)))
    new = trace_of(text("αβγδε", "α"))
    assert new.config.vocab_size > 64
    assert models[0] is not models[1]
    assert new.find("logits").shape[-1] == new.config.vocab_size


def test_a_seed_changes_every_weight_that_is_drawn():
    one, two = (trace_of(text(config=SMALL.change(seed=seed))) for seed in (0, 1))
    assert not torch.equal(one.find("logits").value, two.find("logits").value)
    assert torch.equal(one.inputs["source"], two.inputs["source"])


@pytest.mark.parametrize(
    ("settings", "rule", "value", "remedy"),
    [
        (
            text("I go home", "나는\n간다"),
            "source and target must have the same number of sentences",
            "1 in the source, 2 in the target",
            "add or delete lines until every source has its target",
        ),
        (
            text("I go home\nwe see", "나는"),
            "source and target must have the same number of sentences",
            "2 in the source, 1 in the target",
            "add or delete lines until every source has its target",
        ),
        (text(""), "a sentence must not be empty", "the source is empty", "type one, for example: I go home"),
        (text("I go home", " \n\t\n"), "a sentence must not be empty", "the target is empty", "type one"),
        (text("a\u202eb"), "a sentence has no bidirectional control marks", "U+202E", "delete it"),
        (text("w" * 255), f"a sentence has at most {MAX_TOKENS} tokens", "the source has 257", "split the text in two"),
        (
            text(config=SMALL.change(device="mps", dtype="float64")),
            "device must be one that this machine has",
            "mps is not here",
            "present: ",
        ),
    ],
)
def test_what_cannot_be_run_says_the_rule_the_value_and_the_remedy(settings, rule, value, remedy, store):
    if settings.config.device == "mps" and torch.backends.mps.is_available():
        pytest.skip("MPS is here")
    with pytest.raises(CannotRunError) as caught:
        trace_of(settings)
    said = str(caught.value)
    assert said.index(rule) < said.index(value) < said.index(remedy)
    assert store.alive == 0


def test_a_run_larger_than_the_room_says_its_size_and_the_length_that_fits(store):
    store.room = 2**21
    with pytest.raises(CannotRunError) as caught:
        trace_of(Settings(SMALL.change(src_len=200), TOKENS))
    said = str(caught.value)
    assert "a run may take 2.0 MiB here: this one takes " in said
    assert store.alive == 0
    longest = int(re.search(r"fits with .*source length (\d+)", said)[1])
    trace_of(Settings(SMALL.change(src_len=longest), TOKENS))
    with pytest.raises(CannotRunError):
        trace_of(Settings(SMALL.change(src_len=longest + 1), TOKENS))


def test_the_store_counts_the_tensors_and_the_parameters_of_a_run(store):
    trace = trace_of(text())
    parameters = {id(one.value): one.value for step in trace.steps for one in step.inputs if one.kind == "parameter"}
    objects = measure(trace.config).objects
    assert store.alive == trace.nbytes + objects + sum(value.nbytes for value in parameters.values())


@pytest.mark.parametrize(
    "sentence",
    [
        "나는 집에 간다",
        "👨‍👩‍👧 🇰🇷 👍🏽",
        "ㅋㅋㅋ ㅠㅠ",
        "I love 물을 👍",
        "`$x$` **b** <i> =1+1 @x",
        "e\u0301 naïve Å",
        "العربية ไทย हिन्दी",
    ],
)
def test_a_sentence_of_any_script_is_run_and_labelled_with_its_own_characters(sentence):
    trace = trace_of(text(sentence, sentence))
    [labels] = trace.labels["S"]
    assert labels[0] == "⟨begin⟩"
    assert labels[-1] == "⟨end⟩"
    shown = "".join(label.removeprefix("##") if label.startswith("##") else label for label in labels[1:-1])
    read = trace_of(text(sentence, sentence)).labels["T"][0][1:]
    assert read == labels[1:-1]
    assert shown == unicodedata.normalize("NFC", sentence).replace(" ", "")
    assert trace.find("logits").shape[:2] == (1, len(labels) - 1)
    assert torch.isfinite(trace.find("logits").value).all()


def test_twenty_lines_of_different_length_are_a_padded_batch():
    lines = [" ".join(["dog"] * (1 + place % 7)) for place in range(20)]
    trace = trace_of(text("\n".join(lines), "\n".join(lines)))
    assert trace.config.batch == 20
    assert trace.inputs["source"].shape == (20, 9)
    padding = trace.find("source_padding_mask.mask").value
    assert padding.sum(dim=-1).flatten().tolist() == [6 - place % 7 for place in range(20)]
    weights = trace.find("encoder.layers.0.self_attention.weights").value
    assert torch.all(weights[0, :, :, 3:] == 0)
    assert torch.allclose(weights.sum(dim=-1), torch.ones(()))


def test_a_sentence_of_250_unknown_characters_is_run_whole():
    sentence = " ".join(["xyzw"] * 50)
    trace = trace_of(text(sentence + "abcdefghij"[:10] * 4, "나는"))
    assert trace.inputs["source"].shape == (1, 242)
    longest = trace_of(text("q" * 254, "q" * 255))
    assert longest.inputs["source"].shape == (1, MAX_TOKENS)
    assert longest.inputs["target"].shape == (1, MAX_TOKENS)
    assert longest.find("encoder.layers.0.self_attention.scores").shape == (1, 2, MAX_TOKENS, MAX_TOKENS)


def dates(number):
    """The trained model's settings with so many different dates to answer."""
    return Settings(
        trained_config(), source="\n".join(f"May {day % 28 + 1}, {1950 + day}" for day in range(number)), target=""
    )


def held(answers):
    """Bytes of the tensors of these answers and of their model."""
    memory = {}
    for answer in answers:
        for trace in answer.traces:
            for step in trace.steps:
                for tensor in (step.value, *(leaf.value for leaf in step.inputs if leaf.kind == "parameter")):
                    memory[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
    return sum(memory.values())


def test_an_answer_is_charged_what_it_holds(store):
    answers = decoded_of(dates(3))
    objects = sum(measure(trace.config).objects for answer in answers for trace in answer.traces)
    rankings = 192 * 85 * sum(len(answer.choices) for answer in answers)
    assert store.alive == held(answers) + objects + rankings


def test_as_many_lines_as_are_allowed_fit_and_one_more_is_refused_before_any_is_answered(store):
    store.room = 2**31
    answers = decoded_of(dates(MAX_SENTENCES))
    assert [answer.text[:4] for answer in answers] == [str(1950 + day) for day in range(MAX_SENTENCES)]
    before = store.alive
    # A small part of the room.
    assert before < 2**29 * MAX_SENTENCES / 40
    for asked in (decoded_of, trace_of):
        with pytest.raises(CannotRunError) as caught:
            asked(dates(MAX_SENTENCES + 1))
        assert str(caught.value) == "a batch has at most 64 sentences: the source has 65; delete some"
    assert store.alive == before


def test_lines_that_fit_one_by_one_and_not_together_are_not_said_to_be_other_peoples(store):
    one = measure(trained_config())
    store.room = one.parameters + 2**27
    answers = decoded_of(dates(2))
    with pytest.raises(
        CannotRunError, match=r"^a run may take .* here: this one takes .*; fits with batch \d+"
    ) as caught:
        decoded_of(dates(60))
    fitting = int(re.search(r"batch (\d+)", str(caught.value))[1])
    assert 2 < fitting < 60
    del answers
    several = dates(fitting)
    answers, trace = decoded_of(several), trace_of(several)
    assert len(answers) == trace.config.batch == fitting


@pytest.mark.parametrize("room", [2**24, 2**25, 3 * 2**25, 2**27])
def test_what_is_told_beside_many_lines_is_refused_for_its_own_size_or_not_at_all(room, store):
    store.room = room
    several = dates(20)
    with refused_for_its_own_size_alone():
        answers = decoded_of(several)
        assert len(answers) == 20
        told = teacher_forced_of(several, "May 1, 1950", "2026-11-21" * 20)
        assert len(told.choices) == 201


@contextmanager
def refused_for_its_own_size_alone():
    """Whatever is refused here must be so for its own size: nobody else is there."""
    try:
        yield
    except CannotRunError as error:
        if not str(error).startswith("a run may take"):
            raise
