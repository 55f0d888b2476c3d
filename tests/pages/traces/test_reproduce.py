"""Whatever the app shows as a command or a script makes the very run that is on screen."""

import ast
import dataclasses
import shlex
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Config, run, save_csv, save_trace, trained_config
from engine.config import CHOICES
from pages.ui.state.settings import SENTENCES, TOKENS, Settings, first, from_query
from pages.ui.traces import reproduce
from pages.ui.traces.trace_cache import trace_of
from tests.pages.reproduced import (
    PYTHON,
    ROOT,
    files_in,
    files_of,
    files_of_command,
    files_of_pasted,
    files_of_script,
    words_of,
)
from tests.pages.test_pages import opened

SHALLOW = {"encoder_layers": "1", "decoder_layers": "1"}
HOSTILE = "-x \"I\" go\\\n--help 'home' $HOME `ls` $(ls) !! ~ * #\n나는 🙂 \\n {a,b} %s\t&& ;"
STATES = {
    "the first page": {},
    "half written": {"upto": "4"},
    "nothing written yet": {"upto": "0"},
    "written to the end": {"upto": "15"},
    "several dates, written": {"source": "21 November 2026\n2026년 3월 1일\n5 Mar '75"},
    "several dates, half written": {"source": "21 November 2026\n5 Mar '75", "upto": "3"},
    "several dates, nothing written yet": {"source": "21 November 2026\n5 Mar '75", "upto": "0"},
    "a date and its target": {"target": "2026-11-21"},
    "dates and targets": {"source": "5 Mar '75\n2026년", "target": "1975-03-05\n2026"},
    "trained, in bfloat16, without masks": {
        "dtype": "bfloat16",
        "source": "5 Mar '75\n2026년",
        "padding_mask": "0",
        "causal_mask": "0",
        "output": "softmax",
        "device": "cpu",
    },
    "characters it does not know": {"source": HOSTILE},
    "random weights": {"weights": "random"},
    "the date with random weights": {"weights": "random", "source": "21 November 2026", "target": "2026-11-21"},
    "a size moved in the first page's state": {
        "weights": "random",
        "tokenizer": "characters",
        "d_model": "64",
        "heads": "8",
        "source": "21 November 2026",
        "target": "2026-11-21",
    },
    "hostile texts": {"weights": "random", "source": HOSTILE, "target": HOSTILE[::-1], **SHALLOW},
    "generated tokens": {"reads": TOKENS, "batch": "3", "src_len": "6", "tgt_len": "2", "seed": "4", **SHALLOW},
    "tokens of a small vocabulary": {"reads": TOKENS, "vocab_size": "4", "d_model": "8", "heads": "8", **SHALLOW},
    "norm first, other widths": {"norm_first": "1", "d_model": "48", "heads": "6", "activation": "gelu", "d_ff": "7"},
    "heads that do not divide d_model": {"d_model": "33", "heads": "4", "d_k": "3", "d_v": "5", "dtype": "float64"},
    "a width as usual where it does not follow": {"d_model": "64", "d_k": "8", **SHALLOW},
    "a size that only generated tokens have": {"weights": "random", "batch": "5", "src_len": "9", **SHALLOW},
}


def settings_of(query):
    shown, notes = from_query(query)
    assert notes == ()
    return shown


@pytest.mark.parametrize("state", STATES)
def test_the_command_and_the_script_write_the_files_of_the_page(state, tmp_path, capsys):
    shown = settings_of(STATES[state])
    expected = files_of(trace_of(shown))
    for folder in ("command", "script"):
        (tmp_path / folder).mkdir()
    assert files_of_command(reproduce.command(shown), tmp_path / "command") == expected
    assert files_of_script(reproduce.script(shown), tmp_path / "script") == expected


@pytest.mark.parametrize("state", ["several dates, half written", "hostile texts"])
def test_the_command_does_so_in_a_terminal_too(state, tmp_path):
    shown = settings_of(STATES[state])
    assert files_of_pasted(reproduce.command(shown), tmp_path) == files_of(trace_of(shown))


@pytest.mark.parametrize("state", ["the first page", "half written", "random weights", "generated tokens"])
def test_the_page_shows_that_command_and_that_script(state):
    shown = settings_of(STATES[state])
    app = opened("pages/export.py", **{"weights": shown.config.weights, **STATES[state]})
    assert not app.exception
    assert [code.value for code in app.code] == [reproduce.command(shown), reproduce.script(shown)]


def test_no_other_page_shows_a_command_or_a_script():
    """The labs and the questions show code of their own, which is tested with them."""
    places = []
    for path in [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py"))]:
        if {ROOT / "pages/ui/labs", ROOT / "pages/ui/views/questions"} & set(path.parents):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".code"):
                places.append((path.relative_to(ROOT).as_posix(), ast.unparse(node.args[0])))
    assert places == [
        ("pages/ui/app/page_runner.py", "trace.failure.note"),
        ("pages/ui/views/compare_page/opened_pair.py", "explained.arithmetic"),
        ("pages/ui/views/export_page.py", "reproduce.command(settings)"),
        ("pages/ui/views/export_page.py", "reproduce.script(settings)"),
        ("pages/ui/views/export_page.py", "reproduce.from_file(OPENED.get(settings.opened).file)"),
        ("pages/ui/views/share/share_view.py", "python_of(trace, step, script, within)"),
        ("pages/ui/views/your_code/page.py", "outcome.output"),
        ("pages/ui/views/your_code/page.py", "_COMMANDS"),
    ]


