"""What an export leaves when it is killed is taken away by the next, and what one still writes is not."""

import errno
import os
import random
import signal
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine import Config, run, save_csv
from engine.export import unfinished as module
from engine.export.files import FILES
from engine.export.unfinished import clear, unfinished
from tests.engine.halted import halted_export

RUN = "run --batch 2 --src-len 8 --tgt-len 8 --heads 2 --d-model 16 --device cpu"
posix = pytest.mark.skipif(os.name != "posix", reason="signals and locks of POSIX")


@pytest.fixture(scope="module")
def steps():
    return run(Config(batch=1, src_len=2, tgt_len=2, heads=1, d_model=4, encoder_layers=1, decoder_layers=1)).steps


def parts(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.endswith(".part"))


def end(child):
    child.kill()
    child.communicate()


@posix
def test_the_next_export_takes_away_what_a_killed_one_left(steps, tmp_path):
    end(halted_export(RUN, tmp_path))
    left = parts(tmp_path)
    assert {name.split(".")[1] for name in left} == {"steps", "values", "export"}
    save_csv(steps, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["steps.csv", "values.csv"]


@posix
def test_an_export_that_only_sleeps_keeps_its_files_and_ends_well(steps, tmp_path):
    child = halted_export(RUN, tmp_path)
    try:
        child.send_signal(signal.SIGSTOP)
        held = parts(tmp_path)
        assert len(held) == 3
        save_csv(steps, tmp_path)
        assert parts(tmp_path) == held
        rows = (tmp_path / "values.csv").read_bytes().count(b"\n")
        child.send_signal(signal.SIGCONT)
        child.communicate()
        assert child.returncode == 0
        assert (tmp_path / "values.csv").read_bytes().count(b"\n") > rows
        assert parts(tmp_path) == []
    finally:
        end(child)


def test_what_was_left_before_there_were_locks_goes_too(steps, tmp_path):
    for name in (".values.csv.0123abcd.part", ".steps.csv.0123abcd.part", ".export.00000000.part"):
        (tmp_path / name).write_text("left")
    save_csv(steps, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["steps.csv", "values.csv"]


OTHERS = (
    ".values.csv.part",
    ".values.csv.0123abcd.part~",
    "values.csv.0123abcd.part",
    ".mine.csv.0123abcd.part",
    ".values.csv.0123ABCD.part",
    ".values.csv.0123abcde.part",
    ".weights.safetensors.0123abcd.part",
)


def test_files_of_other_names_and_folders_stay(steps, tmp_path):
    for name in OTHERS:
        (tmp_path / name).write_text("mine")
    (tmp_path / ".steps.csv.0123abcd.part").mkdir()
    save_csv(steps, tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {*OTHERS, ".steps.csv.0123abcd.part", "steps.csv", "values.csv"}


def test_room_is_made_before_it_is_measured(steps, tmp_path, monkeypatch):
    left = tmp_path / ".values.csv.0123abcd.part"
    left.write_text("a whole disk")

    def disk_usage(_):
        return SimpleNamespace(total=2**40, free=0 if left.exists() else 2**40)

    monkeypatch.setattr("engine.export.export_error.shutil.disk_usage", disk_usage)
    save_csv(steps, tmp_path)
    assert not left.exists()


@posix
def test_what_cannot_be_taken_away_does_not_stop_an_export(steps, tmp_path, monkeypatch):
    left = tmp_path / ".values.csv.0123abcd.part"
    left.write_text("of somebody else")
    unlink = Path.unlink

    def refuse(path, missing_ok=False):
        if path == left:
            raise PermissionError(errno.EPERM, "not yours")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    save_csv(steps, tmp_path)
    assert (tmp_path / "values.csv").exists()
    assert left.exists()


@posix
def test_on_a_file_system_without_locks_exports_run_and_nothing_of_theirs_is_taken(tmp_path, monkeypatch):
    def no_locks(file, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(module.fcntl, "flock", no_locks)
    with unfinished(tmp_path, FILES) as paths:
        paths["steps.csv"].write_text("being written")
        clear(tmp_path, FILES)
        assert paths["steps.csv"].exists()
    assert parts(tmp_path) == []


@posix
def test_an_export_whose_lock_was_taken_away_before_it_was_held_begins_anew(tmp_path, monkeypatch):
    flock, taken = module.fcntl.flock, []

    def raced(file, how):
        if not taken:  # another export comes in between
            taken.append(file.name)
            os.unlink(file.name)
        flock(file, how)

    monkeypatch.setattr(module.fcntl, "flock", raced)
    with unfinished(tmp_path, FILES):
        assert len(parts(tmp_path)) == 1
        assert str(tmp_path / parts(tmp_path)[0]) not in taken
    assert parts(tmp_path) == []


def test_where_open_files_cannot_be_deleted_that_is_the_lock(tmp_path, monkeypatch):
    """Windows, as far as it can be had elsewhere: no module of locks, and to delete an open file is refused."""
    monkeypatch.setattr(module, "fcntl", None)
    unlink, opened = Path.unlink, []

    def open_noted(path, mode):
        file = open(path, mode)  # noqa: SIM115  the code under test closes it
        opened.append((Path(path), file))
        return file

    def refuse(path, missing_ok=False):
        if any(path == held and not file.closed for held, file in opened):
            raise PermissionError(errno.EACCES, "in use")
        unlink(path, missing_ok)

    monkeypatch.setattr(module, "open", open_noted, raising=False)
    monkeypatch.setattr(Path, "unlink", refuse)
    (tmp_path / ".export.00000000.part").write_text("left")
    (tmp_path / ".values.csv.00000000.part").write_text("left")
    with unfinished(tmp_path, FILES) as paths:
        paths["values.csv"].write_text("being written")
        held = parts(tmp_path)
        assert len(held) == 2
        clear(tmp_path, FILES)
        assert parts(tmp_path) == held
    assert parts(tmp_path) == []


@posix
def test_many_exports_into_one_folder_at_once_never_take_from_each_other(tmp_path):
    """Each of them finds its own files there at the end, however they overlap."""
    lost, rounds = [], 40

    def export(seed):
        chance = random.Random(seed)
        for _ in range(rounds):
            with unfinished(tmp_path, FILES) as paths:
                for path in paths.values():
                    path.write_text(str(seed))
                if chance.random() < 0.5:
                    clear(tmp_path, FILES)
                lost.extend(path for path in paths.values() if not path.exists() or path.read_text() != str(seed))

    threads = [threading.Thread(target=export, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lost == []
    assert parts(tmp_path) == []
