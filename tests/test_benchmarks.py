"""What the benchmarks say of their figures holds: ratios within a round, peers skipped by name, every case runs."""

import ast
import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import TimeoutError as Late

from tests.benchmarks import csv_speed, growth, peers, people, recording, screen
from tests.benchmarks.apart import Apart
from tests.benchmarks.interleaved import Spread, UnableError, interleaved
from tests.benchmarks.screen import far_stage, row_or_why
from tests.benchmarks.table import Row, Section, as_markdown, as_text, at_least, at_most, ratio, verdict
from tests.benchmarks.visit import in_time

needs_browser = pytest.mark.skipif(
    not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), reason="no Chromium"
)


def test_every_round_gives_each_a_turn_and_begins_with_another():
    order = []

    def turn(name):
        return lambda: order.append(name) or 1.0

    interleaved({name: turn(name) for name in "abc"}, 3)
    assert "".join(order) == "abcbcacab"


def test_a_ratio_is_made_within_its_round():
    # The machine is ten times as slow in the second round; the ratio does not notice.
    figures = {"ours": iter([2.0, 20.0, 2.0]), "base": iter([1.0, 10.0, 4.0])}
    times = interleaved({name: lambda its=its: next(its) for name, its in figures.items()}, 3)
    assert times.ratio("ours", "base").median == 2.0
    assert times.beyond("ours", "base") == [1.0, 10.0, -2.0]


def test_a_spread_is_the_median_and_its_quartiles():
    assert Spread.of([5, 1, 3, 2, 4]) == Spread(3, 2, 4)
    assert Spread.of([7]) == Spread(7, 7, 7)
    assert ratio(Spread(1.234, 1.1, 123.4)) == "1.23 (1.10–123)"


def unable():
    raise UnableError("not installed")


def test_one_that_fails_drops_out_by_name_and_the_others_go_on():
    times = interleaved({"ours": lambda: 1.0, "absent": unable}, 2)
    assert times.unable == {"absent": "not installed"}
    assert list(times.seconds) == ["ours"]


def test_a_peer_that_is_not_installed_is_skipped_by_name(monkeypatch):
    monkeypatch.setattr(peers, "find_spec", lambda name: None)
    assert peers.missing(peers.TORCHLENS) == "torchlens is not installed"
    assert peers.missing(peers.OURS) == ""


def test_a_contestant_apart_answers_and_its_errors_come_back_in_words():
    with Apart(Counter, "abac") as apart:
        assert apart.ask("most_common", 1) == [("a", 2)]
        with pytest.raises(UnableError, match="TypeError"):
            apart.ask("most_common", 1, 2)
    with Apart(recording.Contestant, "nobody", "cpu") as apart, pytest.raises(UnableError, match="KeyError"):
        apart.ask("prepare", "T")


def test_a_contestant_that_never_answers_is_given_up_on_and_said_so(monkeypatch):
    monkeypatch.setattr("tests.benchmarks.apart._PATIENCE", 0)
    with Apart(Event) as apart, pytest.raises(UnableError, match=r"^no answer in 0 s$"):
        apart.ask("wait")  # nobody sets it


def test_a_jump_goes_to_a_stage_that_was_not_sent_ahead_and_round_again():
    firsts = [0, 3, 9, 12, 15, 18]
    assert far_stage(firsts, here=9, begin=4) == 4
    assert far_stage(firsts, here=9, begin=5) == 5
    assert far_stage(firsts, here=9, begin=6) == 0
    # 8 to 12 are here, or were sent ahead.
    assert far_stage(firsts, here=9, begin=2) == 4
    assert far_stage([9, 3], here=9, begin=0) == 1


@given(st.lists(st.integers(0, 12), min_size=1), st.integers(0, 12), st.integers(0, 99))
def test_looking_for_a_far_stage_ends_whatever_the_stages_are(firsts, here, begin):
    far = [place for place, first in enumerate(firsts) if not here - 1 <= first <= here + 3]
    if far:
        assert far_stage(firsts, here, begin) in far
    else:
        with pytest.raises(UnableError, match=f"^each of the {len(firsts)} stages beside step {here} was sent ahead$"):
            far_stage(firsts, here, begin)


