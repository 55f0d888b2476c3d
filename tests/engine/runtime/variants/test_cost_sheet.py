"""The cost sheet against arithmetic by hand, torch's own counter and figures that are known of published models."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from engine import BertConfig, Config, GPT2Config, LlamaConfig, MistralConfig, MixtralConfig, T5Config, ViTConfig, run
from engine.model.variants.presets import PRESETS
from engine.runtime.variants.cost_sheet import cost_sheet, fitting_cards, kv_cache_bytes, training_bytes
from engine.runtime.variants.run_variant import load_variant

KIB, MIB, GIB = 2**10, 2**20, 2**30
# One text of 3 tokens, small enough for the arithmetic below to be followed.
TINY = LlamaConfig(
    batch=1, length=3, d_model=4, heads=2, kv_heads=1, d_k=2, d_ff=5, layers=1, vocab_size=7, device="cpu"
)


def cost_of(sheet, name, op=None):
    (cost,) = (c for c in sheet.steps if c.step.full_name == name and op in (None, c.step.op))
    return cost


def test_the_matrix_products_of_a_tiny_llama_by_hand():
    sheet = cost_sheet(TINY)
    products = sum(c.flops for c in sheet.steps if c.step.op in ("linear", "matmul"))
    projections = 2 * 3 * (4 * 4 + 2 * (4 * 2) + 4 * 4)  # W_Q, W_K and W_V, W_O: 2 for every weight and token
    feed_forward = 2 * 3 * (3 * 4 * 5)
    head = 2 * 3 * 4 * 7
    between = 2 * (2 * 2 * 3 * 3 * 2)  # scores and mix: 2 for each of 2 heads, 3 × 3 pairs and 2 features
    assert products == projections + feed_forward + head + between == 288 + 360 + 168 + 144


def test_the_share_of_attention_between_tokens_by_hand():
    sheet = cost_sheet(TINY)
    cells = 2 * 3 * 3
    softmax = cost_of(sheet, "layers.0.self_attention.weights").flops
    masked = cost_of(sheet, "layers.0.self_attention.masked").flops
    assert sheet.between_tokens == 144 + cells + masked + softmax
    assert sheet.attention_share == sheet.between_tokens / sheet.flops
    assert sheet.flops == sum(step.flops for step in run(TINY).steps)
    assert sheet.flops_per_token == sheet.flops / 3


def test_weights_cache_and_training_of_a_tiny_llama_by_hand():
    sheet = cost_sheet(TINY, cache_dtype="bfloat16")
    parameters = 7 * 4 + (4 * 4 + 2 * 4 * 2 + 4 * 4 + 3 * 4 * 5 + 2 * 4) + 4 + 4 * 7
    assert (sheet.parameters, sheet.weights) == (parameters, 4 * parameters)
    assert sheet.kv_cache == 2 * 1 * 1 * 3 * 2 * 2  # keys and values, layers, heads, places, features, bytes
    assert sheet.training == 16 * parameters
    assert sheet.to_answer == sheet.weights + sheet.kv_cache
    assert sheet.to_train == sheet.training + sheet.activations


def test_the_intensity_of_a_projection_and_of_a_sum_by_hand():
    sheet = cost_sheet(TINY)
    query = cost_of(sheet, "layers.0.self_attention.query", "linear")
    assert query.flops == 2 * 3 * 4 * 4
    assert query.moved == 4 * (3 * 4 + 4 * 4 + 3 * 4)  # x, W_Q and the query, 4 bytes a number
    assert query.intensity == query.flops / query.moved
    residual = cost_of(sheet, "layers.0.after_attention")
    assert (residual.flops, residual.moved) == (12, 4 * 3 * 12)
    view = cost_of(sheet, "layers.0.self_attention.query", "view")
    assert (view.flops, view.moved, view.intensity) == (0, 0, 0.0)
    # Of the table of 7 tokens, the rows of 3 are read.
    embedded = cost_of(sheet, "embedded")
    assert embedded.moved == 2 * (4 * 3 * 4)
    square = cost_of(sheet, "layers.0.feed_forward_norm.square")
    assert square.moved == 4 * 2 * 12


@pytest.mark.parametrize(
    ("name", "nbytes"),
    [
        ("gpt2-small", 36 * KIB),  # 12 layers of 12 heads of 64, twice, in float16
        ("gpt3-175b", 4.5 * MIB),
        ("llama2-7b", 512 * KIB),
        ("llama3-8b", 128 * KIB),
        ("llama3-70b", 320 * KIB),
        ("llama3.1-405b", 504 * KIB),
        ("mistral-7b", 128 * KIB),
        ("mixtral-8x7b", 128 * KIB),
        ("bert-base", 0),
        ("vit-b16", 0),
    ],
)
def test_a_token_in_the_cache_of_a_published_model_in_half_precision(name, nbytes):
    config = PRESETS[name].config
    if isinstance(config, ViTConfig):
        assert kv_cache_bytes(config, "float16") == 0
        return
    short = kv_cache_bytes(config.change(length=100), "float16")
    assert kv_cache_bytes(config.change(length=101), "float16") - short == nbytes
    assert kv_cache_bytes(config.change(length=100, batch=3), "float16") == 3 * short


def test_a_window_bounds_the_cache():
    config = MistralConfig(batch=1, window=4, layers=2, kv_heads=2, d_k=8)
    sizes = [kv_cache_bytes(config.change(length=length), "float32") for length in (3, 4, 5, 9)]
    assert sizes == [2 * 2 * 2 * 8 * 4 * places for places in (3, 4, 4, 4)]


def test_an_encoder_decoder_keeps_the_keys_of_both_sides():
    t5 = T5Config(batch=1, src_len=5, tgt_len=3, heads=2, d_k=4, layers=2)
    assert kv_cache_bytes(t5, "float32") == 2 * 2 * 2 * 4 * (5 + 3) * 4
    paper = Config(batch=1, src_len=5, tgt_len=3, heads=2, d_model=8, d_k=4, d_v=3, decoder_layers=2)
    assert kv_cache_bytes(paper, "float32") == 2 * 2 * (4 + 3) * (5 + 3) * 4


@pytest.mark.parametrize(("dtype", "each"), [("float32", 16), ("bfloat16", 16), ("float16", 16), ("float64", 32)])
def test_training_keeps_weights_gradients_moments_and_in_half_precision_a_second_copy(dtype, each):
    assert training_bytes(1000, dtype) == 1000 * each


@pytest.mark.parametrize(
    ("name", "cards"),
    [
        ("gpt2-small", (8, 24, 80)),
        ("llama2-7b", (24, 80)),
        ("llama3-8b", (24, 80)),
        ("llama3-70b", ()),
        ("mixtral-8x7b", ()),
    ],
)
def test_which_cards_hold_a_published_model_in_bfloat16(name, cards):
    assert fitting_cards(cost_sheet(PRESETS[name].config.change(length=64)).to_answer) == cards


def test_a_card_holds_exactly_its_memory():
    assert fitting_cards(8 * GIB) == (8, 24, 80)
    assert fitting_cards(8 * GIB + 1) == (24, 80)


def test_a_token_of_mixtral_costs_as_much_as_the_parameters_it_meets():
    """46.7 billion parameters, of which two experts of eight answer a token: 12.9 billion (Jiang et al. 2024)."""
    config = PRESETS["mixtral-8x7b"].config
    sheet = cost_sheet(config)
    products = sum(c.flops for c in sheet.steps if c.step.op in ("linear", "matmul")) - 2 * (
        2 * 32 * 2048 * 2048 * 4096
    )
    met = products / 2 / 2048 + 32_000 * 4096  # and the table, in which a token is only looked up
    assert round(met / 1e9, 1) == 12.9


CONFIGS = st.sampled_from(
    [
        GPT2Config(device="cpu"), LlamaConfig(device="cpu"), BertConfig(device="cpu"), ViTConfig(device="cpu"),
        T5Config(device="cpu"), MistralConfig(device="cpu"), MixtralConfig(device="cpu"),
    ]
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(CONFIGS, st.integers(1, 3), st.integers(1, 2))
def test_the_matrix_products_cost_what_torchs_counter_counts(config, batch, layers):
    config = config.change(batch=batch, layers=layers)
    sheet = cost_sheet(config)
    ours = sum(c.flops for c in sheet.steps if c.step.op == "matmul")
    for cost in sheet.steps:
        if cost.step.op == "linear":
            bias = any(parent.name.endswith("bias") for parent in cost.step.inputs)
            ours += cost.flops - cost.step.value.numel() * bias
    trace = run(config)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        load_variant(config)(*trace.inputs.values())
    assert ours == counter.get_total_flops()


@settings(max_examples=20, deadline=None)
@given(CONFIGS, st.integers(1, 3))
def test_activations_are_the_memory_that_a_real_run_makes(config, batch):
    trace = run(config.change(batch=batch))
    owned = {}
    for step in trace.steps:
        if step.memory == "new":
            storage = step.value.untyped_storage()
            owned[storage._cdata] = storage.nbytes()
    sheet = cost_sheet(config.change(batch=batch))
    if isinstance(config, MixtralConfig):  # the tokens' rows are only known with numbers, their number is not
        routed = sum(s.nbytes for s in trace.steps if s.name in ("is_sent",))
        assert sheet.activations == sum(s.nbytes for s in trace.steps if s.memory == "new") - routed
    else:
        assert sheet.activations == sum(owned.values())


def test_the_share_of_attention_grows_with_the_length_and_the_rest_of_a_tokens_cost_does_not():
    short, long = (cost_sheet(GPT2Config(batch=1, length=length)) for length in (8, 64))
    assert long.attention_share > short.attention_share
    rest = [(sheet.flops - sheet.between_tokens) / sheet.tokens for sheet in (short, long)]
    assert rest[1] == pytest.approx(rest[0], rel=0.05)  # the mask's own steps are of pairs of places too


def test_the_2017_transformer_has_a_sheet_too():
    sheet = cost_sheet(Config(device="cpu"))
    assert sheet.flops == sum(step.flops for step in run(Config(device="cpu")).steps)
    assert sheet.tokens == 2 * (5 + 4)
