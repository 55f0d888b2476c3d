"""Names, paths and parents of steps."""

import pytest
import torch
from torch import nn

from engine import Config, explain, record, run
from engine.runtime.forward import build_model

X = torch.arange(12.0).view(3, 4)


class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x):
        hidden = self.linear(x)
        return hidden


class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Inner()
        self.again = self.first
        self.blocks = nn.ModuleList(Inner() for _ in range(2))
        self.tied = nn.Parameter(torch.ones(4))
        self.register_buffer("offset", torch.ones(4))

    def forward(self, x):
        once = self.first(x)
        twice = self.again(once)
        for block in self.blocks:
            twice = block(twice)
        scaled = self.helper(twice)
        return scaled + self.offset

    def helper(self, x):
        return shared_helper(x, self.tied)


def shared_helper(x, weight):
    scaled = x * weight
    return scaled


def names(trace):
    return [step.full_name for step in trace.steps]


def test_a_step_is_called_by_module_path_and_assigned_name():
    trace = record(Outer(), X)
    assert names(trace) == ["first.hidden", "first.hidden", "blocks.0.hidden", "blocks.1.hidden", "scaled", "add"]


def test_a_module_called_twice_keeps_its_first_path_and_both_steps():
    trace = record(Outer(), X)
    one, two = trace.find_all("first.hidden")
    assert two.inputs[0] is one
    assert trace.find("first.hidden") is two


def test_parameters_and_buffers_have_their_path_in_the_recorded_module():
    trace = record(Outer(), X)
    leaves = {(leaf.kind, leaf.name) for step in trace.steps for leaf in step.inputs if leaf.kind != "step"}
    assert leaves == {
        ("input", "x"), ("parameter", "first.linear.weight"), ("parameter", "first.linear.bias"),
        ("parameter", "blocks.0.linear.weight"), ("parameter", "blocks.0.linear.bias"),
        ("parameter", "blocks.1.linear.weight"), ("parameter", "blocks.1.linear.bias"),
        ("parameter", "tied"), ("buffer", "offset"),
    }  # fmt: skip


def test_a_function_that_calls_one_module_has_that_modules_paths():
    model = Outer()
    assert names(record(lambda x: model(x), X)) == names(record(model, X))


def test_a_function_that_calls_two_modules_tells_them_apart():
    one, two = Outer(), Inner()

    def program(x):
        return two(one(x)) * 2

    trace = record(program, X)
    assert names(trace)[0] == "outer_0.first.hidden"
    assert names(trace)[-2:] == ["inner_1.hidden", "mul"]
    assert [str(leaf) for leaf in trace.steps[-2].inputs[1:]] == ["inner_1.linear.weight", "inner_1.linear.bias"]


def test_plain_torch_modules_called_by_a_function_have_named_parameters():
    linear, sequence = nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 3), nn.Tanh())

    def program(x):
        y = linear(x)
        z = sequence(y)
        return z

    y, inner, z = record(program, X).steps
    assert [(leaf.kind, leaf.name) for leaf in y.inputs] == [
        ("input", "x"), ("parameter", "linear_0.weight"), ("parameter", "linear_0.bias"),
    ]  # fmt: skip
    assert [leaf.name for leaf in inner.inputs[1:]] == ["sequential_1.0.weight", "sequential_1.0.bias"]
    assert (y.name, inner.name, z.name) == ("y", "linear", "z")


def test_a_parameter_of_no_recorded_module_is_still_a_parameter():
    weight = nn.Parameter(torch.ones(4))
    constant = torch.ones(4)
    step = record(lambda x: x * weight + constant, X).steps[0]
    assert step.inputs[1].kind == "parameter"
    assert record(lambda x: x + constant, X).steps[0].inputs[1].kind == "constant"


def test_the_same_leaf_read_twice_is_one_object():
    constant = torch.ones(4)
    one, two = record(lambda x: (x + constant, x * constant), X).steps
    assert one.inputs[0] is two.inputs[0]
    assert one.inputs[1] is two.inputs[1]


def test_arguments_that_are_no_tensors_are_parents_too():
    (step,) = record(lambda x: x.sum(1, keepdim=True), X).steps
    assert [(leaf.kind, leaf.name, leaf.value) for leaf in step.arguments] == [
        ("argument", "", 1), ("argument", "keepdim", True),
    ]  # fmt: skip
    assert [str(parent) for parent in step.parents] == ["x", "1", "keepdim=True"]
    assert step.inputs + step.arguments == step.parents


def test_tensors_deep_inside_an_index_are_parents():
    rows, columns = torch.tensor([0, 2]), torch.tensor([1, 3])
    (step,) = record(lambda x: x[rows, columns], X).steps
    assert step.value.tolist() == [1, 11]
    assert [parent.kind for parent in step.inputs] == ["input", "constant", "constant"]
    mixed = record(lambda x: x[:, [columns[0], 2]], X).steps[-1]
    assert mixed.recompute().tolist() == mixed.value.tolist()


