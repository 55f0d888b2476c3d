"""Torch's own modules compute the same recorded as unrecorded, on whichever path; nothing is left behind."""

import itertools
import threading

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode, has_torch_function

from engine import record, recording

pytestmark = pytest.mark.filterwarnings("ignore:.*nested tensor.*", "ignore:.*enable_nested_tensor.*")

X = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(0))
TARGET = torch.randn(2, 3, 16, generator=torch.Generator().manual_seed(1))
PADDING = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
CAUSAL = torch.ones(5, 5).triu(1).bool()


def layer(**options):
    return nn.TransformerEncoderLayer(16, 4, 32, **{"batch_first": True, **options})


MODULES = {
    "encoder": lambda: nn.TransformerEncoder(layer(), 2),
    "encoder with a norm": lambda: nn.TransformerEncoder(layer(norm_first=True), 2, nn.LayerNorm(16)),
    "encoder without nested tensors": lambda: nn.TransformerEncoder(layer(), 2, enable_nested_tensor=False),
    "encoder layer": layer,
    "encoder layer, gelu": lambda: layer(activation="gelu", norm_first=True),
    "encoder layer, batch second": lambda: layer(batch_first=False),
}
MASKS = {
    "no mask": {}, "padding": {"src_key_padding_mask": PADDING}, "causal": {"mask": CAUSAL},
    "both": {"mask": CAUSAL, "src_key_padding_mask": PADDING},
}  # fmt: skip


def call(module, masks):
    if isinstance(module, nn.TransformerEncoderLayer):
        masks = {"src_mask" if name == "mask" else name: mask for name, mask in masks.items()}
        if not module.self_attn.batch_first:
            return module(X.transpose(0, 1), **masks)
    return module(X, **masks)


def tensors(result):
    return [value for value in (result if isinstance(result, tuple) else (result,)) if value is not None]


def same_bits(left, right):
    assert [value.shape for value in tensors(left)] == [value.shape for value in tensors(right)]
    return all(
        torch.equal(a.nan_to_num(7), b.nan_to_num(7)) for a, b in zip(tensors(left), tensors(right), strict=True)
    )


def both(function, *, grad):
    """What a function returns unrecorded, and its trace, with the same random numbers."""
    with torch.set_grad_enabled(grad):
        torch.manual_seed(0)
        alone = function()
        torch.manual_seed(0)
        return alone, record(function)


@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("masks", MASKS)
@pytest.mark.parametrize("name", MODULES)
def test_encoders_compute_the_same_recorded(name, masks, training, grad):
    torch.manual_seed(0)
    module = MODULES[name]().train(training)
    alone, trace = both(lambda: call(module, MASKS[masks]), grad=grad)
    assert same_bits(alone, trace.output)
    # All is seen: what came out is a step, and so is everything it was made from.
    assert trace.steps[-1].value is trace.output


@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("options", list(itertools.product([True, False], [None, PADDING], [None, CAUSAL])))
def test_attention_computes_the_same_recorded(options, training, grad):
    torch.manual_seed(0)
    weights, padding, mask = options
    module = nn.MultiheadAttention(16, 4, dropout=0.1, batch_first=True).train(training)
    given = {"need_weights": weights, "key_padding_mask": padding, "attn_mask": mask}
    alone, trace = both(lambda: module(X, X, X, **given), grad=grad)
    assert same_bits(alone, trace.output)
    assert any(step.value is trace.output[0] for step in trace.steps)


@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_other_modules_of_torch_compute_the_same_recorded(training, grad):
    torch.manual_seed(0)
    image = torch.randn(2, 3, 8, 8)
    modules = [
        (nn.Transformer(16, 4, 1, 1, 32, batch_first=True), (X, TARGET)),
        (nn.TransformerDecoder(nn.TransformerDecoderLayer(16, 4, 32, batch_first=True), 2), (TARGET, X)),
        (nn.LSTM(16, 8, 2, batch_first=True, dropout=0.2, bidirectional=True), (X,)),
        (nn.GRU(16, 8, batch_first=True), (X,)), (nn.Sequential(nn.Linear(16, 8), nn.GELU(), nn.Dropout()), (X,)),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2)), (image,)),
        (nn.Sequential(nn.LayerNorm(16), nn.RMSNorm(16), nn.Softmax(-1)), (X,)), (nn.GroupNorm(3, 3), (image,)),
        (nn.Embedding(5, 4, max_norm=1.0), (torch.tensor([1, 2]),)), (nn.InstanceNorm2d(3), (image,)),
        (nn.EmbeddingBag(5, 4), (torch.tensor([[1, 2]]),)), (nn.Bilinear(16, 16, 2), (X, X)),
    ]  # fmt: skip
    for module, given in modules:
        module.train(training)
        if any(isinstance(part, nn.BatchNorm2d) for part in module.modules()):
            continue  # a forward pass in training changes it: below
        alone, trace = both(lambda module=module, given=given: module(*given), grad=grad)
        first = [tensors(result)[0] if isinstance(result, tuple) else result for result in (alone, trace.output)]
        assert same_bits(*first), module


