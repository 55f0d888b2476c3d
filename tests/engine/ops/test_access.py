import itertools
import json
import math

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import Config, Step, record, run
from engine.ops import reads
from engine.ops.access import AffineMap, AllIndices, GatherMap, NoAccess, SameIndex
from engine.ops.axis_groups import FlatMap
from engine.ops.conditions import Guard

F = torch.nn.functional
FEW = settings(max_examples=25, suppress_health_check=list(HealthCheck))


def recorded(function, *tensors) -> Step:
    return record(function, *tensors).steps[-1]


def indices(shape):
    return itertools.product(*map(range, shape))


def claimed(step: Step, number: int) -> set:
    """Every (output index, input index) that the map of one input says depend on each other."""
    read = reads(step)[number]
    return {(out, cell) for out in indices(step.shape) for cell in read.cells(out)}


def seen(function, tensors, number: int) -> set:
    """The same found out by force: one input cell made NaN at a time, and the output cells that become NaN."""
    before = function(*tensors)
    assert not before.isnan().any()
    pairs = set()
    for cell in indices(tensors[number].shape):
        spoiled = [tensor.clone() for tensor in tensors]
        spoiled[number][cell] = math.nan
        after = function(*spoiled)
        pairs |= {(tuple(out), cell) for out in after.isnan().nonzero().tolist()}
    return pairs


def numbers(*shape: int) -> torch.Tensor:
    """Positive numbers, all different, so that no operation here swallows one."""
    return torch.linspace(0.3, 1.7, max(1, math.prod(shape)), dtype=torch.float64)[: math.prod(shape)].reshape(shape)


