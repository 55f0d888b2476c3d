"""A training that is stopped, by whatever stops it, is kept, and the same command ends with the same bytes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.pretrained import train, trainer, training_data
from engine.pretrained.dates import held_out_dates
from engine.pretrained.trainer import Training

ROOT = Path(__file__).parents[3]
DAY = next(day for day in held_out_dates() if day.year == 2026)
ODD = train.odd_inputs()[::40]  # of every kind some
STEPS, STOPPED_AT, ODD_FROM, CLOSING_FROM = 7, 4, 3, 5

# A tiny training of all three parts, which waits in its fourth step until it is told to go on.
CHILD = f"""
import os, signal, sys
from engine.pretrained import train, trainer, training_data
from engine.pretrained.dates import held_out_dates

trainer.BATCH, train._LOOKED_AT = 8, 5
training_data.EVERYDAY_STEPS, training_data.CLOSING_STEP = {ODD_FROM}, {CLOSING_FROM}
days = (next(day for day in held_out_dates() if day.year == 2026),)
train.held_out_dates = lambda: days
odd = train.odd_inputs()[::40]
train.odd_inputs = lambda: odd
learn, measured = trainer.Training.learn, train.measured
waits_in, file = sys.argv[1:]


def wait(place):
    if place == waits_in:
        print("ready", flush=True)
        sys.stdin.readline()


def learn_and_wait(made):
    loss = learn(made)
    if made.step == {STOPPED_AT}:
        wait("step")
    return loss


def measure_and_wait(model):
    wait("measuring")
    return measured(model)


trainer.Training.learn, train.measured = learn_and_wait, measure_and_wait
sys.exit(train.main(["--file", file, "--steps", "{STEPS}"]))
"""


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    make_small(monkeypatch)


def make_small(monkeypatch):
    """The same tiny training in this process."""
    monkeypatch.setattr(trainer, "BATCH", 8)
    monkeypatch.setattr(training_data, "EVERYDAY_STEPS", ODD_FROM)
    monkeypatch.setattr(training_data, "CLOSING_STEP", CLOSING_FROM)
    monkeypatch.setattr(train, "held_out_dates", lambda: (DAY,))
    monkeypatch.setattr(train, "odd_inputs", lambda: ODD)
    monkeypatch.setattr(train, "_LOOKED_AT", 5)


def child(file, waits_in="step", before="", **how):
    """A training in a process of its own."""
    command = [sys.executable, "-c", before + CHILD, waits_in, str(file)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, text=True, **how)


def until_ready(output):
    lines = []
    while (line := output.readline().rstrip()) != "ready":
        assert line, f"it ended early: {lines}"
        lines.append(line)
    return lines


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """What the same command makes where nothing stops it: the same bytes every time, so it runs once."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        make_small(monkeypatch)
        return finished(tmp_path_factory.mktemp("uninterrupted") / "weights")


