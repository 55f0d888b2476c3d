"""Faults put into a model, each found at the step where it was put in."""

import copy

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from engine import Config, compare, record, run
from engine.compare import Verdict
from engine.model.transformer import Transformer
from engine.model.weights import build
from tests.engine.published_models import published_model

CONFIG = Config()
SOURCE, TARGET = torch.tensor([[3, 4, 5, 6, 0], [7, 8, 9, 10, 11]]), torch.tensor([[1, 4, 5, 0], [1, 6, 7, 8]])


def ours() -> tuple[nn.Module, dict]:
    return build(CONFIG, 0, torch.device("cpu")), {"source": SOURCE, "target": TARGET}


def llama() -> tuple[nn.Module, dict]:
    published = published_model("Llama")
    return published.model, dict(published.inputs)


MODELS = {"ours": ours, "Llama": llama}
WEIGHTS = {
    "ours": (
        "source_embedding.table.weight",
        "encoder.layers.0.self_attention.w_q.weight",
        "encoder.layers.0.self_attention.w_o.bias",
        "encoder.layers.0.self_attention_norm.weight",
        "encoder.layers.1.feed_forward.w_1.weight",
        "encoder.layers.1.feed_forward.w_2.bias",
        "decoder.layers.0.self_attention.w_v.weight",
        "decoder.layers.0.cross_attention.w_k.weight",
        "decoder.layers.1.cross_attention_norm.bias",
        "decoder.layers.1.feed_forward.w_2.weight",
        "projection.weight",
    ),
    "Llama": (
        "model.embed_tokens.weight",
        "model.layers.0.input_layernorm.weight",
        "model.layers.0.self_attn.q_proj.weight",
        "model.layers.0.self_attn.o_proj.weight",
        "model.layers.0.mlp.gate_proj.weight",
        "model.layers.1.self_attn.v_proj.weight",
        "model.layers.1.mlp.down_proj.weight",
        "model.norm.weight",
        "lm_head.weight",
    ),
}
# Which call's result is changed, by the operation's name and how many of them come before it.
CALLS = {
    "ours": (("softmax", 1), ("matmul", 3), ("linear", 5), ("relu", 2), ("permute", 4)),
    "Llama": (("softmax", 1), ("matmul", 2), ("linear", 4), ("silu", 0), ("cat", 3), ("rsqrt", 2)),
}
FAULTS = [(model, weight) for model, weights in WEIGHTS.items() for weight in weights]
FAULTS_OF_CALLS = [(model, *call) for model, calls in CALLS.items() for call in calls]


def recorded(model, inputs):
    with torch.no_grad():
        return record(model, **inputs)


class ResultChanged(TorchFunctionMode):
    """Takes 1.02 times what one call returns, as a program would: the product is a step of its own."""

    def __init__(self, name, skipped):
        self.name, self.skipped = name, skipped

    def __torch_function__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if func.__name__.strip("_") == self.name:
            self.skipped -= 1
            if self.skipped == -1:
                return result * 1.02
        return result


def test_there_are_thirty_faults_at_least():
    assert len(FAULTS) + len(FAULTS_OF_CALLS) + len(SETTINGS) >= 30


@pytest.mark.parametrize(("name", "weight"), FAULTS)
def test_another_number_in_a_weight_is_found_at_the_step_that_reads_it(name, weight):
    pytest.importorskip("transformers")
    model, inputs = MODELS[name]()
    faulty = copy.deepcopy(model)
    with torch.no_grad():
        rows = faulty.get_parameter(weight)
        rows += 0.05 * rows.abs().max() + 0.01
    trace = recorded(faulty, inputs)
    first = compare(recorded(model, inputs), trace).first
    reads = [step for step in trace.steps if any(parent.name == weight for parent in step.inputs)]
    assert first.b is reads[0]
    assert first.verdict is Verdict.MADE_HERE
    assert first.difference.largest > 0


