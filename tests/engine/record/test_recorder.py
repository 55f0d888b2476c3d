"""What the recorder catches, of any callable that people may hand it."""

import contextlib
import functools
import gc
import threading
import weakref

import einops
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode, _get_current_function_mode

from engine import record

X = torch.arange(12.0).view(3, 4)


def ops(trace):
    return [step.op for step in trace.steps]


def check(trace):
    """Every step recomputes to its value from what it read."""
    for step in trace.steps:
        torch.testing.assert_close(step.recompute(), step.value, rtol=0, atol=0, equal_nan=True)
    return trace


class Block(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.register_buffer("shift", torch.ones(width))

    def forward(self, x):
        hidden = self.linear(x)
        output = hidden * self.scale + self.shift
        return output


def test_every_call_that_returns_a_tensor_is_a_step():
    def program(x):
        y = x.view(4, 3)
        z = y.T @ torch.ones(4, 1)
        assert z.shape == (3, 1)
        assert z.dtype == torch.float32
        assert z.size(0) == z.shape[0] == len(z) == 3
        assert z.is_contiguous()
        assert z.dim() == 2
        return z.sum() / 2

    assert ops(check(record(program, X))) == ["view", "T", "ones", "matmul", "sum", "div"]


def test_attribute_views_are_steps():
    def program(x):
        return x.T, x.mT, x.data, x.H, torch.complex(x, x).real

    trace = check(record(program, X))
    assert ops(trace) == ["T", "mT", "data", "H", "complex", "real"]
    assert [step.memory for step in trace.steps] == ["view", "view", "view", "view", "new", "view"]


def test_functions_that_return_several_tensors_give_a_step_for_each():
    def program(x):
        a, b = x.chunk(2, dim=-1)
        values, places = x.max(dim=1)
        top = x.topk(2)
        parts = torch.split(x, [1, 2])
        rows = x.unbind()
        return a, b, values, places, top, parts, rows

    trace = check(record(program, X))
    assert ops(trace) == ["chunk"] * 2 + ["max"] * 2 + ["topk"] * 2 + ["split"] * 2 + ["unbind"] * 3
    assert [step.output for step in trace.steps] == [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 2]
    names = ["a", "b", "values", "places", "top[0]", "top[1]", "parts[0]", "parts[1]", "rows[0]", "rows[1]", "rows[2]"]
    assert [step.name for step in trace.steps] == names
    assert trace.find("places").value.tolist() == [3, 3, 3]


def test_iterating_over_a_tensor_takes_it_apart():
    def program(x):
        total = sum(row * 2 for row in x)
        first, second, third = x
        return total + first + second + third

    trace = check(record(program, X))
    assert ops(trace)[:3] == ["unbind"] * 3
    assert trace.output.tolist() == [36.0, 45.0, 54.0, 63.0]
    assert trace.find("second").value.tolist() == [4.0, 5.0, 6.0, 7.0]


def test_a_call_that_returns_its_own_input_is_a_step_that_says_so():
    def program(x):
        y = x.contiguous()
        z = F.dropout(y, 0.5, training=False)
        w = z.to(torch.float32)
        return w + 1

    trace = record(program, X)
    assert [step.memory for step in trace.steps] == ["same", "same", "same", "new"]
    assert all(step.is_view for step in trace.steps[:3])
    # Whoever reads it afterwards reads the tensor that was there, not the call that did nothing.
    assert [parent.kind for parent in trace.steps[3].inputs] == ["input"]


def test_keyword_tensors_and_lists_of_tensors_are_parents():
    def program(x, mask):
        y = torch.add(input=x, other=mask, alpha=2)
        z = torch.cat([y, x], dim=0)
        w = torch.stack(tensors=[z, z])
        return w

    trace = check(record(program, X, mask=X + 1))
    y, z, w = trace.steps
    assert [str(parent) for parent in y.parents] == ["x", "mask", "alpha=2"]
    assert [str(parent) for parent in y.inputs] == ["x", "mask"]
    assert z.inputs[0] is y
    assert z.inputs[1].name == "x"
    assert w.inputs == (z, z)
    assert [(leaf.name, leaf.value) for leaf in z.arguments] == [("dim", 0)]


def test_a_list_that_grows_later_is_remembered_as_it_was():
    def program(x):
        seen = []
        for row in range(3):
            seen.append(x[row])
            joined = torch.cat(seen)
        seen.clear()
        return joined

    trace = check(record(program, X))
    assert [len(step.inputs) for step in trace.find_all("joined")] == [1, 2, 3]


def test_values_are_the_very_tensors_and_never_copies():
    kept = []

    def program(x):
        kept.append(x * 2)
        kept.append(kept[0].T)
        return kept[1]

    trace = record(program, X)
    assert [step.value for step in trace.steps] == kept
    assert all(step.value is tensor for step, tensor in zip(trace.steps, kept, strict=True))
    assert trace.output is kept[1]
    assert trace.steps[0].parents[0].value is X


def test_shape_stride_dtype_and_device_are_those_of_the_tensor():
    (step,) = record(lambda x: x.double().to(torch.int64).T, X).steps[2:]
    assert (step.shape, step.stride, step.dtype) == ((4, 3), (1, 4), torch.int64)
    assert step.device == torch.device("cpu")
    assert not step.is_contiguous
    assert step.nbytes == 96


@pytest.mark.parametrize(
    ("target", "given", "seen"),
    [
        (lambda x: x * 2, (X,), ["mul"]),
        (functools.partial(lambda x, k: x * k, k=3), (X,), ["mul"]),
        (functools.partial(functools.partial(torch.add, X), alpha=2), (X,), ["add"]),
        (X.add, (1,), ["add"]),
        (torch.relu, (X,), ["relu"]),
        (torch.nn.functional.softmax, (X, -1), ["softmax"]),
        (Block().forward, (X,), ["linear", "mul", "add"]),
        (functools.partial(Block()), (X,), ["linear", "mul", "add"]),
        (nn.ReLU(), (X,), ["relu"]),
        (nn.Identity(), (X,), []),
        (lambda: None, (), []),
        (lambda: torch.ones(2), (), ["ones"]),
    ],
)
def test_anything_callable_can_be_recorded(target, given, seen):
    assert ops(check(record(target, *given))) == seen


def test_inputs_have_the_names_of_the_parameters_that_took_them():
    def program(x, *rest, mask=None, **more):
        return x, rest, mask, more

    a, b, c, d, e = (torch.tensor(float(i)) for i in range(5))
    named = record(program, a, b, [c], mask=d, extra=e).inputs
    assert list(named) == ["x", "rest[0]", "rest[1][0]", "mask", "extra"]
    assert list(record(functools.partial(Block().forward), X).inputs) == ["x"]
    assert list(record(functools.partial(Block()), X).inputs) == ["x"]
    # One tensor given twice is the first of its names.
    assert str(record(lambda query, key: query * key, X, X).steps[0].parents[1]) == "query"


def test_functions_without_source_are_recorded_too():
    scope = {}
    exec("\n".join(("def program(x):", "    y = x * 2", "    return y.sum()")), scope)
    trace = check(record(scope["program"], X))
    assert [step.full_name for step in trace.steps] == ["mul", "sum"]
    assert trace.steps[0].source.line == 2


def test_decorators_generators_comprehensions_and_methods_are_seen_through():
    def doubled(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            result = function(*args, **kwargs)
            return result * 2

        return wrapper

    class Program:
        def rows(self, x):
            for place in range(2):
                row = x[place]
                yield row

        @doubled
        @torch.no_grad()
        def __call__(self, x):
            stacked = torch.stack([row + 1 for row in self.rows(x)])
            return stacked

    trace = check(record(Program(), X))
    assert [step.name for step in trace.steps] == ["row", "add", "row", "add", "stacked", "mul"]


def test_an_error_inside_comes_out_as_it_is_and_leaves_nothing_behind():
    class MineError(Exception):
        pass

    def program(x):
        y = x * 2
        raise MineError(y)

    with pytest.raises(MineError):
        record(program, X)
    assert _get_current_function_mode() is None
    with pytest.raises(RuntimeError, match="size of tensor"):
        record(lambda x: x + torch.ones(7), X)
    assert _get_current_function_mode() is None


def test_an_error_that_the_program_catches_is_no_step():
    def program(x):
        y = x * 2
        for wrong in (lambda: y.add_(torch.ones(7)), lambda: y @ y, lambda: y.view(5)):
            with contextlib.suppress(RuntimeError):
                wrong()
        z = y.contiguous()
        return z

    trace = check(record(program, X))
    assert ops(trace) == ["mul", "ones", "contiguous"]
    assert trace.find("z").memory == "same"


def test_a_recording_inside_a_recording_is_seen_by_both():
    inner = []

    def helper(x):
        middle = x * 3
        return middle

    def program(x):
        before = x + 1
        inner.append(record(helper, before))
        after = inner[0].output - 1
        return after

    outer = check(record(program, X))
    assert [step.name for step in outer.steps] == ["before", "middle", "after"]
    assert [step.name for step in inner[0].steps] == ["middle"]
    assert outer.find("middle").source.expression == "x * 3"
    assert outer.find("after").inputs == (outer.find("middle"),)


def test_threads_record_each_their_own():
    traces = {}
    barrier = threading.Barrier(4)

    def work(number):
        def program(x):
            y = x
            for _ in range(50):
                y = y + number
            return y

        barrier.wait()
        traces[number] = record(program, X)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, trace in traces.items():
        assert len(check(trace).steps) == 50
        assert torch.equal(trace.output, X + 50 * number)


def test_steps_resolved_by_many_threads_at_once_are_the_same_steps():
    trace = record(lambda x: [x + i for i in range(200)], X)
    seen = []
    barrier = threading.Barrier(4)

    def look():
        barrier.wait()
        seen.append(trace.steps)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(steps is trace.steps for steps in seen)


def test_other_modes_outside_and_inside_keep_working():
    class Count(TorchFunctionMode):
        calls = 0

        def __torch_function__(self, func, types, args=(), kwargs=None):
            Count.calls += 1
            return func(*args, **(kwargs or {}))

    def program(x):
        with torch.device("meta"):
            y = torch.ones(3)
        return x * 2, y

    with Count():
        trace = record(program, X)
    assert Count.calls >= 2
    assert ops(trace) == ["ones", "mul"]
    assert trace.steps[0].value.is_meta


def test_a_plain_torch_module_is_recorded_from_inside():
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Sequential(nn.Linear(3, 2)))
    trace = check(record(model, X))
    assert [(step.op, step.path) for step in trace.steps] == [("linear", "0"), ("relu", "1"), ("linear", "2.0")]
    assert [str(parent) for parent in trace.steps[2].inputs][1:] == ["2.0.weight", "2.0.bias"]


@pytest.mark.filterwarnings("ignore:.*nested tensor.*")
@pytest.mark.parametrize("grad", [True, False])
def test_torchs_own_layers_are_recorded(grad):
    x = torch.randn(2, 3, 4)
    layers = [
        nn.LSTM(4, 5, batch_first=True), nn.MultiheadAttention(4, 2, batch_first=True),
        nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), nn.BatchNorm1d(3), nn.Conv1d(3, 2, 2),
    ]  # fmt: skip
    for layer in layers:
        given = (x, x, x) if isinstance(layer, nn.MultiheadAttention) else (x,)
        with torch.set_grad_enabled(grad):
            trace = check(record(layer.eval(), *given))
        first = trace.output[0] if isinstance(trace.output, tuple) else trace.output
        assert any(step.value is first for step in trace.steps), layer


