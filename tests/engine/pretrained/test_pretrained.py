"""The weights that come with the engine: what they are, what they can, and which files are refused."""

import hashlib
import json
import math
import pickle
import random
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from engine import Config, ConfigError, decode, run, trained_config
from engine.config import TRAINED
from engine.model.axis_names import AXIS_NAMES
from engine.pretrained.calibration import calibration
from engine.pretrained.dates import HELD_OUT_FORMATS, TRAIN_FORMATS, held_out_dates, written
from engine.pretrained.evaluate import answers, score
from engine.pretrained.odd_inputs import odd_inputs
from engine.pretrained.pretrained import FILE, about, build
from engine.pretrained.safetensors_io import WeightsError
from engine.pretrained.train import STEPS
from engine.pretrained.trainer import recipe
from engine.pretrained.training_data import tensors
from engine.record.recorder import watch
from engine.runtime.footprint import measure
from engine.runtime.forward import build_model, tokenize
from engine.runtime.memory_estimate import TooLargeError, check_fits
from engine.text.char_tokenizer import CHARACTERS, VOCABULARY

ENGINE = Path(__file__).parents[3] / "engine"
CPU = trained_config(device="cpu")
MODEL = build_model(CPU)
# The part of the date that an answer's digits say: 2026-11-21. The year's second digit follows from its first.
DIGITS = {0: "year", 2: "year", 3: "year", 5: "month", 6: "month", 8: "day", 9: "day"}


def sample(count, seed):
    draw = random.Random(seed)
    pairs = []
    while len(pairs) < count:
        day, form = draw.choice(held_out_dates()), draw.choice(TRAIN_FORMATS)
        if form.can_write(day):
            pairs.append(form.write(day))
    return pairs


def header(file):
    """What stands in the file, read apart from the library."""
    whole = file.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    return json.loads(whole[8 : 8 + length])


def test_the_file_is_small_and_holds_float32_and_a_text():
    assert FILE.stat().st_size <= 2 * 10**6
    entries = header(FILE)
    assert list(entries.pop("__metadata__")) == ["about"]
    assert {entry["dtype"] for entry in entries.values()} == {"F32"}
    assert set(entries) == {name for name, _ in MODEL.named_parameters()}


def test_nothing_in_the_engine_pickles():
    text = "\n".join(path.read_text(encoding="utf-8") for path in ENGINE.rglob("*.py"))
    for word in ("import pickle", "torch.save(", "torch.load("):
        assert word not in text


def test_the_file_says_what_made_it_and_that_is_what_the_engine_would_do_now():
    said = about()
    assert {key: said[key] for key in recipe()} == json.loads(json.dumps(recipe()))
    assert (said["sizes"], said["characters"]) == (TRAINED, CHARACTERS)
    assert said["versions"].keys() == {"python", "torch", "safetensors"}
    assert said["accuracy"]["of"] == sum(form.can_write(day) for day in held_out_dates() for form in TRAIN_FORMATS)
    assert said["accuracy"]["exact_match"] == said["accuracy"]["right"] / said["accuracy"]["of"] >= 0.995
    assert said["accuracy"]["unseen_forms"].keys() == set(map(str, HELD_OUT_FORMATS))


def test_what_was_trained_is_the_whole_of_the_recipe_and_what_it_reached_is_written_down():
    said = about()
    assert said["steps"] == STEPS
    assert said["accuracy"]["exact_match"] >= 0.9999
    assert said["accuracy"]["calibration_error"] == pytest.approx(calibration(MODEL, odd_inputs()).error, abs=1e-4)


def test_on_odd_inputs_of_kinds_it_never_saw_it_is_as_often_right_as_it_is_sure():
    measured = calibration(MODEL, odd_inputs())
    assert measured.error <= 0.05
    assert measured.surest_impossible.probability <= 0.5