@pytest.mark.parametrize(("name", "op", "skipped"), FAULTS_OF_CALLS)
def test_a_step_put_in_is_found_as_the_one_without_partner(name, op, skipped):
    pytest.importorskip("transformers")
    model, inputs = MODELS[name]()

    def program(place):
        def faulty(**inputs):
            # The mode calls for the model, so it stands in both: a step is named after the line that calls.
            with ResultChanged(op, place):
                return model(**inputs)

        return faulty

    trace = recorded(program(skipped), inputs)
    first = compare(recorded(program(10**6), inputs), trace).first
    assert first.a is None
    assert first.b.op == "mul"
    assert [leaf.value for leaf in first.b.arguments] == [1.02]
    assert first.b.inputs[0].op.strip("_") == op


def _eps(model):
    model.encoder.layers[1].feed_forward_norm.eps = 0.1
    return "encoder.layers.1.feed_forward_norm.safe"


def _gelu(model):
    model.decoder.layers[1].feed_forward.activation = nn.functional.gelu
    return "decoder.layers.1.feed_forward.active"


def _other_scale(model):
    model.model.layers[1].self_attn.scaling = 0.25
    return "model.layers.1.self_attn.attn_weights"


def _other_activation(model):
    model.model.layers[0].mlp.act_fn = nn.GELU()
    return "model.layers.0.mlp.gelu"


def _other_eps(model):
    model.model.layers[1].input_layernorm.variance_epsilon = 0.01
    return "model.layers.1.input_layernorm.add"


SETTINGS = (
    ("ours", _eps),
    ("ours", _gelu),
    ("Llama", _other_scale),
    ("Llama", _other_activation),
    ("Llama", _other_eps),
)


@pytest.mark.parametrize(("name", "change"), SETTINGS)
def test_another_setting_is_found_at_the_step_that_it_changes(name, change):
    pytest.importorskip("transformers")
    model, inputs = MODELS[name]()
    faulty = copy.deepcopy(model)
    expected = change(faulty)
    trace = recorded(faulty, inputs)
    first = compare(recorded(model, inputs), trace).first
    assert first.b is trace.find_all(expected)[0]
    assert first.inputs_agreed


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_another_dtype_is_rounding(dtype):
    comparison = compare(run(CONFIG), run(CONFIG.change(dtype=dtype)))
    assert comparison.first is None
    assert comparison.alone == ()
    verdicts = {pair.verdict for pair in comparison.pairs}
    assert Verdict.ROUNDING in verdicts
    assert verdicts <= {Verdict.AGREES, Verdict.ROUNDING}
    largest = max(pair.difference.relative for pair in comparison.pairs)
    assert 0 < largest < 0.2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_is_rounding():
    comparison = compare(run(CONFIG), run(CONFIG.change(device="cuda")))
    assert comparison.first is None
    assert {pair.verdict for pair in comparison.pairs} <= {Verdict.AGREES, Verdict.ROUNDING}


@pytest.mark.parametrize("name", ["Llama", "BERT", "T5", "GPT-2"])
def test_a_published_model_in_half_precision_is_rounding(name):
    pytest.importorskip("transformers")
    model, inputs = published_model(name).model, published_model(name).inputs
    half = copy.deepcopy(model).bfloat16()
    assert compare(recorded(model, inputs), recorded(half, inputs)).first is None


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_fault_is_found_through_the_rounding_of_another_dtype(dtype):
    model, inputs = ours()
    faulty: Transformer = copy.deepcopy(model).to(getattr(torch, dtype))
    faulty.decoder.layers[0].feed_forward.activation = nn.functional.gelu
    trace = recorded(faulty, inputs)
    first = compare(recorded(model, inputs), trace).first
    assert first.b is trace.find("decoder.layers.0.feed_forward.active")
    assert first.inputs_agreed


@pytest.mark.parametrize("name", ["Llama", "BERT", "T5", "GPT-2", "Whisper"])
def test_plain_and_fused_attention_agree(name):
    pytest.importorskip("transformers")
    plain, fused = published_model(name, "eager"), published_model(name, "sdpa")
    comparison = compare(recorded(plain.model, plain.inputs), recorded(fused.model, fused.inputs))
    assert comparison.first is None
    mixed = [pair for pair in comparison.pairs if pair.b is not None and pair.b.op == "scaled_dot_product_attention"]
    assert mixed
    assert all(pair.a is not None and pair.a.op == "matmul" for pair in mixed)
