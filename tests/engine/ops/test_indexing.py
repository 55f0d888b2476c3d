"""Indexing by any key, and what is said of elements that were found by index, mask, order or search."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from engine import explain, ops, record
from engine.explain.walk import walk
from engine.ops.access import GatherMap
from engine.ops.entries.indexing.ordering import ordinal

FEW = settings(max_examples=40, suppress_health_check=list(HealthCheck))
T = torch.tensor
SHAPES = st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple)


def indices(shape):
    return itertools.product(*map(range, shape))


def told(function, *tensors, at=()):
    trace = record(function, *tensors)
    here = explain(trace, trace.steps[-1], at)
    assert here.agrees is not False
    return here.sentence


@st.composite
def keys(draw, shape):
    """A key of whole numbers, slices, new axes and tensors of indices; a tensor of indices is broadcast with others."""
    parts = []
    together = draw(st.sampled_from([(2,), (2, 2), (1,)]))
    for size in shape:
        index = st.integers(-size, size - 1)
        kind = draw(st.sampled_from(["number", "slice", "tensor", "scalar", "list"]))
        if kind == "number":
            parts.append(draw(index))
        elif kind == "slice":
            parts.append(slice(draw(st.integers(0, size - 1)), None, draw(st.integers(1, 2))))
        elif kind == "scalar":
            parts.append(T(draw(index)))
        elif kind == "list":
            parts.append([draw(index) for _ in range(together[-1])])
        else:
            own = tuple(draw(st.sampled_from([1, wide])) for wide in together)
            parts.append(T([draw(index) for _ in range(math.prod(own))]).reshape(own))
        if draw(st.integers(0, 4)) == 0:
            parts.append(None)
    left = draw(st.integers(0, len(parts)))
    return (*parts[:left], ..., *parts[left:]) if draw(st.booleans()) else tuple(parts[:left])


@FEW
@given(shape=SHAPES, data=st.data())
def test_an_element_taken_by_any_key_is_the_one_that_it_is_said_to_read(shape, data):
    x = torch.arange(math.prod(shape)).reshape(shape)
    key = data.draw(keys(shape))
    step = record(lambda x: x[key], x).steps[-1]
    read = dict(zip([parent.name for parent in step.inputs], ops.reads(step), strict=True))["x"]
    for out in indices(step.shape):
        (cell,) = read.cells(out)
        assert x[cell] == step.value[out]


@FEW
@given(shape=SHAPES, data=st.data())
def test_after_writing_by_any_key_an_element_is_the_one_that_it_is_said_to_read(shape, data):
    x = torch.arange(math.prod(shape))
    key = data.draw(keys(shape))
    key = tuple(part for part in key if part is not None)
    y = 100 + torch.arange(x.reshape(shape)[key].numel()).reshape(x.reshape(shape)[key].shape)

    def program(x, y):
        target = x.reshape(shape).clone()
        target[key] = y
        return target

    trace = record(program, x, y)
    step = trace.steps[-1]
    reads = ops.reads(step)
    assert reads is not None
    before = {"target": x.reshape(shape), "y": y}
    for out in indices(step.shape):
        cells = [
            before[parent.name][cell]
            for parent, read in zip(step.inputs, reads, strict=True)
            if parent.name in before
            for cell in read.cells(out)
        ]
        assert cells == [step.value[out]]
        assert explain(trace, step, out).agrees


@FEW
@given(shape=SHAPES, data=st.data())
def test_a_mask_of_any_axes_picks_what_it_is_said_to_pick(shape, data):
    x = torch.arange(math.prod(shape)).reshape(shape)
    axes = data.draw(st.integers(1, len(shape)))
    size = math.prod(shape[:axes])
    mask = T(data.draw(st.lists(st.booleans(), min_size=size, max_size=size))).reshape(shape[:axes])

    def program(x, mask):
        return x[mask], mask.nonzero(), torch.where(mask)

    picked, rows, *columns = record(program, x, mask).steps
    for out in indices(picked.shape):
        (cell,), (bit,) = (read.cells(out) for read in ops.reads(picked))
        assert x[cell] == picked.value[out]
        assert (mask[bit], cell[:axes]) == (True, bit)
    for step in (rows, *columns):
        for out in indices(step.shape):
            ((bit,),) = (read.cells(out) for read in ops.reads(step))
            assert bit[out[1] if len(out) == 2 else step.output] == step.value[out]


def test_rows_along_the_first_axis_are_still_looked_up_as_a_table():
    step = record(lambda x, ids: x[ids], torch.ones(3, 2), T([2, 0])).steps[-1]
    assert isinstance(ops.reads(step)[0], GatherMap)


def test_indices_apart_from_each_other_put_their_axis_in_front():
    step = record(lambda x, i, j: x[:, i, :, j], torch.arange(48).view(2, 2, 3, 4), T([1, 0]), T([3, 2])).steps[-1]
    assert ops.reads(step)[0].cells((0, 1, 2)) == ((1, 1, 2, 3),)
    assert ops.reads(step)[0].cells((1, 0, 0)) == ((0, 0, 0, 2),)


def test_memory_overwritten_under_another_name_is_not_taken_for_an_index():
    def program(ids):
        column = ids.view(2, 1)
        ids.mul_(1)
        return column[...]

    step = record(program, torch.arange(2)).steps[-1]
    assert [(parent.name, parent.op) for parent in step.inputs] == [("column", "setitem")]
    (read,) = ops.reads(step)
    assert read.cells((1, 0)) == ((1, 0),)


def test_what_was_overwritten_by_scatter_is_no_longer_read():
    step = record(lambda x, index, y: x.scatter(1, index, y), torch.zeros(1, 3), T([[2, 2]]), torch.ones(1, 2)).steps[
        -1
    ]
    kept, _, sent = ops.reads(step)
    assert (kept.cells((0, 2)), sent.cells((0, 2))) == ((), ((0, 1),))
    assert (kept.cells((0, 1)), sent.cells((0, 1))) == (((0, 1),), ())


def test_places_are_counted_as_english_does():
    places = [ordinal(place, "largest") for place in (0, 1, 2, 3, 10, 11, 12, 20, 21, 110)]
    assert [place.partition(" ")[0] for place in places] == [
        *("largest", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "111th")
    ]


SCORES = T([[0.1, 0.7, 0.4, 0.2]])
ROWS = T([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])


@pytest.mark.parametrize(
    ("function", "tensors", "at", "says"),
    [
        (
            lambda x: x.topk(2),
            (SCORES,),
            (0, 1),
            "topk[1][0, 1] is the position of the 2nd largest of 4 numbers, x[0, every]: 0.4.",
        ),
        (
            lambda x: x.sort()[0],
            (SCORES,),
            (0, 3),
            "sort[1][0, 3] is the position of the 4th smallest of 4 numbers, x[0, every]: 0.7.",
        ),
        (
            lambda x: x.topk(2),
            (T([[1.0, 1.0, 0.0]]),),
            (0, 0),
            "topk[1][0, 0] is the position of the largest of 3 numbers, x[0, every]: 1, one of 2 that are equal.",
        ),
        (
            lambda x, index: x.gather(1, index),
            (ROWS, T([[1], [0], [1]])),
            (2, 0),
            "gather[2, 0] is x[2, 1]; index[2, 0] = 1 chooses its index along axis 1.",
        ),
        (
            lambda x, rows, columns: x[rows, columns],
            (ROWS, T([2, 0]), T([-1, 1])),
            (0,),
            "getitem[0] is x[2, 1]; rows[0] = 2 and columns[0] = −1 choose it.",
        ),
        (
            lambda x, mask: x[mask],
            (ROWS, T([True, False, True])),
            (1, 0),
            "getitem[1, 0] is x[2, 0], chosen by True number 2 of mask.",
        ),
        (
            lambda x, index, y: x.index_add(0, index, y),
            (ROWS, T([2, 2]), ROWS[:2] * 10),
            (2, 1),
            "index_add[2, 1] is the sum of x[2, 1] and what is sent here by index, y[0, 1] and y[1, 1].",
        ),
        (
            lambda x, index, y: x.index_add(0, index, y),
            (ROWS, T([2, 2]), ROWS[:2] * 10),
            (0, 1),
            "index_add[0, 1] is x[0, 1]; nothing is sent here by index.",
        ),
        (
            lambda x: F.pad(x, (1, 0), value=-1.0),
            (ROWS,),
            (0, 0),
            "pad[0, 0] is −1: it lies in the padding, where there is no element to read.",
        ),
        (
            lambda x: torch.bucketize(x, T([1.0, 2.0, 9.0])),
            (ROWS,),
            (0, 1),
            "bucketize[0, 1] is how many of 3 numbers, tensor[every], are below x[0, 1] = 2.",
        ),
        (
            lambda x: (x > 2).all(1),
            (ROWS,),
            (0,),
            "all[0] is False: 0 of 2 numbers, gt[0, every], are not 0.",
        ),
        (
            lambda x: torch.rand_like(x),
            (ROWS,),
            (0, 0),
            "rand_like[0, 0] was drawn at random: every number from 0 to 1 is as likely.",
        ),
        (
            lambda x: x.new_ones(2),
            (ROWS,),
            (0,),
            "new_ones[0] is 1: new_ones writes the same number everywhere, and reads none.",
        ),
    ],
)  # fmt: skip
def test_an_element_says_how_it_was_found(function, tensors, at, says):
    names = {1: lambda x: function(x), 2: function, 3: function}
    assert told(names[len(tensors)], *tensors, at=at) == says


def test_the_value_of_a_place_in_an_order_names_the_cell_it_took():
    trace = record(lambda x: x.topk(2), SCORES)
    values = trace.steps[0]
    assert (
        explain(trace, values, (0, 1)).sentence
        == "topk[0][0, 1] is x[0, 2], the 2nd largest of 4 numbers, x[0, every]."
    )


@pytest.mark.parametrize("name", ["cummax", "cummin"])
def test_the_largest_so_far_reads_all_up_to_it(name):
    trace = record(lambda x: getattr(x, name)(1), T([[2.0, 1.0, 3.0, 3.0]]))
    for step in trace.steps:
        (read,) = ops.reads(step)
        assert read.cells((0, 2)) == ((0, 0), (0, 1), (0, 2))
        assert all(explain(trace, step, out).agrees for out in indices(step.shape))


def test_the_largest_unsorted_numbers_are_told_by_their_own_place():
    trace = record(lambda x: x.topk(3, sorted=False), torch.randn(4, 50, generator=torch.Generator().manual_seed(1)))
    for step in trace.steps:
        assert all(explain(trace, step, out).agrees for out in indices(step.shape))


def test_pieces_and_grids_are_each_one_of_the_tensors_given():
    def program(x, y):
        torch.meshgrid(x, y, indexing="xy")
        torch.meshgrid(x, y, indexing="ij")
        torch.broadcast_tensors(x[:, None], y)
        y.tensor_split((1, 2))
        y.tensor_split(2)

    trace = record(program, T([1.0, 2.0]), T([3.0, 4.0, 5.0]))
    assert len(trace.steps) == 12
    for step in trace.steps:
        assert all(explain(trace, step, out).agrees for out in indices(step.shape))


def test_rows_behind_the_last_group_are_not_called_computed():
    trace = record(
        lambda x, w: torch._grouped_mm(x, w, offs=T([1, 2], dtype=torch.int32)), torch.ones(4, 4), torch.ones(2, 4, 4)
    )
    assert explain(trace, trace.steps[-1], (1, 0)).recomputed == 4
    assert explain(trace, trace.steps[-1], (3, 0)).recomputed is None


def test_a_mask_beside_numbers_and_a_diagonal_are_explained_and_walked_element_by_element():
    def write(x, y, ids):
        x[T([True, False, True]), None, ids] = y

    given = (torch.zeros(3, 4), T([[5.0], [6.0]]), T([3, 1]))
    trace = record(write, *given)
    step = trace.steps[-1]
    assert step.value.nonzero().tolist() == [[0, 3], [2, 1]]
    assert all(explain(trace, step, out).agrees for out in indices(step.shape))
    value = next(leaf for leaf in walk(trace, step, (2, 1)).leaves if leaf.tensor.name == "y")
    assert value.elements.tolist() == [[False], [True]]
    trace = record(lambda x: torch.einsum("bii->b", x), torch.arange(18.0).reshape(2, 3, 3))
    traced = explain(trace, trace.steps[0], (1,))
    assert [term.index for term in traced.terms] == [(1, 0, 0), (1, 1, 1), (1, 2, 2)]
    assert traced.sentence == "einsum[1] is 3 numbers added up, the diagonal of x[1, every, every]."
    (leaf,) = walk(trace, trace.steps[0], (1,)).leaves
    assert leaf.elements[1].tolist() == torch.eye(3).bool().tolist()
    assert not leaf.elements[0].any()
