"""What the benchmarks say of their figures holds: ratios within a round, peers skipped by name, every case runs."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine import Config
from tests.benchmarks import csv_speed, growth, peers, people, recording
from tests.benchmarks.apart import Apart
from tests.benchmarks.interleaved import Spread, UnableError, interleaved
from tests.benchmarks.table import Row, Section, as_markdown, as_text, at_least, at_most, ratio, verdict

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


def test_one_that_fails_drops_out_by_name_and_the_others_go_on():
    def unable():
        raise UnableError("not installed")

    times = interleaved({"ours": lambda: 1.0, "absent": unable}, 2)
    assert times.unable == {"absent": "not installed"}
    assert list(times.seconds) == ["ours"]


def test_a_peer_that_is_not_installed_is_skipped_by_name(monkeypatch):
    monkeypatch.setattr(peers, "find_spec", lambda name: None)
    assert peers.missing(peers.TORCHLENS) == "torchlens is not installed"
    assert peers.missing(peers.OURS) == ""


def test_a_contestant_apart_answers_and_its_errors_come_back_in_words():
    with Apart(Config, 3) as apart:
        assert apart.ask("change").batch == 3
        with pytest.raises(UnableError, match="TypeError"):
            apart.ask("change", 1)
    with Apart(recording.Contestant, "nobody", "cpu") as apart, pytest.raises(UnableError, match="KeyError"):
        apart.ask("prepare", "T")


def test_the_table_says_each_goal_and_the_verdict_counts_them():
    rows = [Row(("T", "1.10"), [at_most("÷ floor", 1.1, 1.15)]), Row(("B", "3|4"), [at_least("× pandas", 3, 20)])]
    section = Section("Recording", "What it is.", ("case", "figure"), rows, ["A note."])
    assert verdict([section]) == "1 of 2 goals met\nnot met: B: × pandas ≥ 20"
    assert "÷ floor ≤ 1.15: met" in as_text(["Machine: one"], [section])
    markdown = as_markdown(["Machine: one"], [section])
    assert "| case | figure | goal |\n|---|---|---|\n| T | 1.10 | ÷ floor ≤ 1.15: met |" in markdown
    assert "3\\|4" in markdown


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
def test_people_runs_at_its_smallest(monkeypatch):
    monkeypatch.setattr(people, "_LEAVING", 0)
    section = elsewhere(people.section, 1, "cpu", (2,))
    assert [row.cells[5] for row in section.rows] == ["2 of 2", "2 of 2"]
