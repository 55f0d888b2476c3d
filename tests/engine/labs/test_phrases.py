"""Phrases by number."""

import pytest

from engine.labs.phrases import by_count


@pytest.mark.parametrize(("count", "phrase"), [(0, "0 rows are left"), (1, "1 row is left"), (2, "2 rows are left")])
def test_a_phrase_is_singular_for_one_alone(count, phrase):
    assert by_count(count, "{count} row is left", "{count} rows are left") == phrase
