import csv
import dataclasses
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from engine import Config, run, trained_config
from engine.__main__ import _parser, main
from engine.config import TRAINED
from engine.export.csv_tables import SPREADSHEET_ROWS, estimated_bytes, values_rows
from engine.model.weights import build
from engine.runtime.forward import tokenize
from engine.text.tokenizer import PAD
from tests.engine.halted import halted_export

ROOT = Path(__file__).parents[2]
CONTRACT = "run --batch 2 --src-len 5 --tgt-len 4 --heads 4 --d-model 32"
SMALL = "run --batch 1 --src-len 2 --tgt-len 2 --heads 1 --d-model 4 --encoder-layers 1 --decoder-layers 1"


def start(arguments, **options):
    command = [sys.executable, "-m", "engine", *arguments.split()]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def finish(process):
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def call(capsys, *arguments):
    status = main(arguments)
    return status, *capsys.readouterr()


def test_the_contract_command_writes_every_number_of_the_run_exactly(tmp_path):
    status, out, err = finish(start(f"{CONTRACT} --csv {tmp_path / 'OUT'}"))
    assert (status, err) == (0, "")
    trace = run(Config(batch=2, src_len=5, tgt_len=4, heads=4, d_model=32))
    with open(tmp_path / "OUT" / "steps.csv", encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, strict=True)
    assert ",".join(header).startswith(
        "step,path,name,op,axes,shape,stride,dtype,device,is_view,is_contiguous,numel,bytes,flops,"
        "min,max,mean,std,nan,inf,expression,file,line,parents"
    )
    assert [row[:4] for row in rows] == [[str(s.index), s.path, s.name, s.op] for s in trace.steps]
    scores = dict(zip(header, rows[trace.find("encoder.layers.0.self_attention.scores").index], strict=True))
    assert (scores["axes"], scores["shape"], scores["file"]) == (
        "(B, H, S, S)",
        "(2, 4, 5, 5)",
        "engine/model/attention.py",
    )

    frame = pd.read_csv(tmp_path / "OUT" / "values.csv")
    assert list(frame.columns) == ["step", "name", "i0", "i1", "i2", "i3", "value"]
    assert list(frame["step"].unique()) == [step.index for step in trace.steps]
    for step, (_, group) in zip(trace.steps, frame.groupby("step", sort=True), strict=True):
        flat = step.value.cpu().reshape(-1)
        written = torch.tensor(group["value"].to_numpy()).to(step.dtype)
        assert torch.equal(written, flat)
        if step.dtype.is_floating_point:
            assert torch.equal(written.signbit(), flat.signbit())
        assert set(group["name"]) == {step.name}
        places = np.indices(step.shape).reshape(len(step.shape), -1)
        for axis in range(4):
            column = group[f"i{axis}"].to_numpy()
            assert (column == places[axis]).all() if axis < len(step.shape) else np.isnan(column).all()
    assert re.fullmatch(
        rf"wrote \S+steps\.csv \({len(trace.steps)} rows, .* KiB\) and "
        rf"\S+values\.csv \({values_rows(trace.steps):,} rows, .* MiB\)\n",
        out,
    )


def test_without_csv_the_steps_are_listed(capsys):
    status, out, err = call(capsys, *CONTRACT.split())
    assert (status, err) == (0, "")
    header, *lines = out.partition("\n\n")[0].splitlines()
    steps = run(Config()).steps
    assert header.split() == ["step", "name", "op", "axes", "dtype", "memory"]
    assert [int(line.split()[0]) for line in lines] == [step.index for step in steps]
    (line,) = (line for line in lines if ".0.self_attention.weights " in line and line.split()[1].startswith("encoder"))
    assert re.split(r"\s{2,}", line.strip())[1:] == [
        "encoder.layers.0.self_attention.weights",
        "softmax",
        "B 2 · H 4 · S 5 · S 5",
        "float32",
        "new",
    ]


@pytest.mark.parametrize("sizes", ["", "--norm-first --d-k 6 --encoder-layers 1", "--source|I go home|--target|na"])
def test_after_the_steps_the_parameters_are_listed_module_by_module_with_their_sizes(capsys, sizes):
    options = sizes.split("|") if "|" in sizes else sizes.split()
    status, out, err = call(capsys, *CONTRACT.split(), *options)
    assert (status, err) == (0, "")
    total, *lines = out.partition("\n\n")[2].splitlines()
    given = vars(_parser().parse_args([*CONTRACT.split(), *options]))
    config = Config(d_k=given["d_k"], norm_first=given["norm_first"] or False)
    config = tokenize(config, given["source"], given["target"])[0]
    model = build(config.change(encoder_layers=given["encoder_layers"] or 2), PAD, torch.device("cpu"))
    assert total == f"{sum(parameter.numel() for parameter in model.parameters()):,} parameters"
    (line,) = (line for line in lines if line.split()[0] == "projection")
    assert line.split(maxsplit=1)[1] == f"32 × {config.vocab_size} + {config.vocab_size} = {33 * config.vocab_size:,}"