def test_a_batch_norm_ends_with_the_same_statistics_recorded():
    torch.manual_seed(0)
    alone, recorded = nn.BatchNorm1d(5), nn.BatchNorm1d(5)
    for _ in range(2):
        assert torch.equal(alone(X), record(recorded, X).output)
    assert all(torch.equal(a, b) for a, b in zip(alone.buffers(), recorded.buffers(), strict=True))


def encoder_layer():
    torch.manual_seed(0)
    return layer().eval()


@torch.no_grad()
@pytest.mark.parametrize("masks", MASKS)
def test_a_fused_layer_is_one_step_with_its_plain_path_inside(masks):
    module = encoder_layer()
    trace = record(lambda: call(module, MASKS[masks]))
    step = trace.steps[-1]
    assert step.op == "_transformer_encoder_layer_fwd"
    # The plain path is what torch takes where gradients are wanted.
    with torch.enable_grad():
        plain = call(module, MASKS[masks]).detach()
    torch.testing.assert_close(step.inside.output, plain, rtol=0, atol=1e-6)
    assert [inner.path for inner in step.inside.steps if inner.op == "linear"] == ["linear1", "linear2"]
    assert step.inside_difference == (step.value - step.inside.output).abs().max().item()
    assert 0 < step.inside_difference < 2e-6
    torch.testing.assert_close(step.recompute(), step.value, rtol=0, atol=0)


@torch.no_grad()
def test_an_encoder_that_leaves_padding_out_is_one_step_with_its_plain_path_inside():
    torch.manual_seed(0)
    module = MODULES["encoder with a norm"]().eval()
    module = nn.TransformerEncoder(encoder_layer(), 2, nn.LayerNorm(16)).eval()
    alone = module(X, src_key_padding_mask=PADDING)
    trace = record(lambda x, padding: module(x, src_key_padding_mask=padding), X, PADDING)
    assert torch.equal(trace.output, alone)
    step = trace.find_all("output")[-1]
    assert step.op == "transformer_encoder"
    assert [str(parent) for parent in step.inputs if parent.kind == "input"] == ["x"]
    assert {parent.name for parent in step.inputs if parent.kind == "parameter"} == {
        f"layers.{number}.{name}" for number in (0, 1) for name, _ in module.layers[0].named_parameters()
    }
    with torch.enable_grad():
        module.norm = None
        plain = module(X, src_key_padding_mask=PADDING).detach()
    torch.testing.assert_close(step.inside.output, plain, rtol=0, atol=1e-6)
    # Fused, places of padding are zero; on the plain path they are not.
    assert step.value[PADDING].abs().max() == 0
    assert step.inside_difference == plain[PADDING].abs().max().item()
    torch.testing.assert_close(step.inside.output[~PADDING], step.value[~PADDING], rtol=0, atol=2e-6)
    torch.testing.assert_close(step.recompute(), step.value, rtol=0, atol=0)


@torch.no_grad()
@pytest.mark.parametrize("given", [{}, {"key_padding_mask": PADDING}, {"attn_mask": CAUSAL}])
def test_fused_attention_is_one_step_with_its_plain_path_inside(given):
    torch.manual_seed(0)
    module = nn.MultiheadAttention(16, 4, batch_first=True).eval()
    output, weights = record(lambda: module(X, X, X, **given)).steps[-2:]
    assert (output.op, weights.op) == ("_native_multi_head_attention",) * 2
    assert output.inside is weights.inside
    with torch.enable_grad():
        plain_output, plain_weights = module(X, X, X, **given)
    torch.testing.assert_close(output.inside.output, (plain_output, plain_weights), rtol=0, atol=1e-6)
    assert output.inside_difference < 1e-6
    assert weights.inside_difference == (weights.value - plain_weights).abs().max().item()


