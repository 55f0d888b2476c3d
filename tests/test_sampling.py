"""The part of a large family of tests that the suite runs."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.sampling import SHARES, family_of, sample, select

ROOT = Path(__file__).resolve().parents[1]


def items(count, beginning="tests/engine/compare/test_a.py::test_b", markers=()):
    has = {name: name for name in markers}
    return [SimpleNamespace(nodeid=f"{beginning}[{number}]", get_closest_marker=has.get) for number in range(count)]


def test_of_a_whole_suite_a_family_runs_its_share_and_everything_else_in_full():
    others = items(3000, "tests/engine/record/test_recorder.py::test_c")
    kept, left_out = select([*items(2000), *others], whole=False)
    assert len(kept) + len(left_out) == 5000
    assert all(other in kept for other in others)
    assert len(kept) - len(others) == 1000


def test_the_same_tests_are_chosen_whatever_the_order_they_are_found_in():
    addresses = [item.nodeid for item in items(50)]
    assert sample(addresses) == sample(reversed(addresses))
    assert len(sample(addresses)) == 25


@pytest.mark.parametrize("count", [1, 2, 3])
def test_of_a_family_however_small_one_test_is_run(count):
    family = items(count, "tests/engine/pretrained/test_interrupted_training.py::test_a")
    assert len(sample(item.nodeid for item in family)) == 1


def test_the_whole_of_a_test_of_which_the_suite_runs_a_part_is_left_out_of_the_suite_alone():
    marked, others = items(2, "tests/a.py::test_a", markers=["whole"]), items(5000, "tests/a.py::test_b")
    assert select([*marked, *others], whole=False) == (others, marked)
    assert select([*marked, *others], whole=True) == ([*marked, *others], [])
    assert select(marked, whole=False) == (marked, [])


@pytest.mark.parametrize("count", [1, 100, 3999])
def test_whoever_names_a_file_gets_all_of_its_tests(count):
    assert select(items(count), whole=False)[1] == []


def test_everything_runs_where_the_whole_is_asked_for():
    assert select(items(5000), whole=True)[1] == []


@pytest.mark.parametrize("beginning", sorted(SHARES))
def test_a_share_is_of_tests_that_exist(beginning):
    path, _, name = beginning.partition("::")
    assert (ROOT / path).exists()
    assert not name or f"def {name}" in (ROOT / path).read_text("utf-8")
    assert family_of(f"{beginning}x") == beginning