@pytest.mark.parametrize(
    "text",
    ["29 February 2023", "20260229", "31 June 2021", "2100년 1월 1일", "32 March 2020", "21/11/2026", "2021-02-30"],
)
def test_a_date_that_there_is_not_gets_no_answer_that_is_more_likely_than_not(text):
    assert decode(text, CPU, model=MODEL).probability < 0.5


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("13.03.2020", "2020-03-13"),
        ("Friday 13 March 2020", "2020-03-13"),
        ("29 February 2024", "2024-02-29"),
        ("20240229", "2024-02-29"),
        ("이천이십일년 유월 삼십일", "2021-06-30"),
    ],
)
def test_an_odd_form_with_one_meaning_is_answered_with_it(text, iso):
    decoded = decode(text, CPU, model=MODEL)
    assert decoded.text == iso
    assert decoded.probability > 0.9


def test_a_fresh_sample_of_held_out_dates_is_answered_exactly():
    seed = random.SystemRandom().getrandbits(32)
    found = score(MODEL, sample(2000, seed))
    assert found.exact >= 0.995, f"seed {seed}: {found}; " + "; ".join(map(str, found.wrong))


def test_the_sizes_of_the_preset_are_those_of_the_vocabulary_and_of_the_file():
    assert TRAINED["vocab_size"] == len(VOCABULARY)
    assert trained_config() == Config(weights="trained", d_model=64, vocab_size=85)
    assert trained_config(batch=3, dtype="float64").change(weights="random") == Config(
        batch=3, dtype="float64", d_model=64, vocab_size=85, tokenizer="characters"
    )


def test_trained_weights_are_another_filling_of_the_same_model():
    random_model = build_model(CPU.change(weights="random"))
    assert type(MODEL) is type(random_model)
    ours, theirs = MODEL.state_dict(), random_model.state_dict()
    assert {name: tensor.shape for name, tensor in ours.items()} == {n: t.shape for n, t in theirs.items()}
    assert not any(torch.equal(ours[name], theirs[name]) for name in ours)
    assert not any(parameter.requires_grad for parameter in MODEL.parameters())
    assert not any(module.training for module in MODEL.modules())


def test_the_seed_is_of_the_generated_tokens_alone():
    one, other = run(CPU), run(CPU.change(seed=1))
    assert not torch.equal(one.inputs["source"], other.inputs["source"])
    texts = {"source": "21 November 2026", "target": "2026"}
    assert torch.equal(run(CPU, **texts).output, run(CPU.change(seed=1), **texts).output)


def test_the_axes_of_a_trace_are_labelled_with_characters():
    trace = run(trained_config(), source=["5 Mar '75", "2026년"], target=["1975-03-05", "2026"])
    assert trace.labels["S"][0] == ("⟨begin⟩", *"5␣Mar␣'75", "⟨end⟩")
    assert trace.labels["S"][1] == ("⟨begin⟩", *"2026년", "⟨end⟩", *["⟨pad⟩"] * 4)
    assert trace.labels["T"][0] == ("⟨begin⟩", *"1975-03-05")
    assert trace.labels["V"] == VOCABULARY.pieces
    assert (trace.config.batch, trace.config.src_len, trace.config.tgt_len) == (2, 11, 11)


def test_generated_tokens_have_the_lengths_of_the_config():
    trace = run(trained_config(batch=3, src_len=6, tgt_len=2))
    assert trace.output.shape == (3, 2, 85)
    assert [len(row) for row in trace.labels["S"]] == [6, 6, 6]


def test_a_trace_has_the_same_bits_in_another_process():
    code = (
        "import hashlib, torch; torch.set_num_threads(1); from engine import run, trained_config;"
        "trace = run(trained_config(device='cpu'), 'Nov. 21st, 2026', '2026-11-21');"
        "digest = hashlib.sha256(b''.join(step.value.contiguous().numpy().tobytes() for step in trace.steps));"
        "print(digest.hexdigest())"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=ENGINE.parent, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    }
    assert len(printed) == 1
    assert len(printed.pop().strip()) == hashlib.sha256().digest_size * 2


def test_float64_writes_the_same_text_as_float32():
    double = trained_config(dtype="float64", device="cpu")
    model = build_model(double)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float64}
    source, _, wanted = tensors(sample(200, seed=1), torch.device("cpu"))
    with torch.no_grad():
        assert answers(model, source, wanted.size(1)) == answers(MODEL, source, wanted.size(1))


