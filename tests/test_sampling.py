"""The part of a large family of tests that the suite runs."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.sampling import SHARES, is_sampled, select

ROOT = Path(__file__).resolve().parents[1]


def items(count, beginning="tests/engine/compare/test_a.py::test_b"):
    return [SimpleNamespace(nodeid=f"{beginning}[{number}]") for number in range(count)]


def test_of_a_whole_suite_a_family_runs_about_its_share_and_everything_else_in_full():
    others = items(3000, "tests/engine/record/test_recorder.py::test_c")
    kept, left_out = select([*items(2000), *others], whole=False)
    assert len(kept) + len(left_out) == 5000
    assert all(other in kept for other in others)
    assert 850 < len(kept) - len(others) < 1150


def test_the_same_tests_are_chosen_every_time():
    assert [is_sampled(item.nodeid) for item in items(50)] == [is_sampled(item.nodeid) for item in items(50)]


@pytest.mark.parametrize("count", [1, 100, 3999])
def test_whoever_names_a_file_gets_all_of_its_tests(count):
    assert select(items(count), whole=False) == (items(count), [])


def test_everything_runs_where_the_whole_is_asked_for():
    assert select(items(5000), whole=True) == (items(5000), [])


@pytest.mark.parametrize("beginning", sorted(SHARES))
def test_a_share_is_of_files_that_exist(beginning):
    assert (ROOT / beginning).exists()
