import itertools

from hypothesis import given
from hypothesis import strategies as st

from engine.graph.near import slice_near

COUNTS, HALVES = st.integers(1, 2_000), st.integers(1, 100)


@given(count=COUNTS, half=HALVES, data=st.data())
def test_the_member_looked_at_is_shown_and_as_many_as_may_be(count: int, half: int, data: st.DataObject):
    at = data.draw(st.integers(0, count - 1))
    row = list(range(count))
    shown = row[slice_near(count, at, 2 * half)]
    assert at in shown
    assert len(shown) == min(count, 2 * half)


@given(count=COUNTS, half=HALVES, data=st.data())
def test_what_is_near_it_is_shown_on_both_sides(count: int, half: int, data: st.DataObject):
    at = data.draw(st.integers(0, count - 1))
    quarter = half // 2
    shown = list(range(count))[slice_near(count, at, 2 * half)]
    assert set(range(max(at - quarter, 0), min(at + quarter, count - 1) + 1)) <= set(shown)


def test_a_walk_from_end_to_end_moves_what_is_shown_a_few_times_only():
    windows = [slice_near(1_000, at, 100) for at in range(1_000)]
    assert sum(before != after for before, after in itertools.pairwise(windows)) == 18


@given(half=HALVES, data=st.data())
def test_a_row_that_is_short_enough_is_shown_whole(half: int, data: st.DataObject):
    count = data.draw(st.integers(1, 2 * half))
    assert slice_near(count, data.draw(st.integers(0, count - 1)), 2 * half) == slice(0, count)