def test_scaled_dot_product_attention_is_one_step():
    q = torch.randn(1, 2, 3, 4)
    (step,) = check(record(F.scaled_dot_product_attention, q, q, q)).steps
    assert step.op == "scaled_dot_product_attention"
    # 2·3·3 pairs, each 2·4 to score, 2·4 to mix and 4 for its softmax.
    assert step.flops == 18 * (8 + 8 + 4)


def test_einops_is_seen_as_the_calls_it_makes_on_the_persons_line():
    def program(x):
        heads = einops.rearrange(x, "a (b c) -> b a c", b=2)
        product = einops.einsum(x, x, "a b, c b -> a c")
        return heads, product

    trace = check(record(program, X))
    assert ops(trace) == ["reshape", "permute", "einsum"]
    assert [step.name for step in trace.steps] == ["reshape", "heads", "product"]
    assert trace.steps[0].source.expression == 'einops.rearrange(x, "a (b c) -> b a c", b=2)'


def test_gradients_and_a_backward_pass_inside_are_no_hindrance():
    weight = torch.ones(4, requires_grad=True)

    def program(x):
        loss = (x * weight).sum()
        loss.backward()
        with torch.no_grad():
            stepped = weight - 0.1 * weight.grad
        return stepped

    trace = record(program, X)
    assert ops(trace) == ["mul", "sum", "mul", "sub"]
    assert trace.steps[0].value.requires_grad
    assert torch.equal(weight.grad, X.sum(0))
    assert not any(step.recompute().requires_grad for step in trace.steps)


def test_a_recording_in_inference_mode_recomputes_outside():
    with torch.inference_mode():
        trace = record(lambda x: Block()(x * 2).add_(1), X)
    assert [step.op for step in trace.steps][-4:] == ["linear", "mul", "add", "add_"]
    for step in trace.steps[-4:]:
        assert torch.equal(step.recompute(), step.value)


def test_nothing_of_a_recording_outlives_its_trace():
    class Holder:
        pass

    def program(x):
        holder = Holder()
        gone.append(weakref.ref(holder))
        values.append(weakref.ref(x * 2))
        return x + 1

    gone, values = [], []
    trace = record(program, X)
    gc.collect()
    assert gone[0]() is None  # the caller's variables are let go of at once
    assert values[0]() is not None  # the tensors live as long as the trace
    del trace
    gc.collect()
    assert values[0]() is None


def test_globals_of_a_recorded_script_are_let_go_of():
    class Big:
        pass

    scope = {"big": Big(), "__name__": "a_script"}
    seen = weakref.ref(scope["big"])
    exec("def program(x):\n    return x * 2\n", scope)
    trace = record(scope["program"], X)
    assert len(trace.steps) == 1
    del scope, trace
    gc.collect()
    assert seen() is None