# Text outside what it learned.


def probabilities(texts):
    return [decode(text, CPU, model=MODEL).probability for text in texts]


def test_a_date_is_answered_with_confidence_and_a_text_without_one_is_not():
    dates = probabilities(pair.text for pair in sample(20, seed=2))
    others = probabilities(
        ["I go home", "나는 집에 간다", "hello world", "내일", "tomorrow", "x", "😀", "???", "lorem ipsum", "the cat"]
    )
    assert statistics.median(dates) > 0.98
    assert min(dates) > 0.5
    assert max(others) < 0.1


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("2026-11-??", (9, 10, 10, 1)),  # 1 to 9, 10 to 19, 20 to 29 and 30 of November
        ("?? November 2026", (0, 10, 10, 1)),  # a day of one digit would have one mark
    ],
)
def test_what_cannot_be_read_is_spread_over_what_it_could_be_and_the_rest_is_sure(text, days):
    decoded = decode(text, CPU, model=MODEL)
    assert decoded.text.startswith("2026-11-")
    assert all(choice.probability > 0.9 for choice in decoded.choices[:8])
    tens = dict(decoded.choices[8].ranked)
    for digit, count in zip("0123", days, strict=True):
        assert tens[digit] == pytest.approx(count / sum(days), abs=0.06)


@pytest.mark.parametrize("text", ["November 2026", "32 March 2020", "31 November 2026", "21/11/2026"])
def test_a_date_that_there_is_not_or_that_is_said_in_part_is_answered_without_confidence(text):
    assert decode(text, CPU, model=MODEL).probability < 0.7


@pytest.mark.parametrize("text", ["?", "(((", "2026", "1", "31 February 2026", "a" * 254, "년" * 100, "é" * 30])
def test_any_text_that_can_be_read_gives_numbers(text):
    decoded = decode(text, CPU, model=MODEL)
    assert 1 <= len(decoded.choices) <= 16
    assert all(0 < choice.probability <= 1 for choice in decoded.choices)


# Where it looks.


def test_the_last_cross_attention_looks_at_the_characters_that_decide_a_digit():
    pairs = sample(300, seed=3)
    source, target, _ = tensors(pairs, torch.device("cpu"))
    with torch.no_grad():
        trace = watch(MODEL, [source, target], axis_names=AXIS_NAMES)
    weights = trace.find("decoder.layers.1.cross_attention.weights").value
    for place, part in DIGITS.items():
        deciding = torch.zeros(source.shape)
        for row, pair in enumerate(pairs):
            for at, said in enumerate(pair.parts, start=1):  # after begin
                deciding[row, at] = said == part
        share = (weights[:, :, place] * deciding.unsqueeze(1)).sum(-1)
        chance = deciding.sum(-1).mean() / statistics.mean(len(pair.text) + 2 for pair in pairs)
        assert share.max(dim=1).values.mean() > 0.9
        assert share.mean() > 1.5 * chance


# Files that are refused.


def kept():
    """The tensors and the text of the file."""
    return dict(MODEL.state_dict()), dict(about())


def refused(file):
    with pytest.raises(WeightsError) as caught:
        build(CPU, torch.device("cpu"), file)
    assert isinstance(caught.value, ConfigError)
    (problem,) = caught.value.problems
    assert problem.field == "weights"
    assert problem.remedy == "make it again with python -m engine.pretrained.train, or use weights random"
    assert "\n" not in str(problem)
    return f"{problem.rule}: {problem.value}"


def spoiled(tmp_path, tensors, said):
    file = tmp_path / "some.safetensors"
    save_file(tensors, file, {"about": json.dumps(said)})
    return refused(file)


def test_the_kept_file_written_anew_is_taken(tmp_path):
    tensors, said = kept()
    save_file(tensors, tmp_path / "same", {"about": json.dumps(said)})
    model = build(CPU, torch.device("cpu"), tmp_path / "same")
    assert all(torch.equal(tensors[name], p) for name, p in model.named_parameters())


