"""Calls of what torch.compile compiled: the recorder changes nothing there, and each is one step that opens."""

import sys

import pytest
import torch
from torch import nn
from torch.nn.attention.flex_attention import flex_attention

from engine import explain, record, recording
from engine.record.trace import Leaf

pytestmark = pytest.mark.filterwarnings("ignore:flex_attention called without")
X = torch.arange(12.0).reshape(3, 4) / 7


def halves_and_one(x):
    halves = x / 2
    return halves.sum(-1) + 1


@pytest.fixture(autouse=True, scope="module")
def fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.mark.parametrize("fullgraph", [True, False])
def test_a_compiled_function_is_one_step_with_the_original_inside(fullgraph):
    compiled = torch.compile(halves_and_one, backend="eager", fullgraph=fullgraph)

    def around(x):
        y = x + 1
        total = compiled(y)
        return total * 3

    trace = record(around, X)
    assert torch.equal(trace.output, halves_and_one(X + 1) * 3)
    assert [(step.op, step.name) for step in trace.steps] == [("add", "y"), ("torch_compile", "total"), ("mul", "mul")]
    call = trace.steps[1]
    assert call.parents[0] is trace.steps[0]
    assert trace.steps[2].parents[0] is call
    assert [step.op for step in call.inside.steps] == ["div", "sum", "add"]
    assert call.inside_difference == 0
    assert explain(trace, trace.steps[2], (1,)).agrees


def test_the_compiler_sees_the_program_and_no_recorder():
    graphs = []

    def backend(graph, inputs):
        graphs.append([node.target.__name__ for node in graph.graph.nodes if node.op == "call_function"])
        return graph.forward

    compiled = torch.compile(lambda x: x.exp() - x, backend=backend, fullgraph=True)
    trace = record(lambda x: compiled(x), X)
    compiled(X)  # is compiled once, for the recorder and without it
    record(lambda x: compiled(x), X)
    assert len(graphs) == 1
    assert torch.equal(trace.output, X.exp() - X)


def test_the_parameters_of_a_compiled_module_are_parents():
    torch.manual_seed(0)
    layer = nn.Linear(4, 2)
    compiled = torch.compile(layer, backend="eager")
    trace = record(lambda x: compiled(x), X)
    assert torch.equal(trace.output, layer(X))
    (step,) = trace.steps
    parents = [parent.value for parent in step.parents if isinstance(parent, Leaf)]
    assert any(value is layer.weight for value in parents)
    assert any(value is layer.bias for value in parents)
    assert [inner.op for inner in step.inside.steps] == ["linear"]


def test_flex_attention_computes_what_it_computes_unrecorded():
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 1, 2, 4, 8)

    def attend(query, key, value):
        causal = flex_attention(query, key, value, lambda score, b, h, q, k: torch.where(q >= k, score, -1e9))
        return causal * 2

    trace = record(attend, query, key, value)
    plain = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True) * 2
    assert torch.equal(trace.output, attend(query, key, value))
    assert torch.allclose(trace.output, plain, atol=1e-6)
    assert trace.steps[-2].op == "torch_compile"
    assert trace.steps[-1].op == "mul"
    assert trace.steps[-1].parents[0].op == "torch_compile"


def test_an_error_in_compiled_code_leaves_the_recorder_watching():
    def refuses(x):
        raise ValueError("not this")

    compiled = torch.compile(refuses, backend="eager")
    with recording() as block:
        y = X * 2
        with pytest.raises(ValueError, match="not this"):
            compiled(y)
        y - 1
    assert [step.op for step in block.trace.steps] == ["mul", "sub"]


def test_two_recordings_both_have_the_call():
    compiled = torch.compile(halves_and_one, backend="eager")
    with recording() as outer:
        inner = record(compiled, X)
    assert [step.op for step in inner.steps] == ["torch_compile"]
    assert [step.op for step in outer.trace.steps] == ["torch_compile"]