@torch.no_grad()
def test_the_inside_has_the_weights_of_then():
    module = encoder_layer()

    def program():
        before = module(X)
        module.linear2.weight.zero_()
        return before

    step = next(step for step in record(program).steps if step.op == "_transformer_encoder_layer_fwd")
    assert step.inside_difference < 2e-6


@torch.no_grad()
def test_a_module_that_was_opened_is_as_it_was():
    module = encoder_layer()
    before = {name: (id(tensor), tensor.clone()) for name, tensor in module.state_dict(keep_vars=True).items()}
    assert record(module, X).steps[-1].inside.steps
    after = module.state_dict(keep_vars=True)
    assert {name: id(tensor) for name, tensor in after.items()} == {name: key for name, (key, _) in before.items()}
    assert all(torch.equal(after[name], values) for name, (_, values) in before.items())


def nothing_is_left():
    hooks = nn.modules.module
    return torch.overrides.has_torch_function is has_torch_function and not (
        hooks._global_forward_hooks or hooks._global_forward_pre_hooks or hooks._global_backward_hooks
    )


@torch.no_grad()
def test_nothing_is_left_after_recordings_that_end_fail_or_nest():
    module = encoder_layer()
    alone = module(X)

    def failing():
        module(X)
        raise KeyError("mine")

    def nested():
        inner = record(module, X).output
        assert not nothing_is_left()
        return inner, module(X)

    assert nothing_is_left()
    for target in (failing, lambda: record(failing)):
        with pytest.raises(KeyError, match="mine"):
            record(target)
        assert nothing_is_left()
    assert all(torch.equal(output, alone) for output in record(nested).output)
    assert nothing_is_left()
    with recording() as outer, recording() as inner:
        output = module(X)
    assert nothing_is_left()
    assert torch.equal(output, alone)
    assert [step.op for step in outer.trace.steps] == [step.op for step in inner.trace.steps]


@torch.no_grad()
def test_recordings_in_several_threads_overlap_and_leave_other_threads_alone():
    module = encoder_layer()
    alone = module(X)
    started, ended = threading.Barrier(4), threading.Barrier(4)
    outputs = {}

    def work(number):
        with torch.no_grad():  # gradient mode belongs to a thread

            def program():
                started.wait()
                output = module(X)
                if number % 2:
                    ended.wait()
                return output

            # Two threads record, two do not; the recordings end before and after the others.
            outputs[number] = record(program).output if number < 2 else program()
            if not number % 2:
                ended.wait()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outputs) == 4
    assert all(torch.equal(output, alone) for output in outputs.values())
    assert nothing_is_left()


@torch.no_grad()
def test_where_another_mode_watches_torch_takes_the_path_it_takes_for_that_mode():
    class Watching(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            return func(*args, **(kwargs or {}))

    module = encoder_layer()
    with Watching():
        alone = module(X)
        trace = record(module, X)
    assert torch.equal(trace.output, alone)
    assert "_transformer_encoder_layer_fwd" not in [step.op for step in trace.steps]


@torch.no_grad()
def test_subclasses_of_tensors_are_asked_as_they_are_unrecorded():
    class Marked(torch.Tensor):
        pass

    marked = X.as_subclass(Marked)
    inside = []
    record(lambda: inside.append([torch.overrides.has_torch_function((value,)) for value in (X, marked, None, 3)]))
    assert inside == [[has_torch_function((value,)) for value in (X, marked, None, 3)]]
    assert inside == [[False, True, False, False]]


@pytest.mark.filterwarnings("ignore:.*is deprecated.*:DeprecationWarning")
def test_a_layer_can_be_compiled_while_it_is_recorded():
    module = nn.MultiheadAttention(16, 4, batch_first=True).eval()
    with torch.no_grad():
        alone = module(X, X, X)[0]
        scripted = record(lambda: torch.jit.script(module)(X, X, X)[0]).output
    torch.testing.assert_close(scripted, alone)


def test_functional_attention_computes_the_same_recorded():
    query = X.view(2, 5, 4, 4).transpose(1, 2)
    alone = F.scaled_dot_product_attention(query, query, query, is_causal=True)
    assert torch.equal(record(F.scaled_dot_product_attention, query, query, query, is_causal=True).output, alone)