def test_a_filter_leaves_the_parameters_out(capsys):
    status, out, err = call(capsys, *CONTRACT.split(), "--filter", "*.scores")
    assert (status, err) == (0, "")
    assert "parameters" not in out


def test_every_setting_of_the_config_has_an_option(monkeypatch, capsys):
    seen = []

    def catch(config, source, target, *, upto):
        seen.append((config, source, target, upto))
        return run(Config(batch=1))

    monkeypatch.setattr("engine.__main__.run", catch)
    other = Config(
        batch=3,
        src_len=6,
        tgt_len=7,
        d_model=16,
        heads=2,
        d_k=3,
        d_v=5,
        d_ff=9,
        encoder_layers=1,
        decoder_layers=3,
        vocab_size=70,
        norm_first=True,
        activation="gelu",
        output="softmax",
        padding_mask=False,
        causal_mask=False,
        seed=4,
        dtype="float64",
        device="cpu",
    )
    arguments = ["run"]
    for field in dataclasses.fields(Config):
        if field.name == "weights":  # the other ones have none of these sizes
            continue
        value = getattr(other, field.name)
        assert value != field.default
        flag = field.name.replace("_", "-")
        if isinstance(value, bool):
            arguments.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            arguments += [f"--{flag}", str(value)]
    assert call(capsys, *arguments)[0] == 0
    assert call(capsys, "run", "--source", "I go", "--source", "home", "--target", "집에", "--target", "간다")[0] == 0
    assert call(capsys, "run")[0] == 0
    trained = ["run", "--weights", "trained", "--dtype", "float64", "--source", "26. 11. 21.", "--upto", "3"]
    assert call(capsys, *trained)[0] == 0
    assert seen == [
        (other, None, None, None),
        (Config(), ["I go", "home"], ["집에", "간다"], None),
        (Config(), None, None, None),
        (trained_config(dtype="float64"), ["26. 11. 21."], None, 3),
    ]


def test_digits_of_another_script_are_read_as_ascii_and_it_is_said_so(capsys):
    date, target = ("--weights", "trained", "--source"), ("--target", "2026-11-21")
    usual = call(capsys, "run", *date, "11/21/2026", *target)
    assert usual[2] == ""
    for given in ("１１／２１／２０２６", "١١/٢١/٢٠٢٦"):
        status, out, said = call(capsys, "run", *date, given, *target)
        assert (status, out) == usual[:2]
        assert said == (
            f"{given} is read as 11/21/2026: digits of other scripts and full-width characters count as ASCII\n"
        )


def test_every_switch_can_be_turned_either_way(monkeypatch, capsys):
    seen = []
    monkeypatch.setattr("engine.__main__.run", lambda config, *_, **__: seen.append(config) or run(Config(batch=1)))
    for field in dataclasses.fields(Config):
        if isinstance(field.default, bool):
            flag = field.name.replace("_", "-")
            assert call(capsys, "run", f"--{flag}")[0] == 0
            assert call(capsys, "run", f"--no-{flag}")[0] == 0
            assert [getattr(config, field.name) for config in seen[-2:]] == [True, False]
    assert len(seen) == 6


def test_a_target_left_out_is_what_the_trained_model_writes(capsys):
    def letters(*more):
        status, out, err = call(capsys, "run", "--weights", "trained", "--source", "21 November 2026", *more)
        assert (status, err) == (0, "")
        (line,) = (line for line in out.splitlines() if "decoder.layers.0.self_attention.scores " in line)
        return line

    assert "B 1 · H 4 · T 11 · T 11" in letters()
    assert "B 1 · H 4 · T 5 · T 5" in letters("--upto", "4")
    assert "B 1 · H 4 · T 1 · T 1" in letters("--upto", "0")
    assert "B 1 · H 4 · T 3 · T 3" in letters("--target", "20")


def test_sentences_are_read(capsys):
    status, out, _ = call(capsys, "run", "--source", "I go home", "--target", "나는 집에 간다")
    assert status == 0
    assert "B 1 · H 4 · T 4 · S 5" in out