def finished(file):
    """What the same command makes of a training that was stopped."""
    train.main(["--file", str(file), "--steps", str(STEPS)])
    return file.read_bytes()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_stopped_by_a_signal_it_ends_its_step_and_the_same_command_goes_on_to_the_same_bytes(
    tmp_path, uninterrupted, capsys, name
):
    file = tmp_path / "weights"
    with child(file, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        until_ready(process.stdout)
        process.send_signal(getattr(signal, name))
        out, err = process.communicate("\n")
    assert (process.returncode, err) == (130, "")
    assert out == f"stopped after step {STOPPED_AT}; the same command goes on from {file}.checkpoint\n"
    assert [path.name for path in tmp_path.iterdir()] == ["weights.checkpoint"]
    assert Training.resume(tmp_path / "weights.checkpoint").step == STOPPED_AT

    written = finished(file)
    assert capsys.readouterr().out.startswith(f"going on after step {STOPPED_AT}, from {file}.checkpoint\n")
    assert [path.name for path in tmp_path.iterdir()] == ["weights"]
    assert written == uninterrupted


def test_a_closed_terminal_stops_it_and_nothing_is_lost(tmp_path, uninterrupted):
    pty = pytest.importorskip("pty")
    file = tmp_path / "weights"
    master, slave = pty.openpty()
    # The terminal of its session: closing it hangs the session up.
    take = f"import fcntl, os, termios; fcntl.ioctl({slave}, termios.TIOCSCTTY, 0);"
    take += f"os.dup2({slave}, 1); os.dup2({slave}, 2); os.close({slave})\n"
    with child(file, before=take, start_new_session=True, pass_fds=(slave,)) as process:
        os.close(slave)
        with open(master, encoding="utf-8", errors="replace") as terminal:
            while "ready" not in terminal.readline():
                pass
        process.communicate("\n")
    assert process.returncode != 0
    assert [path.name for path in tmp_path.iterdir()] == ["weights.checkpoint"]
    assert Training.resume(tmp_path / "weights.checkpoint").step == STOPPED_AT
    assert finished(file) == uninterrupted


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_a_signal_that_whoever_started_it_has_it_ignore_does_not_stop_it(tmp_path, uninterrupted, name):
    file = tmp_path / "weights"
    ignore = f"import signal; signal.signal(signal.{name}, signal.SIG_IGN)\n"
    with child(file, before=ignore, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        until_ready(process.stdout)
        process.send_signal(getattr(signal, name))
        out, _ = process.communicate("\n")
    assert f"wrote {file}" in out
    assert file.read_bytes() == uninterrupted


def test_where_nobody_reads_any_more_what_it_prints_it_is_kept(tmp_path, uninterrupted, monkeypatch):
    file = tmp_path / "weights"
    code = "from engine.pretrained import train; train._LOOK_EVERY = 5; train._SAVE_EVERY = 100\n"
    with child(file, before=code, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        until_ready(process.stdout)
        process.stdout.close()
        process.stdin.write("\n")
        process.stdin.close()
        process.wait()
    assert Training.resume(tmp_path / "weights.checkpoint").step == 5
    assert finished(file) == uninterrupted


def test_ended_while_it_is_measured_it_is_measured_by_the_next_command(tmp_path, uninterrupted):
    file = tmp_path / "weights"
    with child(file, "measuring", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        until_ready(process.stdout)
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert process.returncode == -signal.SIGTERM
    assert [path.name for path in tmp_path.iterdir()] == ["weights.checkpoint"]
    assert finished(file) == uninterrupted


def test_killed_without_warning_it_leaves_the_last_checkpoint_whole(tmp_path, uninterrupted):
    file = tmp_path / "weights"
    code = "from engine.pretrained import train; train._SAVE_EVERY = 3\n"
    with child(file, before=code, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        until_ready(process.stdout)
        process.kill()
        process.communicate()
    assert [path.name for path in tmp_path.iterdir()] == ["weights.checkpoint"]
    assert Training.resume(tmp_path / "weights.checkpoint").step == 3
    assert finished(file) == uninterrupted


def test_what_a_killed_process_left_of_a_file_is_taken_away_by_the_next_command(tmp_path):
    file = tmp_path / "weights"
    ours = [tmp_path / ".weights.checkpoint.0a1b2c3d.part", tmp_path / ".weights.0a1b2c3d.part"]
    others = [tmp_path / ".other.0a1b2c3d.part", tmp_path / "weights.part"]
    for path in (*ours, *others):
        path.write_bytes(b"half")
    finished(file)
    assert {path.name for path in tmp_path.iterdir()} == {"weights", *(path.name for path in others)}


def test_it_says_at_its_beginning_where_it_will_be_kept(tmp_path, capsys):
    finished(tmp_path / "weights")
    first = capsys.readouterr().out.splitlines()[0]
    assert (
        first == f"every 250 steps, and when it is stopped, the training is kept in {tmp_path / 'weights.checkpoint'}"
    )


def test_after_the_training_the_signals_do_what_they_did_before(tmp_path):
    before = [signal.getsignal(number) for number in train._STOPPING]
    finished(tmp_path / "weights")
    assert [signal.getsignal(number) for number in train._STOPPING] == before