OPERATIONS = {
    "linear": (lambda x, w, b: F.linear(x, w, b), (2, 3), (4, 3), (4,)),
    "linear without bias": (lambda x, w: F.linear(x, w), (2, 2, 3), (4, 3)),
    "linear of one row": (lambda x, w, b: F.linear(x, w, b), (3,), (4, 3), (4,)),
    "matmul": (lambda x, y: x @ y, (2, 3), (3, 4)),
    "matmul with broadcast batches": (lambda x, y: x @ y, (2, 1, 2, 3), (4, 3, 2)),
    "matrix times vector": (lambda x, y: x @ y, (2, 2, 3), (3,)),
    "vector times matrix": (lambda x, y: x @ y, (3,), (2, 3, 2)),
    "dot product": (lambda x, y: torch.dot(x, y), (3,), (3,)),
    "bmm": (lambda x, y: torch.bmm(x, y), (2, 2, 3), (2, 3, 2)),
    "add with broadcasting": (lambda x, y: x + y, (2, 1, 3), (4, 1)),
    "add a single number": (lambda x, y: torch.add(x, y, alpha=2), (2, 3), ()),
    "subtract": (lambda x, y: x - y, (2, 3), (3,)),
    "multiply": (lambda x, y: x * y, (2, 3), (2, 3)),
    "divide": (lambda x, y: x / y, (2, 3), (2, 1)),
    "power": (lambda x, y: x**y, (2, 3), (3,)),
    "a number minus a tensor": (lambda x: 2 - x, (2, 3)),
    "mean of the last axis": (lambda x: x.mean(dim=-1, keepdim=True), (2, 3)),
    "mean of two axes": (lambda x: x.mean((0, 2)), (2, 3, 2)),
    "sum of everything": (lambda x: x.sum(), (2, 3)),
    "sum by axis=": (lambda x: x.sum(axis=0, keepdims=True), (2, 3)),
    "variance": (lambda x: x.var(dim=1, correction=0), (2, 3, 2)),
    "variance of everything": (lambda x: x.var(False), (2, 3)),
    "standard deviation": (lambda x: x.std(-1), (2, 3)),
    "softmax": (lambda x: x.softmax(dim=1), (2, 3, 2)),
    "log_softmax": (lambda x: F.log_softmax(x, dim=-1), (2, 3)),
    "gelu": (lambda x: F.gelu(x), (2, 3)),
    "relu in place": (lambda x: (x + 1).relu_(), (2, 3)),
    "clamp": (lambda x: x.clamp(0, 5), (2, 3)),
    "view": (lambda x: x.view(3, 4), (2, 6)),
    "view as one row": (lambda x: x.view(-1), (2, 3)),
    "reshape": (lambda x: x.reshape(2, 1, 6), (3, 4)),
    "flatten": (lambda x: x.flatten(1), (2, 3, 2)),
    "unflatten": (lambda x: x.unflatten(1, (2, 3)), (2, 6)),
    "permute": (lambda x: x.permute(2, 0, 1), (2, 3, 4)),
    "permute with a tuple": (lambda x: torch.permute(x, (-1, 0, 1)), (2, 3, 4)),
    "transpose": (lambda x: x.transpose(-2, -1), (2, 3, 4)),
    "swapaxes": (lambda x: x.swapaxes(0, 2), (2, 3, 4)),
    "t": (lambda x: x.t(), (2, 3)),
    "T": (lambda x: x.T, (2, 3)),
    "mT": (lambda x: x.mT, (2, 3, 4)),
    "contiguous": (lambda x: x.mT.contiguous(), (2, 3)),
    "clone": (lambda x: x.clone(), (2, 3)),
    "float": (lambda x: x.float(), (2, 3)),
    "unsqueeze": (lambda x: x.unsqueeze(-2), (2, 3)),
    "squeeze all": (lambda x: x.squeeze(), (1, 2, 1, 3)),
    "squeeze one": (lambda x: x.squeeze(-2), (1, 2, 1, 3)),
    "squeeze nothing": (lambda x: x.squeeze(1), (1, 2, 1)),
    "getitem": (lambda x: x[:, 1:3], (2, 4)),
    "getitem with everything": (lambda x: x[-1, None, ..., ::2, 0], (2, 3, 4, 2)),
    "getitem of one number": (lambda x: x[1, 2], (2, 3)),
    "expand": (lambda x: x.expand(4, 2, 3), (2, 1)),
    "expand keeping an axis": (lambda x: x.expand(-1, 3), (2, 1)),
    "stack": (lambda x, y: torch.stack([x, y], dim=1), (2, 3), (2, 3)),
    "cat": (lambda x, y: torch.cat((x, y), dim=-1), (2, 1), (2, 3)),
    "triu": (lambda x: x.triu(1), (2, 3, 4)),
    "tril": (lambda x: torch.tril(x, diagonal=-1), (4, 3)),
    "split": (lambda x: x.split([1, 2, 1], dim=1)[1], (2, 4)),
    "chunk": (lambda x: x.chunk(3, dim=-1)[2], (2, 5)),
    "unbind": (lambda x: x.unbind(1)[1], (2, 3)),
    "select": (lambda x: x.select(-1, -1), (2, 3)),
    "narrow": (lambda x: x.narrow(1, 1, 2), (2, 4)),
    "dropout at rest": (lambda x: F.dropout(x, 0.5, training=False), (2, 3)),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_output_cell_reads_exactly_the_input_cells_it_depends_on(name):
    function, *shapes = OPERATIONS[name]
    tensors = [numbers(*shape) for shape in shapes]
    trace = record(function, *tensors)
    # A piece of a split is one of several steps; an operation may follow one that only prepares it.
    step = trace.steps[-1] if name not in ("split", "chunk", "unbind") else trace.steps[{"chunk": 2}.get(name, 1)]
    for number, parent in enumerate(step.inputs):
        known = [i for i, tensor in enumerate(tensors) if tensor is parent.value]
        expected = seen(function, tensors, known[0] if known else 0)
        if name == "contiguous":  # the tensor it read is the transposed one
            expected = {(out, out) for out in indices(step.shape)}
        assert claimed(step, number) == expected


def assert_reads_of_the_jacobian(function, *inputs):
    """Every output element reads the input elements along which its derivative is not 0."""
    step = recorded(function, *inputs)
    rank = len(step.shape)
    for number, jacobian in enumerate(torch.autograd.functional.jacobian(function, inputs)):
        nonzero = {(tuple(index[:rank]), tuple(index[rank:])) for index in jacobian.nonzero().tolist()}
        assert claimed(step, number) == nonzero


SHAPES = st.lists(st.integers(1, 3), min_size=0, max_size=3).map(tuple)


@FEW
@given(shape=SHAPES, data=st.data())
def test_broadcasting_of_any_two_shapes_matches_the_jacobian(shape, data):
    cut = data.draw(st.integers(0, len(shape)))
    other = tuple(data.draw(st.sampled_from((1, size))) for size in shape[cut:])
    x, y = numbers(*shape), numbers(*other)
    first, second = (x, y) if data.draw(st.booleans()) else (y, x)
    assert_reads_of_the_jacobian(torch.mul, first, second)


@FEW
@given(
    batch=SHAPES.filter(lambda shape: len(shape) < 3),
    rows=st.integers(0, 3),
    inner=st.integers(1, 3),
    columns=st.integers(0, 3),
    data=st.data(),
)
def test_matmul_of_any_ranks_matches_the_jacobian(batch, rows, inner, columns, data):
    # 0 rows or columns stands for a vector.
    left = (*(data.draw(st.sampled_from((1, size))) for size in batch), rows, inner) if rows else (inner,)
    right = (*batch[data.draw(st.integers(0, len(batch))) :], inner, columns) if columns else (inner,)
    x, y = numbers(*left), numbers(*right)
    assert_reads_of_the_jacobian(torch.matmul, x, y)


@FEW
@given(shape=st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple), data=st.data())
def test_any_layout_change_reads_the_cell_that_holds_the_same_number(shape, data):
    x = torch.arange(math.prod(shape)).reshape(shape)
    order = data.draw(st.permutations(range(len(shape))))
    starts = [data.draw(st.integers(-size, size - 1)) for size in shape]
    steps = [data.draw(st.integers(1, 3)) for _ in shape]
    picks = [(slice(start, None, step), start, slice(None)) for start, step in zip(starts, steps, strict=True)]
    key = tuple(data.draw(st.sampled_from(pick)) for pick in picks)
    new = data.draw(st.integers(-len(shape) - 1, len(shape)))
    where = data.draw(st.integers(0, len(key)))

    def program(x):
        x.permute(order)
        x[key]
        x[(*key[:where], None, ..., *key[where:])]
        x.unsqueeze(new)
        x.squeeze()
        x.reshape(-1)
        x.reshape(shape[::-1])
        x.digamma()  # an operation without a map

    *known, last = record(program, x).steps
    for step in known:
        for out in indices(step.shape):
            (cell,) = reads(step)[0].cells(out)
            assert step.value[out] == x[cell]
    assert reads(last) is None


