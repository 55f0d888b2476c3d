"""A carried name stays with its numbers, however they are moved."""

import itertools
import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from engine import record
from engine.record.axis_names.labels import Label, regrouped

SIZES = (2, 3, 4)


@st.composite
def movements(draw):
    """Calls that move axes, each as a function of a tensor."""
    steps = []
    rank = 3
    for _ in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(("permute", "unsqueeze", "flatten", "transpose", "unflatten", "flip")))
        if kind == "permute":
            order = draw(st.permutations(range(rank)))
            steps.append(lambda x, order=tuple(order): x.permute(order))
        elif kind == "transpose":
            a, b = draw(st.integers(0, rank - 1)), draw(st.integers(0, rank - 1))
            steps.append(lambda x, a=a, b=b: x.transpose(a, b))
        elif kind == "unsqueeze" and rank < 5:
            at = draw(st.integers(0, rank))
            rank += 1
            steps.append(lambda x, at=at: x.unsqueeze(at))
        elif kind == "flatten" and rank > 2:
            at = draw(st.integers(0, rank - 2))
            rank -= 1
            steps.append(lambda x, at=at: x.flatten(at, at + 1))
        elif kind == "unflatten" and rank < 5:
            at = draw(st.integers(0, rank - 1))
            rank += 1
            steps.append(lambda x, at=at: _halved(x, at))
    return steps


def _halved(x, at):
    size = x.shape[at]
    return x.reshape(*x.shape[:at], *((2, size // 2) if size % 2 == 0 else (1, size)), *x.shape[at + 1 :])


@given(movements(), st.sampled_from((SIZES, (4, 4, 4))))
def test_along_a_named_axis_the_index_of_the_axis_it_is_named_after_runs(moves, sizes):
    def program(x: 'F[T, "P Q R"]'):  # noqa: F722, F821
        for move in moves:
            x = move(x)
        return x

    indices = dict(zip("PQR", torch.meshgrid(*map(torch.arange, sizes), indexing="ij"), strict=True))
    for step in record(program, torch.rand(sizes)).steps:
        for name, index in indices.items():
            here = index
            for move in moves[: step.index + 1]:
                here = move(here)
            if here.shape != step.value.shape:
                continue
            for axis, symbol in enumerate(step.axes):
                if symbol == name:
                    along = torch.arange(step.shape[axis]).view([-1 if a == axis else 1 for a in range(here.dim())])
                    assert torch.equal(here, along.expand_as(here))


@given(st.lists(st.integers(2, 5), min_size=1, max_size=6), st.data())
def test_a_view_keeps_whole_factors_whole(factors, data):
    names = [Label.of(f"f{number}", size) for number, size in enumerate(factors)]

    def grouped():
        cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(names) - 1))))) if len(names) > 1 else []
        bounds = [0, *cuts, len(names)]
        return [names[a:b] for a, b in itertools.pairwise(bounds) if a < b]

    before, after = grouped(), grouped()
    labels, wanted = (
        [Label(tuple(factor for label in group for factor in label.factors)) for group in groups]
        for groups in (before, after)
    )
    shape, out_shape = ([math.prod(label.size for label in group) for group in groups] for groups in (before, after))
    assert regrouped(labels, shape, out_shape) == wanted


def test_parts_and_sums_of_axes_are_named_by_how_they_are_made():
    def program(x: 'F[T, "B L d_k"]'):  # noqa: F722, F821
        first, second = x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2 :]
        turned = torch.cat((-second, first), dim=-1)
        shifted = x[:, 1:]
        longer = torch.cat((x[:, :1].mean(1, keepdim=True), x), dim=1)
        some = x[:, :3]
        return turned, shifted, longer, some

    trace = record(program, torch.rand(2, 5, 8))
    named = {step.name: step.axes for step in trace.steps}
    assert named["first"] == named["second"] == ("B", "L", "d_k/2")
    assert named["turned"] == ("B", "L", "d_k")
    assert named["shifted"] == ("B", "L-1", "d_k")
    assert named["longer"] == ("B", "L+1", "d_k")
    assert named["some"] == ("B", None, "d_k")


def test_a_batch_of_one_keeps_its_name_beside_an_axis_of_one_that_has_none():
    def program(x: 'F[T, "L D"]', y: 'F[T, "B L D"]'):  # noqa: F722, F821
        return x[None] + y, y[:, None].flatten(0, 1)

    steps = record(program, torch.rand(5, 8), torch.rand(1, 5, 8)).steps
    assert [step.axes for step in steps if step.op != "getitem"] == [("B", "L", "D")] * 2


def test_every_other_entry_of_an_axis_is_not_the_axis():
    def program(x: 'F[T, "L D"]'):  # noqa: F722, F821
        return x[::2], x[1::2]

    assert [step.axes for step in record(program, torch.rand(6, 8)).steps] == [(None, "D")] * 2


def test_a_call_that_overwrites_keeps_the_axes():
    def program(x: 'F[T, "L D"]'):  # noqa: F722, F821
        y = x * 1
        y[2] = 0.0
        return y

    assert [step.axes for step in record(program, torch.rand(6, 8)).steps] == [("L", "D")] * 2


def test_an_axis_that_is_used_as_two_things_later_takes_neither_name():
    def first(x: 'F[T, "P"]', y):  # noqa: F821
        return x + y

    def second(x: 'F[T, "Q"]', y):  # noqa: F821
        return x + y

    def program(x, y, z):
        shared = z * 1
        return first(x * 1, shared), second(y * 1, shared)

    steps = record(program, torch.rand(4), torch.rand(4), torch.rand(4)).steps
    assert [step.axes for step in steps] == [(None,), ("P",), ("P",), ("Q",), ("Q",)]