def test_nothing_is_left_in_the_compiler():
    record(torch.compile(halves_and_one, backend="eager"), X)
    from torch._C._dynamo import eval_frame

    for module in (eval_frame, sys.modules["torch._dynamo.eval_frame"]):
        assert module.set_eval_frame.__module__ != "engine.record.watching.compiled_calls"
    assert sys.modules["torch._dynamo.eval_frame"]._maybe_set_eval_frame is eval_frame.set_eval_frame
    assert torch.overrides.has_torch_function.__module__ != "engine.record.watching.fast_path"


def test_a_compiled_module_is_computed_again_from_its_own_arguments():
    torch.manual_seed(0)
    layer = nn.Linear(4, 2)
    compiled = torch.compile(layer, backend="eager")
    (step,) = record(lambda x: compiled(x), X).steps
    assert torch.equal(step.recompute(), layer(X))


def test_other_modes_of_the_program_stay_while_compiled_code_runs():
    compiled = torch.compile(lambda x: x + torch.ones(x.shape), backend="eager")

    def program(x):
        with torch.device("meta"):
            return compiled(x.to("meta"))

    trace = record(program, X)
    assert trace.output.device.type == "meta"
    assert [step.op for step in trace.steps] == ["to", "torch_compile"]


def test_the_buffers_of_a_compiled_module_are_parents():
    norm = nn.BatchNorm1d(4).eval()
    compiled = torch.compile(norm, backend="eager")
    (step,) = record(lambda x: compiled(x), X).steps
    assert any(parent.value is norm.running_mean for parent in step.parents)


def test_a_compiled_call_without_a_tensor_in_its_result_is_no_step():
    compiled = torch.compile(lambda x: x.shape[0] + 1, backend="eager")
    trace = record(lambda x: x * compiled(x), X)
    assert [step.op for step in trace.steps] == ["mul"]


def test_tensors_inside_what_a_compiled_call_returns_are_its_results():
    compiled = torch.compile(lambda x: {"twice": x * 2, "more": [x + 1, 3]}, backend="eager")

    def program(x):
        result = compiled(x)
        return result["twice"] - result["more"][0]

    trace = record(program, X)
    assert torch.equal(trace.output, X * 2 - (X + 1))
    twice, more, difference = trace.steps
    assert (twice.op, more.op) == ("torch_compile", "torch_compile")
    assert difference.parents == (twice, more)
    assert twice.inside_difference == more.inside_difference == 0


class Result:
    def __init__(self, hidden):
        self.hidden = hidden


def test_tensors_in_the_attributes_of_what_a_compiled_call_returns_are_its_results():
    compiled = torch.compile(lambda x: Result(x.exp()), backend="eager")
    trace = record(lambda x: compiled(x).hidden + 1, X)
    assert [step.op for step in trace.steps] == ["torch_compile", "add"]
    assert trace.steps[1].parents[0] is trace.steps[0]


def test_a_call_inside_compiled_code_that_is_compiled_too_is_part_of_it():
    inner = torch.compile(halves_and_one, backend="eager")
    outer = torch.compile(lambda x: inner(x * 4) - 2, backend="eager")
    trace = record(lambda x: outer(x), X)
    assert torch.equal(trace.output, halves_and_one(X * 4) - 2)
    assert [step.op for step in trace.steps] == ["torch_compile"]


@pytest.mark.parametrize("backend", ["aot_eager"])
def test_a_backend_that_traces_the_gradients_too_changes_nothing(backend):
    torch.manual_seed(0)
    layer = nn.MultiheadAttention(4, 2, batch_first=True)
    compiled = torch.compile(layer, backend=backend)
    rows = X[None].clone().requires_grad_()
    trace = record(lambda x: compiled(x, x, x), rows)
    output, weights = trace.output
    plain_output, plain_weights = layer(rows, rows, rows)
    assert torch.equal(output, plain_output)
    assert torch.equal(weights, plain_weights)
    assert [step.op for step in trace.steps] == ["torch_compile", "torch_compile"]
    (gradient,) = torch.autograd.grad(output.sum(), rows)
    (plain_gradient,) = torch.autograd.grad(plain_output.sum(), rows)
    assert torch.allclose(gradient, plain_gradient, atol=1e-6)