def test_a_filter_leaves_the_steps_of_that_name(capsys, tmp_path):
    status, _, _ = call(capsys, "run", "--filter", "decoder.*.scores", "--csv", str(tmp_path))
    assert status == 0
    frame = pd.read_csv(tmp_path / "steps.csv")
    assert set(frame["name"]) == {"scores"}
    assert len(frame) == 4
    assert set(pd.read_csv(tmp_path / "values.csv")["step"]) == set(frame["step"])


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (
            ["--d-model", "30", "--heads", "4", "--activation", "swish", "--batch", "x"],
            [
                "error: batch must be a whole number from 1 to 65536: 'x' is not a whole number; nearest: 1",
                "error: activation must be one of relu, gelu: 'swish'; use relu",
                "error: d_model must be a multiple of heads: 30 is not a multiple of 4; nearest: 28, 32",
            ],
        ),
        (
            ["--weights", "trained", "--heads", "8"],
            ["error: trained weights have heads 4: 8; use 4, or weights random"],
        ),
        (["--source", " "], ["error: a sentence must not be empty: the source is empty; type one, for example: "]),
        (["--target", "나는"], ["error: a target needs a source"]),
        (["--source", "a\udcffb"], ["error: a sentence has no lone surrogates"]),
        (["--src-len", "60000", "--heads", "1"], ["error: a run may take "]),
        (["--filter", "nothing.like.this"], ["error: no step has a full name like nothing.like.this"]),
        (["--filter", ""], ["error: a filter must not be empty: ''; use \"*\" for every step, or leave it out"]),
        (["--filter", " "], ["error: a filter must not be empty: ' '; use \"*\" for every step, or leave it out"]),
        (["--csv", ""], ["error: a folder needs a name: ''; use trace-csv"]),
        (["--csv", "out "], ["error: the name of a folder has no space before or after it: 'out '; use out"]),
        (["--csv", "\u202eout"], ["error: the name of a folder has no control characters, direction marks or other "]),
        (
            ["--upto", "3"],
            [
                "error: upto counts the characters that trained weights write for a source without a target: 3, "
                "where they write nothing; leave it out"
            ],
        ),
        (
            ["--weights", "trained", "--source", "2026", "--upto", "16"],
            ["error: upto must be a whole number from 0 to 15: 16; nearest: 15"],
        ),
        (["--csv", "/dev/null"], ["error: cannot write /dev/null: Not a directory"]),
        (["--csv", "/dev/null/x"], ["error: cannot write /dev/null/x: Not a directory"]),
    ],
    ids=lambda value: "",
)
def test_what_cannot_work_is_a_line_on_stderr_and_status_2(capsys, arguments, lines):
    status, out, err = call(capsys, "run", *arguments)
    assert (status, out) == (2, "")
    for line, begins in zip(err.splitlines(), lines, strict=True):
        assert line.startswith(begins)


NUMBERS = [name for name, field in Config.__dataclass_fields__.items() if field.type == "int"]


@pytest.mark.parametrize("option", [*NUMBERS, "upto"])
@pytest.mark.parametrize("text", ["１２", "1_0", "٣", "² ", " 5", "5\n", "0x5", "5.", "1e1", "", "--5", "+-5", "५"])
def test_a_number_is_written_in_the_digits_0_to_9(capsys, option, text):
    status, out, err = call(capsys, "run", "--weights", "trained", "--source", "2026", f"--{flag_of(option)}={text}")
    assert (status, out) == (2, "")
    (line,) = err.splitlines()
    if option in TRAINED:
        assert line.startswith(f"error: trained weights have {option} {TRAINED[option]}: {text!r}; ")
    else:
        assert re.fullmatch(
            rf"error: {option} must be a whole number from \d+ to \d+: {re.escape(repr(text))} is not a whole number; "
            r"nearest: \d+",
            line,
        )


def flag_of(name):
    return name.replace("_", "-")


@pytest.mark.parametrize(
    ("text", "nearest"),
    [("１２", 12), ("1_0", 10), ("٣", 3), ("2.6", 3), ("-8", 1), ("8" * 5000, 65536), ("-" + "8" * 5000, 1), ("x", 1)],
)
def test_the_nearest_number_to_what_was_written_is_offered(capsys, text, nearest):
    status, _, err = call(capsys, "run", f"--batch={text}")
    assert status == 2
    assert err.endswith(f"; nearest: {nearest}\n")
    assert len(err) < 200


