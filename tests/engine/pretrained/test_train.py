"""Training: the same from the same seeds, taken up where it was stopped, and honest about what it reached."""

import calendar
import random
import re
from datetime import datetime

import pytest
import torch

from engine.pretrained import safetensors_io, train, trainer
from engine.pretrained import training_data as lessons_module
from engine.pretrained.date_check import doubt
from engine.pretrained.dates import HELD_OUT_FORMATS, TRAIN_FORMATS, Form, held_out_dates, training_dates, written
from engine.pretrained.evaluate import answers, score
from engine.pretrained.odd_inputs import is_kept_apart
from engine.pretrained.pretrained import about, build, trained_config
from engine.pretrained.trainer import CPU, WARM_UP, Training
from engine.pretrained.training_data import UNREADABLE, impossible, lessons, tensors
from engine.text.tokenizer import BEGIN, END

TRAINED = build(trained_config(device="cpu"), CPU)
DATES = {day.isoformat() for day in training_dates()}
ODD = train.odd_inputs()[::40]  # of every kind some
DAY = next(day for day in held_out_dates() if day.year == 2026)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Batches and measurements of seconds, not minutes."""
    monkeypatch.setattr(trainer, "BATCH", 8)
    monkeypatch.setattr(train, "held_out_dates", lambda: (DAY,))
    monkeypatch.setattr(train, "odd_inputs", lambda: ODD)
    monkeypatch.setattr(train, "_LOOKED_AT", 5)


def call(capsys, *arguments):
    status = train.main([str(argument) for argument in arguments])
    return status, *capsys.readouterr()


def learned(steps):
    made = Training()
    losses = [made.learn() for _ in range(steps)]
    return made, losses


def numbers(made, file):
    """Everything a training holds, as the bytes of its checkpoint."""
    made.save(file)
    return file.read_bytes()


# What is learned from.


def test_a_lesson_follows_from_its_step_alone():
    assert lessons(7, 20) == lessons(7, 20)
    assert lessons(7, 5) == lessons(7, 20)[:5]
    assert not set(lessons(7, 50)) & set(lessons(8, 50))


def test_no_lesson_has_a_date_that_is_held_out_in_its_text_or_in_its_answer():
    seen = [lesson for step in range(30) for lesson in lessons(step, 128)]
    trained_on = {day.isoformat() for day in training_dates()}
    assert {lesson.iso for lesson in seen} <= trained_on
    held_out = {pair.text for pair in written(held_out_dates(), TRAIN_FORMATS)}
    assert held_out.isdisjoint(lesson.text for lesson in seen)


def test_lessons_are_dates_of_every_form_and_some_are_spoilt_in_the_stated_shares():
    seen = [lesson for step in range(20) for lesson in lessons(step, 128)]
    days = {day.isoformat(): day for day in training_dates()}
    readable, forms = 0, set()
    for lesson in seen:
        own = {form.write(days[lesson.iso]).text: form for form in TRAIN_FORMATS}
        readable += lesson.text in own
        forms |= {own[lesson.text]} if lesson.text in own else set()
    assert forms == set(TRAIN_FORMATS)
    assert readable / len(seen) == pytest.approx(0.67, abs=0.03)
    unreadable = [lesson for lesson in seen if UNREADABLE in lesson.text]
    assert 0.1 < len(unreadable) / len(seen) < 0.15
    assert all(lesson.text == " ".join(lesson.text.split()) != "" for lesson in seen)


def test_odd_lessons_are_odd_in_the_stated_shares_and_their_answer_is_a_date_that_the_text_could_mean():
    for first, shares in ((8000, lessons_module.ODD_SHARES), (10_750, lessons_module.CLOSING_SHARES)):
        seen = [lesson for step in range(first, first + 20) for lesson in lessons(step, 128)]
        doubtful = sum(doubt(lesson.text) is not None for lesson in seen) / len(seen)
        usual = 1 - sum(shares.values()) + shares.get("last_day", shares.get("leap_day"))
        assert doubtful == pytest.approx(1 - usual, abs=0.05)
        assert not [lesson.text for lesson in seen if is_kept_apart(lesson.text)]
        full = [
            form
            for form in TRAIN_FORMATS
            if "yy}" not in form.template.replace("{yyyy}", "") and "/" not in form.template
        ]
        read = [(lesson, named) for lesson in seen for form in full if (named := form.read(lesson.text))]
        assert len(read) > len(seen) / 3
        for lesson, named in read:
            if named.date and named.date.isoformat() in DATES:
                assert lesson.iso == named.date.isoformat()
            elif 1900 <= named.year <= 2099:
                assert lesson.iso[:4] == str(named.year)


def test_leap_days_and_the_same_day_of_common_years_are_both_among_the_odd_lessons():
    seen = [lesson.text for step in range(8000, 8040) for lesson in lessons(step, 128)]
    years = [int(text[:4]) for text in seen if re.fullmatch(r"\d{4}-?02-?29", text)]
    assert sum(calendar.isleap(year) for year in years) > 5
    assert sum(not calendar.isleap(year) for year in years) > 5


@pytest.mark.parametrize(
    ("template", "pattern"),
    [("{yyyy}-{mm}-{dd}", "%Y-%m-%d"), ("{m}/{d}/{yyyy}", "%m/%d/%Y"), ("{d} {Month} {yyyy}", "%d %B %Y")],
)
def test_an_impossible_date_is_none_that_python_can_read(template, pattern):
    draw = random.Random(4)
    for day in draw.choices(training_dates(), k=100):
        written_so = Form(template).write(day)
        assert datetime.strptime(written_so.text, pattern).date() == day
        with pytest.raises(ValueError, match=r"does not match|unconverted|day is out of range"):
            datetime.strptime(impossible(written_so, draw), pattern)


def test_a_date_in_words_alone_is_made_unreadable_where_others_are_made_impossible():
    format_bytes = Form("{words_y}년 {words_m}월 {words_d}일").write(DAY)
    assert UNREADABLE in impossible(format_bytes, random.Random(4))


def test_the_decoder_is_given_the_answer_shifted_right_and_wants_it_with_its_end():
    source, given, wanted = tensors(lessons(0, 3), CPU)
    assert given[:, 0].tolist() == [BEGIN] * 3
    assert wanted[:, -1].tolist() == [END] * 3
    assert torch.equal(given[:, 1:], wanted[:, :-1])
    assert given.shape == wanted.shape == (3, 11)
    assert source.size(0) == 3


# How it is learned.


def test_the_learning_rate_is_that_of_the_paper():
    made, _ = learned(5)
    assert made.rate == pytest.approx(64**-0.5 * min(6**-0.5, 6 * WARM_UP**-1.5))
    for step in (1, WARM_UP - 1, WARM_UP, WARM_UP + 1, 4 * WARM_UP):
        paper = min(step**-0.5, step * WARM_UP**-1.5)
        assert trainer._rise_and_decay(step - 1) == pytest.approx(paper)


def test_the_learning_rate_falls_in_the_last_part_in_a_line():
    first, steps = lessons_module.CLOSING_STEP, trainer.CLOSING_STEPS
    for done, left in ((-1, 1), (0, 1), (steps // 2, 0.5), (9 * steps // 10, 0.1), (steps, 0.05), (2 * steps, 0.05)):
        assert trainer._rise_and_decay(first + done) == pytest.approx(left * (first + done + 1) ** -0.5)


def test_the_odd_part_begins_with_the_average_and_a_new_optimiser_at_the_rate_of_its_step(monkeypatch):
    monkeypatch.setattr(lessons_module, "EVERYDAY_STEPS", 3)
    made, _ = learned(3)
    average = made.model.projection.weight.detach().clone()
    assert not torch.equal(made._model.projection.weight, average)
    begun = []
    monkeypatch.setattr(
        trainer.training_data, "tensors", lambda *_: begun.append(made._model.projection.weight.clone())
    )
    with pytest.raises(TypeError):  # nothing was given to learn from
        made.learn()
    assert torch.equal(begun[0], average)
    assert made.rate == pytest.approx(64**-0.5 * trainer._rise_and_decay(3))
    assert not made._optimiser.state


def test_the_loss_falls():
    _, losses = learned(60)
    assert sum(losses[-10:]) < 0.9 * sum(losses[:10])


def test_the_same_steps_from_nothing_give_the_same_bits(tmp_path):
    (one, first), (other, second) = learned(3), learned(3)
    assert first == second
    assert numbers(one, tmp_path / "one") == numbers(other, tmp_path / "other")


def test_a_training_that_was_put_down_goes_on_as_if_it_had_not_been(tmp_path):
    through, losses = learned(5)
    stopped, _ = learned(2)
    stopped.save(tmp_path / "checkpoint")
    resumed = Training.resume(tmp_path / "checkpoint")
    assert resumed.step == 2
    assert [resumed.learn() for _ in range(3)] == losses[2:]
    assert resumed.rate == through.rate
    assert numbers(resumed, tmp_path / "one") == numbers(through, tmp_path / "other")


def test_the_kept_weights_are_the_running_average():
    made = Training()
    averages, currents = [], []
    for _ in range(3):
        made.learn()
        averages.append(made.model.projection.bias.detach().clone())
        currents.append(made._model.projection.bias.detach().clone())
    mean = currents[0]
    for current, average in zip(currents[1:], averages[1:], strict=True):
        mean = trainer.AVERAGING * mean + (1 - trainer.AVERAGING) * current
        torch.testing.assert_close(average, mean)


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path, capsys, monkeypatch):
    made, _ = learned(1)
    file = tmp_path / "weights"
    made.save(tmp_path / "weights.checkpoint")
    monkeypatch.setattr(trainer, "WARM_UP", 5)
    status, out, err = call(capsys, "--file", file, "--steps", 2)
    assert (status, out) == (2, "")
    assert err == (
        "error: training goes on by the recipe it began with: weights.checkpoint has another; "
        f"delete {file}.checkpoint to begin anew\n"
    )


# How often it is right.


def pairs(count, forms, seed=5):
    everything = list(written(held_out_dates()[:: len(held_out_dates()) // 40], forms))
    return random.Random(seed).sample(everything, count)


@pytest.mark.parametrize("is_trained", [True, False], ids=["trained", "untrained"])
def test_the_score_is_that_of_decoding_every_answer(is_trained):
    model = TRAINED if is_trained else learned(1)[0].model
    asked = pairs(20, HELD_OUT_FORMATS)
    found = score(model, asked)
    with torch.no_grad():
        # One at a time, so that nothing is padded.
        said = [answers(model, tensors([pair], CPU)[0], 16)[0] for pair in asked]
    wrong = [(pair.text, answer[:10]) for pair, answer in zip(asked, said, strict=True) if answer != pair.iso]
    assert [(each.date.text, each.answer[:10]) for each in found.wrong] == wrong
    assert (found.of, found.right) == (20, 20 - len(wrong))
    assert found.exact == found.right / 20


def test_the_loss_of_a_score_is_the_mean_over_its_characters():
    asked = pairs(10, TRAIN_FORMATS)
    losses = []
    for pair in asked:
        source, given, wanted = tensors([pair], CPU)
        with torch.no_grad():
            losses += (-TRAINED(source, given)[0].gather(-1, wanted.T)).flatten().tolist()
    assert score(TRAINED, asked).loss == pytest.approx(sum(losses) / len(losses), rel=1e-3)


def test_a_score_is_never_rounded_up_to_a_hundred_percent():
    found = score(learned(1)[0].model, pairs(1, TRAIN_FORMATS))
    assert str(found) == "0 of 1 exactly right (0.00 %)"
    almost = type(found)(100_000, found.wrong, 0.0)
    assert str(almost) == "99,999 of 100,000 exactly right (99.99 %)"


# The command.


def test_training_writes_a_file_that_loads_and_says_what_it_reached(tmp_path, capsys):
    file = tmp_path / "weights"
    status, out, err = call(capsys, "--file", file, "--steps", 2)
    assert status == 1  # nothing is learned in two steps
    assert [path.name for path in tmp_path.iterdir()] == ["weights"]
    assert f"wrote {file} (" in out
    said = about(file)
    asked = list(written([DAY], TRAIN_FORMATS))
    assert (said["steps"], said["accuracy"]["of"]) == (2, len(asked))
    assert f"held-out dates, in 36 forms: {said['accuracy']['right']} of {len(asked)} exactly right" in out
    assert err == "fewer than 99.5% are exactly right\n"
    assert call(capsys, "--file", file, "--evaluate") == (1, out.partition("after 2 steps\n")[2], err)


def test_every_wrong_answer_is_listed(tmp_path, capsys):
    file = tmp_path / "weights"
    call(capsys, "--file", file, "--steps", 1)
    _, out, _ = call(capsys, "--file", file, "--evaluate")
    listed = out.partition("wrong answers:\n")[2].partition("held-out dates, in forms never seen")[0].splitlines()
    asked = list(written([DAY], TRAIN_FORMATS))
    found = score(build(trained_config(device="cpu"), CPU, file), asked)
    assert listed == [f"  {wrong}" for wrong in found.wrong]
    assert len(listed) == found.of - found.right > 0
    assert all(re.fullmatch(r"  .+ → .*, right is \d{4}-\d\d-\d\d", line) for line in listed)


def test_the_engine_s_own_weights_are_measured_by_default(capsys):
    status, out, err = call(capsys, "--evaluate")
    assert (status, err) == (0, "")
    assert out.startswith("held-out dates, in 36 forms: 36 of 36 exactly right (100.00 %), loss 0.0")
    assert "wrong answers: none" in out
    for form in HELD_OUT_FORMATS:
        assert f"\n  {form}: " in out


def test_the_same_command_gives_the_same_file(tmp_path, capsys):
    for name in ("one", "other"):
        call(capsys, "--file", tmp_path / name, "--steps", 3)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


@pytest.mark.parametrize("broken", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "ctrl-c"])
def test_a_file_that_cannot_be_finished_leaves_the_one_before(tmp_path, capsys, monkeypatch, broken, error):
    file = tmp_path / "weights"
    before = b"the weights of an earlier training"
    file.write_bytes(before)

    def fail(*_):
        raise error

    monkeypatch.setattr(safetensors_io.os, broken, fail)
    status, _, err = call(capsys, "--file", file, "--steps", 2)
    monkeypatch.undo()
    if isinstance(error, OSError):
        assert (status, err) == (2, f"error: cannot write {file}: No space left on device\n")
    else:
        assert (status, err) == (130, "stopped\n")
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["weights"]


def test_fewer_steps_than_were_made_are_refused(tmp_path, capsys):
    made, _ = learned(3)
    made.save(tmp_path / "weights.checkpoint")
    status, _, err = call(capsys, "--file", tmp_path / "weights", "--steps", 2)
    assert status == 2
    assert "training goes up to --steps: weights.checkpoint is after step 3, beyond 2; delete " in err


def test_a_file_to_measure_that_is_not_there_is_a_line(tmp_path, capsys):
    status, out, err = call(capsys, "--evaluate", "--file", tmp_path / "no")
    assert (status, out) == (2, "")
    assert err.startswith(f"error: weights are read from their file: no is not in {tmp_path}; make it again")


@pytest.mark.parametrize("steps", ["0", "-1", "x"])
def test_a_number_of_steps_that_makes_no_sense_is_refused(capsys, steps):
    with pytest.raises(SystemExit) as left:
        train.main(["--steps", steps])
    assert left.value.code == 2
    assert "--steps" in capsys.readouterr().err


def test_on_a_terminal_a_bar_shows_how_far_it_is(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    clock = iter(range(10**6))
    monkeypatch.setattr("engine.export.progress.time.monotonic", lambda: next(clock))
    _, _, err = call(capsys, "--file", tmp_path / "weights", "--steps", 4)
    assert re.search(r"\r\033\[K█{12}░{12} 2 of 4 steps · loss \d\.\d{4} · \d+ ms a step · \d+ min left", err)
    assert re.search(r"\r\033\[K█{24} (\d+) of \1 answers", err)
    assert err.rstrip().endswith("exactly right")
    assert "\r\033[K" in err.rpartition("answers")[2]


def test_help_says_what_the_command_does(capsys):
    with pytest.raises(SystemExit) as left:
        train.main(["--help"])
    assert left.value.code == 0
    text = capsys.readouterr().out
    assert "--evaluate" in text
    assert "99.5 %" in text