@pytest.mark.parametrize(
    ("program", "op"),
    [
        (lambda x: x / 2, "div"), (lambda x: torch.div(x, 2), "div"), (lambda x: 2 - x, "sub"), (lambda x: x**2, "pow"),
        (lambda x: 2**x, "pow"), (lambda x: x @ x.T, "matmul"), (lambda x: 3 * x, "mul"), (lambda x: x == 2, "eq"),
        (lambda x: ~(x > 2), "bitwise_not"), (lambda x: (x > 2) | (x < 1), "bitwise_or"), (lambda x: -x, "neg"),
        (lambda x: (x > 2) & (x < 1), "bitwise_and"), (lambda x: (x > 2) ^ (x < 1), "bitwise_xor"),
        (lambda x: x[0], "getitem"), (lambda x: x // 2, "floordiv"), (lambda x: abs(x), "abs"), (lambda x: x.T, "T"),
        (lambda x: x.softmax(-1), "softmax"), (lambda x: torch.softmax(x, -1), "softmax"),
    ],
)  # fmt: skip
def test_an_operation_has_one_name_however_it_is_written(program, op):
    assert record(program, X).steps[-1].op == op


def test_views_new_memory_and_the_same_tensor_are_told_apart():
    def program(x):
        return x.view(-1), x.T, x.T.contiguous(), x.expand(2, 3, 4), x[1:], x[:0], x.clone(), x.reshape(4, 3), x.to(x)

    trace = record(program, X)
    found = {f"{step.op}{step.index}": step.memory for step in trace.steps}
    assert list(found.values()) == [
        "view", "view", "view", "new", "view", "view", "view", "new", "view", "same",
    ]  # fmt: skip
    assert [step.is_view for step in trace.steps].count(False) == 2


def test_the_walk_back_from_the_last_step_of_a_run_reaches_both_inputs_and_every_parameter():
    trace = run(Config())
    waiting, steps, leaves = [trace.steps[-1]], set(), set()
    while waiting:
        step = waiting.pop()
        if step.index in steps:
            continue
        steps.add(step.index)
        for parent in step.inputs:
            if parent.kind == "step":
                assert parent.index < step.index
                assert trace.steps[parent.index] is parent
                waiting.append(parent)
            else:
                leaves.add((parent.kind, parent.name))
    # Nothing reads a call that did nothing: the tensor is the one of the step before.
    assert [step.memory for step in trace.steps if step.index not in steps] == ["same", "same"]
    assert {"source", "target"} == {name for kind, name in leaves if kind == "input"}
    assert {name for kind, name in leaves if kind == "parameter"} == dict(
        build_model(Config()).named_parameters()
    ).keys()
    assert {kind for kind, _ in leaves} == {"input", "parameter"}


def test_the_length_axes_of_a_run_are_called_by_whose_tokens_they_hold():
    trace = run(Config())
    axes = {name: trace.find(name).axes for name in (
        "encoder.layers.0.self_attention.scores", "decoder.layers.0.self_attention.scores",
        "decoder.layers.0.cross_attention.scores", "source_embedding.scaled", "target_position.waves",
    )}  # fmt: skip
    assert list(axes.values()) == [
        ("B", "H", "S", "S"), ("B", "H", "T", "T"), ("B", "H", "T", "S"), ("B", "S", "d_model"), ("T", "F*P"),
    ]  # fmt: skip


def test_axes_come_only_with_a_comment_that_fits():
    def program(x):
        right = x * 1  # (B, d_model)
        wrong = x * 2  # (B, T, d_model)
        none = x * 3
        sized = x * 4  # (B, 4)
        arrow = x.T  # (B, S) -> (S, B)
        part = (x * 5).sum(0)  # (S)
        return right, wrong, none, sized, arrow, part

    axes = {step.name: step.axes for step in record(program, X).steps}
    assert axes == {
        "right": ("B", "d_model"), "wrong": (None, None), "none": (None, None), "sized": ("B", None),
        "arrow": ("S", "B"), "mul": (None, None), "part": ("S",),
    }  # fmt: skip


def test_of_several_lines_that_called_for_a_result_the_nearest_names_its_axes():
    def inner(x):
        return x * 2

    def outer(x):
        return inner(x)  # (B, d_model)

    def program(x):
        doubled = outer(x)  # (S, d_k)
        return doubled

    (step,) = record(program, X).steps
    assert step.axes == ("B", "d_model")


def test_an_axis_that_is_only_there_to_broadcast_is_called_1():
    def program(x):
        row = x[:1] * 1.0  # (1, d_model)
        return row

    assert record(program, X).find("row").axes == ("1", "d_model")


def test_tensors_given_by_keyword_in_any_order_are_read_as_what_they_were_given_as():
    condition, other = torch.tensor([True, False, True, False]), torch.full((4,), -1.0)
    weight, bias = torch.ones(2, 4) * 3, torch.tensor([10.0, 20.0])
    (chosen,) = record(lambda x: torch.where(other=other, input=x, condition=condition), X).steps
    (linear,) = record(lambda x: nn.functional.linear(bias=bias, weight=weight, input=x), X).steps
    (joined,) = record(lambda x: torch.cat(tensors=[x, x + 1], dim=1), X).steps[-1:]
    (less,) = record(lambda x: torch.sub(other=x, input=other), X).steps
    for step in (chosen, linear, joined, less):
        trace = record(lambda: None)
        for index in ((0, 1), (2, 0)):
            assert explain(trace, step, index).agrees, step.op
    assert chosen.keywords == ("other", "input", "condition")
    assert [parent.kind for parent in chosen.inputs] == ["constant", "input", "constant"]
