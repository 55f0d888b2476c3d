"""The processes of a run share the rewriting of asserts: each begins elsewhere, and keeps what pytest itself reads."""

import sys

from _pytest.assertion import rewrite
from hypothesis import given
from hypothesis import strategies as st

from tests.rewriting import begun_apart, rewrite_asserts


@given(st.lists(st.integers(), unique=True), st.integers(1, 8))
def test_every_process_goes_through_all_files_and_each_begins_with_others(files, count):
    orders = [begun_apart(files, number, count) for number in range(count)]
    assert all(sorted(order) == sorted(files) for order in orders)
    if len(files) >= count:
        assert len({order[0] for order in orders}) == count


def test_what_is_kept_is_what_pytest_reads_and_a_file_it_cannot_read_is_left_to_it(tmp_path, monkeypatch, pytestconfig):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    sound, broken = tmp_path / "test_sound.py", tmp_path / "test_broken.py"
    sound.write_text("def test_one():\n    assert 1 == 1\n", encoding="utf-8")
    broken.write_text("def test_one(:\n", encoding="utf-8")
    rewrite_asserts(pytestconfig, tmp_path, 1, 2)
    kept = {path.name.partition(".")[0] for path in (tmp_path / "__pycache__").iterdir()}
    assert kept == {"test_sound"}
    code = rewrite._read_pyc(sound, rewrite.get_cache_dir(sound) / f"test_sound{rewrite.PYC_TAIL}")
    assert code is not None
    assert "@pytest_ar" in code.co_names or any("@pytest_ar" in name for name in code.co_varnames + code.co_names)