def test_the_script_of_a_saved_trace_writes_what_the_page_writes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    saved = trace_of(SMALL)
    save_trace(saved, "run.trace")
    save_csv(saved.steps, "live")
    exec(reproduce.from_file("run.trace"), {})
    for name in ("steps.csv", "values.csv"):
        assert (tmp_path / reproduce.FOLDER / name).read_bytes() == (tmp_path / "live" / name).read_bytes()


def test_a_command_says_only_what_is_not_usual():
    assert reproduce.command(Settings(reads=TOKENS)) == f"{PYTHON} -m engine run --csv trace-csv"
    assert reproduce.command(settings_of({})) == (
        f"{PYTHON} -m engine run --weights trained --source='21 November 2026' --csv trace-csv"
    )
    assert reproduce.script(settings_of({})) == (
        "from engine import run, save_csv, trained_config\n\n"
        "trace = run(trained_config(), source='21 November 2026')\n"
        "save_csv(trace.steps, 'trace-csv')"
    )
    wide = Settings(Config(heads=8, d_model=64), TOKENS)
    assert reproduce.script(wide).splitlines()[2] == "trace = run(Config(d_model=64, heads=8))"


SIZES = {
    "batch": 3,
    "src_len": 6,
    "tgt_len": 7,
    "d_model": 16,
    "heads": 2,
    "d_k": 3,
    "d_v": 5,
    "d_ff": 9,
    "encoder_layers": 1,
    "decoder_layers": 3,
    "vocab_size": 70,
    "seed": 4,
}


def other_value(name):
    """A value of this setting that is not the usual one."""
    usual = getattr(Config(), name)
    if isinstance(usual, bool):
        return not usual
    return SIZES[name] if isinstance(usual, int) else next(value for value in CHOICES[name] if value != usual)


FREE = [field.name for field in dataclasses.fields(Config) if field.name != "weights"]
OTHER = Config(**{name: other_value(name) for name in FREE} | {"device": "cpu"})


def test_every_setting_is_said_in_the_command_and_in_the_script(monkeypatch, tmp_path):
    """A new field of Config, or of Settings, turns this red until both can say it."""
    fields = {field.name for field in dataclasses.fields(Settings)}
    # A saved trace, and a model of today, have scripts of their own.
    assert fields - {"opened", "model"} == {
        "config",
        "reads",
        "source",
        "target",
        "upto",
    }
    assert [name for name in FREE if getattr(OTHER, name) != getattr(Config(), name)] == FREE
    seen = []
    monkeypatch.setattr("engine.__main__.run", lambda *given, **more: seen.append((given, more)) or trace_of(SMALL))
    monkeypatch.setattr("engine.run", lambda *given, **more: seen.append((given, more)) or trace_of(SMALL))
    monkeypatch.chdir(tmp_path)
    from engine.__main__ import main

    shown = Settings(OTHER, TOKENS)
    assert main(words_of(reproduce.command(shown))[2:]) == 0
    exec(reproduce.script(shown), {})
    assert [given[0] for given, _ in seen] == [OTHER, OTHER]


SMALL = Settings(Config(batch=1, src_len=1, tgt_len=1, d_model=4, heads=1, encoder_layers=1, decoder_layers=1), TOKENS)

lines = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@settings(max_examples=60)
@given(st.lists(lines, min_size=1, max_size=3), lines)
def test_a_shell_and_python_read_back_every_text(source, target):
    shown = Settings(trained_config(), SENTENCES, "\n".join(source), target)
    sources, targets = shown.sentences
    expected = ["-m", "engine", "run", "--weights", "trained", *(f"--source={line}" for line in sources)]
    if target.strip():
        expected += [f"--target={line}" for line in targets]
    command = reproduce.command(shown)
    assert words_of(command) == [*expected, "--csv", "trace-csv"]
    assert shlex.split(command)[1:] == words_of(command)
    call = ast.parse(reproduce.script(shown)).body[1].value
    said = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
    assert said["source"] == (sources[0] if len(sources) == 1 else list(sources))


def test_the_commands_and_the_python_of_the_readme_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = readme_blocks()
    commands = [
        line for kind, block in blocks if kind == "bash" for line in block.splitlines() if " engine run " in line
    ]
    random, trained = (files_of_command(command, tmp_path, "OUT") for command in commands)
    assert random == files_of(run(Config(batch=2, src_len=5, tgt_len=4, heads=4, d_model=32)))
    assert trained == files_of(trace_of(first()))

    here = {}
    scripts = [block for kind, block in blocks if kind == "python"]
    exec(scripts[0], here)
    assert here["scores"].axes == ("B", "H", "S", "S")
    assert here["scores"].shape == (1, 4, 5, 5)
    assert here["scores"].source.expression == "query @ key_t"
    shutil.rmtree(tmp_path / "OUT")
    exec(scripts[1], here)
    assert files_in(tmp_path / "OUT") == trained


def readme_blocks():
    blocks, kind, block = [], None, []
    for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            if kind is not None:
                blocks.append((kind, "\n".join(block)))
            kind, block = (line[3:], []) if kind is None else (None, [])
        elif kind is not None:
            block.append(line)
    return blocks
