"""Which layer and head matter: against a model whose attention is written anew with even weights."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from engine import Config, record, run, trained_config
from engine.runtime.even_attention import KINDS, even_attention, is_quick_to_measure
from engine.runtime.forward import build_model

SMALL = Config(d_model=8, heads=2, encoder_layers=2, decoder_layers=2, device="cpu")


class EvenHeads(nn.Module):
    """An attention in which some heads give every key that is not hidden the same weight, without any scores."""

    def __init__(self, attention, heads):
        super().__init__()
        self.attention, self.even = attention, heads

    def forward(self, query_input, memory, mask=None):
        own = self.attention

        def split(x, linear):
            return linear(x).unflatten(-1, (own.heads, -1)).transpose(1, 2)

        query, key, value = split(query_input, own.w_q), split(memory, own.w_k), split(memory, own.w_v)
        shape = (*query.shape[:3], key.shape[2])
        seen = torch.ones(shape, dtype=torch.bool) if mask is None else ~mask.expand(shape)
        scores = (query @ key.mT / query.shape[-1] ** 0.5).masked_fill(~seen, float("-inf"))
        weights = scores.softmax(-1)
        even = seen.double() / seen.sum(-1, keepdim=True)
        weights = torch.stack(
            [even[:, h].to(weights) if h in self.even else weights[:, h] for h in range(own.heads)], 1
        )
        return own.w_o((weights @ value).transpose(1, 2).flatten(-2))


def probabilities(config, trace, kind, layer, heads):
    model = copy.deepcopy(build_model(config))
    stack, name = KINDS[kind]
    block = model.get_submodule(f"{stack}.layers.{layer}")
    setattr(block, name, EvenHeads(getattr(block, name), heads))
    with torch.no_grad():
        return model(*trace.inputs.values()).double().exp()


@pytest.mark.parametrize("kind", KINDS)
def test_even_weights_do_what_an_attention_without_scores_does(kind):
    trace = run(SMALL, ["I go home", "we"], ["나는 집에 간다", "나는"])
    config = trace.config
    even = even_attention(trace, kind)
    whole, token = trace.output.double().exp().max(dim=-1)
    torch.testing.assert_close(even.whole, whole)
    for layer in range(2):
        for heads, measured in (
            ((0, 1), even.layers[layer]),
            ((0,), even.heads[layer, 0]),
            ((1,), even.heads[layer, 1]),
        ):
            expected = probabilities(config, trace, kind, layer, heads).gather(-1, token.unsqueeze(-1)).squeeze(-1)
            torch.testing.assert_close(measured, expected, rtol=1e-4, atol=1e-6)


def test_measuring_leaves_the_model_as_it_was():
    trace = run(SMALL, ["I go home"], ["나는"])
    model = build_model(trace.config)
    before = model(*trace.inputs.values())
    even_attention(trace, "cross", model=model)
    assert torch.equal(model(*trace.inputs.values()), before)
    assert not any(module._forward_hooks for module in model.modules())


def test_a_softmax_at_the_end_gives_the_same_probabilities_as_its_logarithm():
    config = SMALL.change(output="softmax")
    logs, shares = (even_attention(run(each, ["I go"], ["나는"]), "decoder") for each in (SMALL, config))
    torch.testing.assert_close(logs.layers, shares.layers)
    torch.testing.assert_close(logs.heads, shares.heads)


def test_the_bytes_are_those_of_all_numbers():
    even = even_attention(run(SMALL, ["I go"], ["나는 집에"]), "cross")
    rows = even.whole.numel()
    assert even.nbytes == 8 * rows * (1 + 2 + 2 * 2)


def test_the_model_that_the_app_opens_on_is_measured_at_once_and_a_large_one_is_not():
    assert is_quick_to_measure(trained_config().change(batch=1, src_len=18, tgt_len=11), "cross")
    assert not is_quick_to_measure(Config(heads=16, d_model=64, decoder_layers=6), "cross")
    assert is_quick_to_measure(Config(heads=16, d_model=64, decoder_layers=6, encoder_layers=1), "encoder")
    assert not is_quick_to_measure(Config(src_len=2000, tgt_len=2000), "cross")


def test_a_trace_of_another_model_is_refused():
    with pytest.raises(ValueError, match="built-in Transformer"):
        even_attention(record(lambda x: (x @ x.mT).softmax(-1) @ x, torch.randn(2, 5, 8)), "cross")