@FEW
@given(shape=st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple), data=st.data())
def test_any_reduction_reads_what_its_gradient_reaches(shape, data):
    dims = data.draw(st.lists(st.integers(0, len(shape) - 1), unique=True, max_size=len(shape)).map(tuple)) or None
    keep = data.draw(st.booleans())
    x = numbers(*shape)
    for function in (lambda x: x.sum(dims, keepdim=keep), lambda x: torch.mean(x, dim=dims, keepdim=keep)):
        step = recorded(function, x)
        jacobian = torch.autograd.functional.jacobian(function, x)
        rank = len(step.shape)
        assert claimed(step, 0) == {(tuple(p[:rank]), tuple(p[rank:])) for p in jacobian.nonzero().tolist()}


def test_embedding_reads_one_number_of_the_row_its_id_chooses():
    ids, table = torch.tensor([[2, 0], [1, 1]]), numbers(3, 2)
    step = recorded(lambda ids, table: F.embedding(ids, table), ids, table)
    chosen, row = reads(step)
    assert chosen.cells((1, 0, 1)) == ((1, 0),)
    assert row.cells((0, 0, 1)) == ((2, 1),)
    assert row.to_json() == {"kind": "gather", "axis": 0, "ids": 0, "rest": [{"out": 2}]}
    assert claimed(step, 1) == seen(lambda ids, table: F.embedding(ids, table), [ids, table], 1)


def test_rows_taken_by_number_read_the_row_counted_from_the_end_as_well():
    step = recorded(lambda x, ids: x[ids], numbers(4, 2), torch.tensor([3, -1, 0]))
    assert [reads(step)[0].cells((i, 1)) for i in range(3)] == [((3, 1),), ((3, 1),), ((0, 1),)]


def test_masked_fill_reads_one_score_and_one_bit_of_the_broadcast_mask():
    mask = torch.tensor([[True, False, False]])
    step = recorded(lambda x, mask: x.masked_fill(mask, -math.inf), numbers(2, 3), mask)
    score, bit = reads(step)
    assert score.cells((1, 2)) == ((1, 2),)
    assert bit.cells((1, 2)) == ((0, 2),)


def test_where_comparison_and_logic_read_one_cell_of_each():
    def program(x, y):
        larger = x > y
        either = larger | (x == 0.5)
        return torch.where(either, x, 0.0)

    trace = record(program, numbers(2, 3), numbers(3))
    for step in trace.steps:
        for read, parent in zip(reads(step), step.inputs, strict=True):
            expected = (1, 2) if len(parent.value.shape) == 2 else (2,)
            assert read.cells((1, 2)) == (expected,)


