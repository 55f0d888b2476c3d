"""Which part of large tensors is sent, with numbers counted by hand."""

import pytest

from engine.ops.access import AffineMap, AllIndices, SameIndex
from pages.ui.components.tensor_view.window import Span, Subject, Window, axis_keys, reveal, windows

ENOUGH = 10**7


@pytest.mark.parametrize(("heads", "shown"), [(1, 1), (8, 8), (9, 5), (12, 6), (17, 6), (24, 8)])
def test_heads_that_do_not_fit_beside_each_other_are_paged_evenly(heads, shown):
    # Eight columns at most: 9 are 5 and 4, 17 are 6, 6 and 5.
    (window,) = windows([Subject((1, heads, 5, 5), ("B", "H", "S", "S"))], None, {}, ENOUGH)
    assert [span.count for span in window.spans] == [1, shown, 5, 5]


def test_a_tensor_alone_has_twice_the_width_it_has_beside_another():
    heads = Subject((1, 8, 20, 20), ("B", "H", "S", "S"))
    (alone,) = windows([heads], None, {}, ENOUGH)
    first, second = windows([heads, heads], None, {}, ENOUGH)
    assert alone.spans[1].count == 8  # 160 cells across
    assert first.spans[1].count == second.spans[1].count == 4  # 80


@pytest.mark.parametrize(("position", "start"), [(0, None), (3, None), (4, 4), (7, 4), (8, 6), (9, 6)])
def test_a_window_moves_by_whole_pages_and_never_past_the_end(position, start):
    window = Window((Span("S", 10, 0, 4),), (), ())
    moved = reveal(window, (position,), {"H": 2})
    assert moved == ({"H": 2} if start is None else {"H": 2, "S": start})


def test_an_axis_that_is_summed_over_is_not_taken_for_the_outputs_own():
    weights = Subject((1, 2, 5, 5), ("B", "H", "S", "S"))
    value, mixed = (Subject((1, 2, 5, 3), ("B", "H", "S", "d_v")) for _ in range(2))
    follow = [SameIndex(axis) for axis in range(4)]
    rows = AffineMap(weights.shape, (*follow[:3], AllIndices()))
    columns = AffineMap(value.shape, (*follow[:2], AllIndices(), follow[3]))
    assert axis_keys([weights, value, mixed], [rows, columns]) == [
        ("B", "H", "S", "S.2"),
        ("B", "H", "S.2", "d_v"),
        ("B", "H", "S", "d_v"),
    ]
