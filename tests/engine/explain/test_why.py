"""Why each step is there: every step of the built-in model says so, and elsewhere only a part that is certain."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from engine import Config, record, run
from engine.explain.why import attention_part, why

SMALL = {"d_model": 8, "heads": 2, "vocab_size": 9, "device": "cpu"}
SWITCHES = [
    {},
    {"norm_first": True, "output": "softmax"},
    {"activation": "gelu"},
    {"padding_mask": False},
    {"causal_mask": False},
    {"padding_mask": False, "causal_mask": False},
    {"dtype": "float16", "d_model": 7, "d_k": 3, "d_v": 5},
    {"heads": 1, "batch": 1, "src_len": 1, "tgt_len": 1},
]


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
def test_every_step_of_the_built_in_model_has_one_sentence_that_says_why(switches):
    trace = run(Config(**{**SMALL, **switches}))
    for step in trace.steps:
        sentence = why(trace, step)
        assert sentence.endswith("."), step.full_name
        assert sentence[0].isupper(), step.full_name
        assert not set("{}") & set(sentence), step.full_name


def test_the_sizes_in_a_sentence_are_those_of_the_run():
    trace = run(Config(d_model=24, heads=3, d_k=5, d_v=7, src_len=6, device="cpu"))
    said = {
        (step.name, step.op): why(trace, step) for step in trace.steps if step.path == "encoder.layers.0.self_attention"
    }
    assert "row of 15 numbers is cut into pieces of 5, one for each of H = 3 heads" in said["query", "view"]
    assert "row of 21 numbers is cut into pieces of 7" in said["value", "view"]
    assert "6 × 5" in said["key", "permute"]
    assert "d_k = 5 spreads √5" in said["scaled", "div"]
    assert "here 6," in said["weights", "softmax"]
    assert "one row of 24" in said["output", "linear"]


def test_scaling_by_the_root_of_d_k_says_what_is_measured():
    torch.manual_seed(0)
    query, key = torch.randn(2000, 16), torch.randn(2000, 16)
    products, sums = query[:, 0] * key[:, 0], (query * key).sum(-1)
    assert sums.std() / products.std() == pytest.approx(math.sqrt(16), rel=0.1)


def attention_of_somebody(q, k, v, hidden):
    att = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))
    att = att.masked_fill(hidden, float("-inf"))
    att = F.softmax(att, dim=-1)
    return att @ v


def test_attention_of_another_model_is_recognised_by_its_data_flow():
    q, k, v = (torch.randn(2, 3, 5, 4) for _ in range(3))
    trace = record(attention_of_somebody, q, k, v, torch.ones(5, 5).triu(1).bool())
    assert [attention_part(trace, step) for step in trace.steps] == [
        "key_t transpose",
        "scores matmul",
        "scaled div",
        "masked masked_fill",
        "weights softmax",
        "mixed matmul",
    ]
    assert "d_k = 4 " in why(trace, trace.steps[2])


class Perceptron(nn.Module):
    def forward(self, x, w):
        hidden = x @ w
        return hidden.softmax(-1), x.transpose(0, 1), hidden / 2


def test_a_step_whose_part_is_not_certain_has_no_sentence():
    trace = record(Perceptron(), torch.randn(4, 4), torch.randn(4, 4))
    assert [why(trace, step) for step in trace.steps if step.op != "softmax"] == [""] * 3