@pytest.mark.parametrize("text", ["3", "03", "+3", "0" * 5000 + "3"])
def test_a_number_may_have_a_sign_and_zeros_before_it(capsys, text):
    assert "B 3 · S 5" in call(capsys, "run", f"--batch={text}")[1]


def test_a_name_or_filter_that_cannot_work_is_told_before_anything_is_computed(capsys, monkeypatch):
    monkeypatch.setattr("engine.__main__.run", lambda *_, **__: pytest.fail("ran"))
    for arguments in (["--csv", ""], ["--csv", "a\x07"], ["--filter", ""]):
        assert call(capsys, "run", *arguments)[0] == 2


def test_an_empty_name_writes_nothing_into_the_present_folder(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call(capsys, *SMALL.split(), "--csv", "")[0] == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [[], ["fly"], ["run", "--bach", "2"], ["run", "--batch"]])
def test_an_unknown_command_or_option_says_how_it_is_used(capsys, arguments):
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert "usage: python -m engine" in capsys.readouterr().err


def test_help_names_every_option_and_what_the_files_hold(capsys):
    for arguments in (["--help"], ["run", "--help"]):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == 0
    text = capsys.readouterr().out
    for field in dataclasses.fields(Config):
        assert re.search(rf"-{flag_of(field.name)}[ ,\n]", text)
    assert "Config() in Python. The app opens on trained" in " ".join(text.split())
    assert "steps.csv" in text
    assert "python -m engine run --batch 2 --src-len 5 --tgt-len 4 --heads 4 --d-model 32 --csv OUT" in text


def test_a_long_export_tells_its_size_beforehand_and_the_limit_of_spreadsheets(capsys, tmp_path):
    arguments = "run --batch 8 --src-len 64 --tgt-len 64 --d-model 64 --encoder-layers 1 --decoder-layers 1"
    status, _, err = call(capsys, *arguments.split(), "--csv", str(tmp_path))
    trace = run(Config(batch=8, src_len=64, tgt_len=64, d_model=64, encoder_layers=1, decoder_layers=1))
    assert status == 0
    rows = values_rows(trace.steps)
    assert rows > SPREADSHEET_ROWS
    before, after = err.splitlines()
    told = re.fullmatch(rf"values\.csv will have {rows:,} rows, about ([\d.]+) MiB", before)
    assert told
    assert float(told[1]) * 2**20 == pytest.approx((tmp_path / "values.csv").stat().st_size, rel=0.15)
    assert float(told[1]) * 2**20 == pytest.approx(estimated_bytes(trace.steps), rel=0.01)
    assert after == "values.csv is longer than the 1,048,576 rows, header included, that a spreadsheet opens"


def test_on_a_terminal_progress_is_shown_and_wiped(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    clock = iter(range(10**6))
    monkeypatch.setattr("engine.export.progress.time.monotonic", lambda: next(clock))
    status, _, err = call(capsys, *SMALL.split(), "--csv", str(tmp_path))
    assert status == 0
    rows = len((tmp_path / "values.csv").read_text().splitlines()) - 1
    assert re.match(rf"\r\x1b\[K█*░* [\d,]+ of {rows:,} rows of values\.csv", err)
    assert err.endswith(f"{'█' * 24} {rows:,} of {rows:,} rows of values.csv \r\033[K")


def test_a_reader_that_leaves_early_is_no_error():
    process = start(CONTRACT)
    process.stdout.close()
    assert process.wait(timeout=60) == 1
    assert process.stderr.read() == ""
    process.stderr.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_behind_stdout_is_one_line():
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "engine", *CONTRACT.split()]
        ran = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (1, "error: cannot write the output: No space left on device\n")


def test_an_output_that_cannot_show_a_letter_shows_its_number():
    status, out, err = finish(start(SMALL, env={**os.environ, "PYTHONIOENCODING": "ascii"}))
    assert (status, err) == (0, "")
    assert r"B 1 \xb7 S 2" in out


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_export_that_is_stopped_leaves_nothing(tmp_path, sent, status):
    folder = tmp_path / "OUT"
    # A shell starts what it puts in the background with Ctrl-C ignored, and a child would inherit that.
    heeded = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    process = halted_export(SMALL, folder, **heeded)
    begun = sorted(path.name.split(".")[1] for path in folder.iterdir())
    process.send_signal(sent)
    returned, _, err = finish(process)
    assert begun == ["export", "steps", "values"]  # the first says that somebody is at work here
    assert returned == status
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []
