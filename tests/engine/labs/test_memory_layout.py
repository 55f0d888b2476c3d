"""Strides, sharing and copies, held against the storage itself and against PyTorch's rule for view."""

import math
from itertools import pairwise, permutations, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.labs.memory_layout import AXES, WRITTEN, code, layout

OPERATIONS = [
    ("none", ()),
    *(("transpose", pair) for pair in permutations(range(3), 2)),
    *(("permute", order) for order in permutations(range(3))),
]
sizes = (st.integers(1, 6), st.integers(1, 4), st.integers(1, 6))
operations = st.sampled_from(OPERATIONS)


@settings(max_examples=60)
@given(*sizes, operations)
def test_moving_axes_gives_what_numpy_gives_and_moves_no_number(length, heads, d_k, operation):
    found = layout(length, heads, d_k, *operation)
    expected = np.arange(length * heads * d_k).reshape(length, heads, d_k).transpose(found.order)
    assert found.moved.tolist() == expected.tolist()
    assert found.unmoved == length * heads * d_k
    assert found.moved.data_ptr() == found.query.data_ptr()
    assert found.moved.stride() == tuple(found.query.stride(axis) for axis in found.order)
    assert found.axes == tuple(AXES[axis] for axis in found.order)


@settings(max_examples=60)
@given(*sizes, operations)
def test_the_order_of_reading_is_that_of_a_nested_loop_over_index_times_stride(length, heads, d_k, operation):
    found = layout(length, heads, d_k, *operation)
    stride = found.moved.stride()
    places = [
        sum(place * step for place, step in zip(index, stride, strict=True))
        for index in product(*map(range, found.moved.shape))
    ]
    assert found.reading == places == found.copied.flatten().tolist()
    assert found.jumps == [there - here for here, there in pairwise(places)]


@settings(max_examples=100)
@given(*sizes, operations)
def test_view_works_exactly_where_all_conditions_on_the_strides_hold(length, heads, d_k, operation):
    found = layout(length, heads, d_k, *operation)
    for merge in found.merges:
        assert (not merge.error) == all(condition.holds for condition in merge.conditions)
        assert math.prod(merge.sizes) == length * heads * d_k
        assert merge.reshape_shares == (not merge.error)
        assert merge.nbytes == (8 * length * heads * d_k if merge.error else 0)


def test_a_hand_worked_case():
    # (3, 2, 4) lies with strides 2·4, 4, 1; swapping L and H swaps the first two.
    found = layout(3, 2, 4, "transpose", (0, 1))
    assert found.query.stride() == (8, 4, 1)
    assert found.moved.stride() == (4, 8, 1)
    assert found.copied.stride() == (12, 4, 1)
    assert found.reading[:5] == [0, 1, 2, 3, 8]
    assert [jump for jump in found.jumps if jump != 1] == [5, 5, -15, 5, 5]
    assert [(merge.axes, merge.sizes) for merge in found.merges] == [
        (("H", "L"), (6, 4)),
        (("L", "d_k"), (2, 12)),
        (("H", "L", "d_k"), (24,)),
    ]
    # 4 is not 3·8, and 8 is not 4·1.
    assert [(c.stride, c.size, c.inner_stride) for c in found.merges[2].conditions] == [(4, 3, 8), (8, 4, 1)]
    assert "view size is not compatible" in found.merges[0].error


def test_after_a_rotation_the_axes_that_still_lie_one_after_the_other_can_be_merged():
    found = layout(3, 2, 4, "permute", (1, 2, 0))
    assert [bool(merge.error) for merge in found.merges] == [False, True, True]
    assert found.twin == ""


@settings(max_examples=60)
@given(*sizes, operations)
def test_a_write_is_read_wherever_the_memory_is_the_same(length, heads, d_k, operation):
    found = layout(length, heads, d_k, *operation)
    copies = not found.moved.is_contiguous()
    was = int(found.query[found.through_view.query_index])
    view, copy = found.through_view, found.through_copy
    assert (view.moved, view.query, view.copied) == (WRITTEN, WRITTEN, was if copies else WRITTEN)
    assert (copy.moved, copy.query, copy.copied) == ((was, was, WRITTEN) if copies else (WRITTEN,) * 3)
    assert found.query.flatten().tolist() == list(range(found.query.numel()))


@settings(max_examples=60)
@given(*sizes, operations)
def test_contiguous_copies_exactly_where_the_numbers_are_not_read_in_their_order(length, heads, d_k, operation):
    found = layout(length, heads, d_k, *operation)
    in_order = found.reading == sorted(found.reading)
    assert (found.copied.data_ptr() == found.moved.data_ptr()) == in_order == found.moved.is_contiguous()
    assert found.stories[1].startswith("Nothing happened" if in_order else "A copy")
    assert bool(found.stories[0]) == (operation[0] != "none")


@pytest.mark.parametrize(
    ("operation", "twin"),
    [
        (("transpose", (0, 1)), "query.permute(1, 0, 2)"),
        (("transpose", (0, 2)), "query.permute(2, 1, 0)"),
        (("permute", (0, 2, 1)), "query.transpose(1, 2)"),
        (("permute", (0, 1, 2)), ""),
        (("none", ()), ""),
    ],
)
def test_a_transpose_is_the_permute_that_names_the_same_order(operation, twin):
    found = layout(3, 2, 4, *operation)
    assert found.twin == twin
    if twin:
        other = eval(twin, {"query": found.query})
        assert torch.equal(other, found.moved)
        assert other.stride() == found.moved.stride()


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("size", [(3, 2, 4), (1, 2, 4), (6, 4, 1), (1, 1, 1)])
def test_the_code_prints_what_the_experiment_found(size, operation, capsys):
    exec(code(*size, *operation), {})
    found = layout(*size, *operation)
    error = found.merges[2].error
    copies = found.copied.data_ptr() != found.moved.data_ptr()
    assert capsys.readouterr().out.splitlines() == [
        f"strides {found.query.stride()} -> {found.moved.stride()}",
        "the same memory: True",
        f"read in the order {found.reading}",
        f"view: {error or found.merges[2].sizes}",
        f"contiguous: {f'a copy of {found.copied.nbytes} bytes' if copies else 'no copy'}",
        f"read in query: {found.through_view.query == WRITTEN} in copied: {found.through_view.copied == WRITTEN}",
    ]
