"""The cost sheets of published models against arithmetic by hand, from the sizes in their papers."""

import pytest

from engine.model.variants.presets import PRESETS
from engine.runtime.variants.cost_sheet import cost_sheet, fitting_cards

GIB = 2**30


def products(sheet):
    return sum(c.flops for c in sheet.steps if c.step.op in ("linear", "matmul"))


def cost_of(sheet, name):
    (cost,) = (c for c in sheet.steps if c.step.full_name == name and c.step.op == "linear")
    return cost


def share_of(layers, heads, pairs, d_k, flops):
    """Scores and mix cost 2·d_k for every pair and head, the division 1, the mask nothing, the softmax 5."""
    return layers * heads * pairs * (2 * 2 * d_k + 1 + SOFTMAX) / flops


SOFTMAX = 5


def test_llama_2_7b_over_2048_tokens_in_bfloat16():
    sheet = cost_sheet(PRESETS["llama2-7b"].config)
    assert sheet.weights == 13_476_831_232  # 6,738,415,616 × 2
    assert sheet.kv_cache == 2 * 32 * 32 * 2048 * 128 * 2 == GIB
    assert sheet.training == 107_814_649_856  # × 16
    layer = 4 * 4096 * 4096 + 3 * 4096 * 11_008
    a_token = 2 * (32 * layer + 32_000 * 4096)
    assert a_token == 13_214_154_752  # twice the parameters but for the norms and the table that is looked up in
    between = 32 * 2 * 2 * 2048 * 2048 * 4096
    assert products(sheet) == 2048 * a_token + between
    assert sheet.flops == pytest.approx(2048 * a_token + between, rel=0.02)  # what goes number by number is little
    assert sheet.flops_per_token == sheet.flops / 2048
    assert sheet.attention_share == pytest.approx(share_of(32, 32, 2048 * 2048, 128, sheet.flops), rel=1e-12)
    gate = cost_of(sheet, "layers.0.feed_forward.gate")
    moved = 2 * (2048 * 4096 + 4096 * 11_008 + 2048 * 11_008)
    assert (gate.flops, gate.moved) == (2 * 2048 * 4096 * 11_008, moved)
    assert round(gate.intensity) == 1215
    assert fitting_cards(sheet.to_answer) == (24, 80)  # 13.6 GiB
    assert fitting_cards(sheet.to_train) == ()  # 100 GiB without activations


def test_mixtral_8x7b_over_2048_tokens_in_bfloat16():
    sheet = cost_sheet(PRESETS["mixtral-8x7b"].config)
    assert sheet.weights == 93_405_585_408  # 46,702,792,704 × 2
    assert sheet.kv_cache == 2 * 32 * 8 * 2048 * 128 * 2 == GIB // 4
    attention = 2 * 4096 * 4096 + 2 * 4096 * 1024
    two_experts, router = 2 * 3 * 4096 * 14_336, 4096 * 8
    a_token = 2 * (32 * (attention + two_experts + router) + 32_000 * 4096)
    between = 32 * 2 * 2 * 2048 * 2048 * 4096
    assert products(sheet) == 2048 * a_token + between
    # An expert meets a quarter of the tokens, and reads its whole matrices for them.
    gate = cost_of(sheet, "layers.0.feed_forward.experts.0.gate")
    assert (gate.flops, gate.moved) == (2 * 512 * 4096 * 14_336, 2 * (512 * 4096 + 4096 * 14_336 + 512 * 14_336))
    assert sheet.attention_share == pytest.approx(share_of(32, 32, 2048 * 2048, 128, sheet.flops), rel=1e-12)
    assert fitting_cards(sheet.to_answer) == ()  # 87.2 GiB
    assert round(sheet.to_answer / GIB, 1) == 87.2


def test_gpt_3_175b_over_2048_tokens_in_float16():
    sheet = cost_sheet(PRESETS["gpt3-175b"].config)
    assert sheet.weights == 349_208_518_656  # 174,604,259,328 × 2
    assert sheet.kv_cache == 2 * 96 * 96 * 2048 * 128 * 2 == 9 * GIB
    assert sheet.training == 2_793_668_149_248  # × 16: thirty-three cards of 80 GB before the first activation
    a_token = 2 * (96 * 12 * 12_288 * 12_288 + 50_257 * 12_288)
    biases = 96 * (4 * 12_288 + 4 * 12_288 + 12_288)
    between = 96 * 2 * 2 * 2048 * 2048 * 12_288
    assert products(sheet) == 2048 * (a_token + biases) + between
    # Training took 3.14e23 FLOPs (table D.1): forward, and twice that backward, over 300 billion tokens.
    assert 3 * a_token * 300e9 == pytest.approx(3.14e23, rel=0.01)
    assert sheet.attention_share == pytest.approx(share_of(96, 96, 2048 * 2048, 128, sheet.flops), rel=1e-12)
    assert fitting_cards(sheet.to_answer) == ()


def test_t5_base_over_512_and_114_tokens_in_float32():
    sheet = cost_sheet(PRESETS["t5-base"].config)
    assert sheet.weights == 891_614_208  # 222,903,552 × 4
    assert sheet.kv_cache == 2 * 12 * 12 * (512 + 114) * 64 * 4 == 46_153_728
    assert sheet.training == 3_566_456_832  # weights, gradients and two moments of 4 bytes
    square, feed_forward = 768 * 768, 2 * 768 * 3072
    encoder = 12 * 512 * (4 * square + feed_forward)
    decoder = 12 * (114 * (4 * square + 2 * square + feed_forward) + 512 * 2 * square)
    weights = 2 * (encoder + decoder + 114 * 768 * 32_128)
    pairs = 512 * 512 + 114 * 114 + 114 * 512
    assert products(sheet) == weights + 12 * 2 * 2 * pairs * 768
    # Nothing divides the scores; the bias of a distance is added in self-attention.
    biased = 12 * 12 * (512 * 512 + 114 * 114)
    between = 12 * 12 * pairs * (2 * 2 * 64 + SOFTMAX) + biased
    assert sheet.between_tokens == between
    assert sheet.flops_per_token == sheet.flops / (512 + 114)
    assert fitting_cards(sheet.to_answer) == (8, 24, 80)
    assert fitting_cards(sheet.to_train) == (8, 24, 80)