def test_what_a_browser_never_shows_is_given_up_on_by_name():
    with pytest.raises(UnableError, match=r"^gave up on the stage after 7 s$"), in_time("the stage", 7_000):
        raise Late("Timeout 7000ms exceeded.")


def test_one_whose_base_dropped_out_is_skipped_with_the_reason():
    times = interleaved({"bare": unable, "ours": lambda: 1.0}, 1)
    assert row_or_why(times, "ours", "bare").cells == ("ours", "skipped: bare: not installed", "")
    assert row_or_why(times, "bare", "bare").cells == ("bare", "skipped: not installed", "")


def test_no_loop_of_the_benchmarks_can_turn_for_ever():
    loops = {
        (path.name, function.name)
        for path in Path(screen.__file__).parent.glob("*.py")
        for function in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.While)
    }
    # The child that answers questions: it ends with the pipe, which ends with the parent.
    assert loops == {("apart.py", "_asked")}


def test_the_table_says_each_goal_and_the_verdict_counts_them():
    rows = [Row(("T", "1.10"), [at_most("÷ floor", 1.1, 1.15)]), Row(("B", "3|4"), [at_least("× pandas", 3, 20)])]
    section = Section("Recording", "What it is.", ("case", "figure"), rows, ["A note."])
    assert verdict([section]) == "1 of 2 goals met\nnot met: B: × pandas ≥ 20"
    assert "÷ floor ≤ 1.15: met" in as_text(["Machine: one"], [section])
    markdown = as_markdown(["Machine: one"], [section])
    assert "| case | figure | goal |\n|---|---|---|\n| T | 1.10 | ÷ floor ≤ 1.15: met |" in markdown
    assert "3\\|4" in markdown


@pytest.mark.whole
def test_recording_runs_at_its_smallest():
    section = recording.section(1, "cpu", ["T"])
    by_name = {row.cells[1]: row.cells for row in section.rows}
    assert set(by_name) == set(peers.PEERS)
    assert by_name[peers.OURS][4] == "259 operations"
    assert by_name["TransformerLens bridge"][2].startswith("skipped: ")


def test_growth_runs_at_its_smallest():
    section = growth.section(1, "cpu", (1, 2))
    assert {row.cells[0] for row in section.rows} >= {"recording a step", "resolving a step", "statistics"}
    assert section.goals


@pytest.mark.whole
def test_csv_runs_at_its_smallest():
    section = csv_speed.section(1, "cpu", [csv_speed.SMALL])
    assert [row.cells[1] for row in section.rows if row.cells[2].startswith("skipped")] in ([], ["polars"])


def test_every_writer_writes_the_same_rows(tmp_path):
    pandas = pytest.importorskip("pandas")
    steps = csv_speed.CASES[csv_speed.SMALL][0]()
    written = []
    for name in (csv_speed.OURS, csv_speed.PANDAS, "pyarrow"):
        csv_speed.WRITERS[name](steps, tmp_path / name)
        written.append(pandas.read_csv(tmp_path / name, dtype={"value": "float32"}))
    assert written[0].equals(written[1])
    assert written[0].equals(written[2])


def elsewhere(section, *arguments):
    """In a thread of its own: Playwright allows one of its kind a thread, and this one's may be the browser tests'."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(section, *arguments).result()


@needs_browser
@pytest.mark.browser
@pytest.mark.whole
def test_people_runs_at_its_smallest(monkeypatch):
    monkeypatch.setattr(people, "_LEAVING", 0)
    monkeypatch.setattr(people, "_LENGTHS", (6,))
    section = elsewhere(people.section, 1, "cpu", (2,))
    # Two crowds, two refusals, and those with large runs.
    assert [row.cells[5] for row in section.rows] == ["2 of 2", "2 of 2", "", "", "1 of 1"]