def test_a_file_without_one_of_the_tensors_is_refused(tmp_path):
    tensors, said = kept()
    del tensors["projection.bias"]
    line = spoiled(tmp_path, tensors, said)
    assert line == "a weights file has every tensor of its model: some.safetensors has no projection.bias"


def test_a_file_with_one_tensor_more_is_refused(tmp_path):
    tensors, said = kept()
    line = spoiled(tmp_path, tensors | {"mo\nre": torch.zeros(1)}, said)
    assert line == r"a weights file has no tensor but those of its model: some.safetensors has mo\nre too"


def test_a_tensor_of_another_shape_is_refused_even_if_it_has_as_many_numbers(tmp_path):
    tensors, said = kept()
    name = "encoder.layers.0.feed_forward.w_1.weight"
    line = spoiled(tmp_path, tensors | {name: tensors[name].T.contiguous()}, said)
    assert line == f"{name} has the shape (256, 64): some.safetensors has it in (64, 256)"


@pytest.mark.parametrize(("dtype", "called"), [(torch.float16, "F16"), (torch.float64, "F64"), (torch.int32, "I32")])
def test_a_tensor_of_another_dtype_is_refused(tmp_path, dtype, called):
    tensors, said = kept()
    line = spoiled(tmp_path, tensors | {"projection.bias": tensors["projection.bias"].to(dtype)}, said)
    assert line == f"weights are kept in float32 (F32): some.safetensors has projection.bias in {called}"


@pytest.mark.parametrize(
    ("key", "value"), [("sizes", {**TRAINED, "heads": 8}), ("characters", CHARACTERS[::-1]), ("sizes", None)]
)
def test_weights_that_mean_something_else_are_refused(tmp_path, key, value):
    tensors, said = kept()
    line = spoiled(tmp_path, tensors, said | {key: value})
    assert line == f"weights were trained with the {key} of this engine: some.safetensors has others"


@pytest.mark.parametrize("metadata", [None, {"about": "{"}, {"about": "[]"}, {"else": "{}"}])
def test_weights_that_do_not_say_what_they_are_are_refused(tmp_path, metadata):
    save_file(kept()[0], tmp_path / "some.safetensors", metadata)
    assert "sizes" in refused(tmp_path / "some.safetensors")


@pytest.mark.parametrize(
    "whole", [b"", b"\0" * 8, b"not weights", pickle.dumps({}), FILE.read_bytes()[:-1], FILE.read_bytes() + b"x"]
)
def test_a_file_that_is_cut_short_or_something_else_is_refused(tmp_path, whole):
    file = tmp_path / "some.safetensors"
    file.write_bytes(whole)
    assert refused(file).startswith("a weights file can be read: some.safetensors cannot: ")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    assert refused(tmp_path / "no") == f"weights are read from their file: no is not in {tmp_path}"
    assert refused(tmp_path).startswith("a weights file can be read")


# The memory guard.


def test_trained_weights_take_the_room_of_random_ones():
    assert measure(CPU) == measure(CPU.change(weights="random"))


def test_a_run_that_does_not_fit_is_offered_only_what_the_weights_leave_free():
    config = trained_config(batch=64, src_len=100, tgt_len=100)
    with pytest.raises(TooLargeError) as caught:
        check_fits(config, measure(config.change(batch=32)).total)
    assert "fits with batch 32, source length" in caught.value.problems[0].remedy
    assert "d_model" not in caught.value.problems[0].remedy


def test_reading_text_keeps_the_vocabulary_and_sets_the_lengths():
    config, batch = tokenize(CPU, ["5 Mar 1975"])
    assert (config.vocab_size, config.batch, config.src_len, config.tgt_len) == (85, 1, 12, 4)
    assert len(batch.target_ids[0]) == 4
    assert math.prod(map(len, batch.source_ids)) == 12


def test_every_unseen_form_is_counted():
    assert len(list(written(held_out_dates()[:1], HELD_OUT_FORMATS))) == 7