def test_constructors_read_nothing():
    def program(x):
        torch.arange(3)
        torch.ones(2, 3)
        torch.full((2,), 1.5)
        torch.zeros_like(x)

    arange, ones, full, zeros = record(program, numbers(2)).steps
    assert [reads(step) for step in (arange, ones, full)] == [(), (), ()]
    assert reads(zeros) == (NoAccess(),)
    assert reads(zeros)[0].cells((1,)) == ()


def test_an_operation_without_a_map_is_told_apart_from_one_that_reads_nothing():
    def program(x):
        torch.digamma(x)
        x.view(torch.int64)
        return torch.cdist(x, x)

    steps = record(program, numbers(2, 3)).steps
    assert [(step.op, reads(step)) for step in steps] == [(op, None) for op in ("digamma", "view", "cdist")]


def test_a_read_of_memory_overwritten_under_another_name_is_not_taken_for_a_second_operand():
    def program(x):
        row = x.view(-1)
        x.mul_(2)
        return row.exp()

    step = recorded(program, numbers(2, 2))
    assert [(parent.name, parent.op) for parent in step.inputs] == [("row", "setitem")]
    (read,) = reads(step)
    assert read.cells((3,)) == ((3,),)


def test_the_json_forms_are_those_the_tensor_view_reads():
    def forms(function, *tensors):
        return [read.to_json() for read in reads(recorded(function, *tensors))]

    x = numbers(2, 4)
    assert forms(lambda x: x[:, 1::2], x) == [
        {"kind": "affine", "axes": [{"out": 0}, {"out": 1, "start": 1, "step": 2}]}
    ]
    assert forms(lambda x: x[1], x) == [{"kind": "affine", "axes": [{"at": 1}, {"out": 0}]}]
    assert forms(lambda x: x.softmax(-1), x) == [{"kind": "affine", "axes": [{"out": 0}, {"all": True}]}]
    assert forms(lambda x: x.view(8), x) == [{"kind": "flat"}]
    assert forms(lambda x: torch.zeros_like(x), x) == [{"kind": "none"}]
    assert forms(lambda x: torch.stack([x, x]), x)[1] == {
        "kind": "affine",
        "axes": [{"out": 1}, {"out": 2}],
        "when": {"out": 0, "first": 1, "end": 2},
    }
    assert forms(lambda x: x.tril(), x)[0]["when"] == {"out": 1, "end": 1, "minus": 0}
    assert forms(lambda x: torch.cat([x, x], 1), x)[1]["axes"] == [{"out": 0}, {"out": 1, "start": -4, "step": 1}]


def test_every_step_of_the_transformer_has_a_map_that_is_plain_data():
    trace = run(Config(encoder_layers=1, decoder_layers=1))
    for step in trace.steps:
        found = reads(step)
        assert found is not None, step.op
        assert len(found) == len(step.inputs)
        for read in found:
            assert json.loads(json.dumps(read.to_json())) == read.to_json()


def test_a_map_is_known_without_numbers():
    step = recorded(lambda x: x.mT, torch.empty(2, 3, device="meta"))
    assert reads(step) == (AffineMap((2, 3), (SameIndex(1), SameIndex(0))),)


def test_reads_of_the_same_kind_are_equal():
    assert AffineMap((2,), (AllIndices(),), Guard(0, 0, 1)) == AffineMap((2,), (AllIndices(),), Guard(0, 0, 1))
    assert FlatMap((2, 3), (6,)).cells((4,)) == ((1, 1),)
    assert GatherMap((3, 2), 0, 0, (SameIndex(1),), torch.tensor([2])).ranges((0, 1)) == (range(2, 3), range(1, 2))


def test_a_row_of_a_thousand_is_one_range():
    x = torch.empty(4, 1024)
    read = reads(recorded(lambda x: x.sum(1), x))[0]
    assert read.ranges((3,)) == (range(3, 4), range(1024))
    assert len(read.cells((3,))) == 1024


def test_a_view_moves_numbers_only_where_sizes_other_than_1_change():
    assert FlatMap((2, 3), (6,)).moves((6,))
    assert FlatMap((2, 3), (3, 2)).moves((3, 2))
    assert not FlatMap((2, 1, 3), (2, 3)).moves((2, 3))
