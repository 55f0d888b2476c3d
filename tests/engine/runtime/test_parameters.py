"""The parameter counts are those of the real model, and their arithmetic gives them."""

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from engine import Config
from engine.model.weights import build
from engine.runtime.parameters import ParameterCount, count_parameters, parameters_of, rows
from engine.text.tokenizer import PAD


@st.composite
def configs(draw):
    heads = draw(st.integers(1, 4))
    size = st.integers(1, 9)
    return Config(
        batch=1,
        src_len=1,
        tgt_len=1,
        heads=heads,
        d_model=heads * draw(st.integers(1, 6)),
        d_k=draw(st.none() | size),
        d_v=draw(st.none() | size),
        d_ff=draw(st.none() | size),
        encoder_layers=draw(st.integers(1, 3)),
        decoder_layers=draw(st.integers(1, 3)),
        vocab_size=draw(st.integers(8, 30)),
        norm_first=draw(st.booleans()),
        device="cpu",
    )


def worked_out(arithmetic):
    assert re.fullmatch(r"[\d,×+() ]+", arithmetic)
    return eval(arithmetic.replace(",", "").replace("×", "*"))


def every(counted):
    yield counted
    for one in counted.inside:
        yield from every(one)


@settings(max_examples=40, deadline=None)
@given(configs())
def test_every_count_is_that_of_the_real_model_and_what_its_arithmetic_gives(config):
    model = build(config, PAD, torch.device("cpu"))
    counted = parameters_of(config)
    assert counted.count == sum(parameter.numel() for parameter in model.parameters())

    def check(one: ParameterCount, module: nn.Module) -> None:
        assert one.count == sum(parameter.numel() for parameter in module.parameters()) == worked_out(one.arithmetic)
        for part in one.inside:
            check(part, module.get_submodule(part.name))

    check(counted, model)


def test_the_arithmetic_is_written_as_people_write_it():
    counted = parameters_of(Config(d_model=32, heads=4, encoder_layers=2, decoder_layers=1, vocab_size=64))
    written = {name: one.arithmetic for depth, name, one in rows(counted) if depth == 0}
    assert written == {
        "source_embedding": "64 × 32",
        "target_embedding": "64 × 32",
        "encoder": "2 × 12,704",
        "decoder": "4,224 + 32 + 32 + 4,224 + 32 + 32 + 8,352 + 32 + 32",
        "projection": "32 × 64 + 64",
    }
    layer, attention, w_q = [(depth, name, one) for depth, name, one in rows(counted) if depth > 0][:3]
    assert (layer[0], layer[1], layer[2].count) == (1, "layers.0 to 1", 12_704)
    assert layer[2].arithmetic == "4,224 + 32 + 32 + 8,352 + 32 + 32"
    assert (attention[1], attention[2].arithmetic, attention[2].count) == (
        "self_attention",
        "4 × (32 × 32 + 32)",
        4_224,
    )
    assert (w_q[1], w_q[2].arithmetic, w_q[2].count) == ("w_q", "32 × 32 + 32", 1_056)


def test_a_linears_sizes_are_written_from_its_input_to_its_output():
    counted = count_parameters(nn.ModuleDict({"w_1": nn.Linear(3, 5), "w_2": nn.Linear(5, 3, bias=False)}))
    assert [one.arithmetic for one in counted.inside] == ["3 × 5 + 5", "5 × 3"]


@pytest.mark.parametrize("names", [("first", "second"), ("second", "first")])
def test_a_parameter_that_modules_share_is_counted_once_where_it_comes_first(names):
    table, out = nn.Embedding(7, 4), nn.Linear(4, 7)
    out.weight = table.weight
    model = nn.ModuleDict({"first": table, "second": out} if names[0] == "first" else {"second": out, "first": table})
    counted = count_parameters(model)
    assert counted.count == sum(parameter.numel() for parameter in model.parameters()) == 28 + 7
    assert all(worked_out(one.arithmetic) == one.count for one in every(counted))


def test_layers_that_are_alike_are_listed_once_and_others_each():
    same = nn.ModuleDict({"layers": nn.ModuleList(nn.Linear(2, 2) for _ in range(3))})
    assert [name for _, name, _ in rows(count_parameters(same))] == ["layers.0 to 2"]
    other = nn.ModuleDict({"layers": nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 3)])})
    assert [name for _, name, _ in rows(count_parameters(other))] == ["layers.0", "layers.1"]
