"""The axes inside torch's own layers, which have no shape comments and whose constructors are torch's."""

import pytest
import torch
from torch import nn

from engine import record

SIZES = {"B": 2, "S": 5, "T": 7, "L": 5, "L_k": 5, "d_model": 12, "d_ff": 17, "1": 1}


def layers(batch_first):
    def tokens(length):
        return torch.rand((2, length, 12) if batch_first else (length, 2, 12))

    layer = nn.TransformerEncoderLayer(12, 4, 17, batch_first=batch_first)
    decoder = nn.TransformerDecoderLayer(12, 4, 17, batch_first=batch_first)
    return {
        "encoder layer": (layer, (tokens(5),)),
        "encoder": (nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), (tokens(5),)),
        "decoder": (nn.TransformerDecoder(decoder, 2), (tokens(7), tokens(5))),
        "transformer": (nn.Transformer(12, 4, 1, 1, 17, batch_first=batch_first), (tokens(5), tokens(7))),
    }


@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("name", ["encoder layer", "encoder", "decoder", "transformer"])
def test_every_axis_has_a_name_of_the_size_that_the_layer_was_made_with(name, batch_first):
    module, given = layers(batch_first)[name]
    steps = record(module.train(), *given).steps
    assert len(steps) > 8
    for step in steps:
        assert [SIZES[symbol] for symbol in step.axes] == list(step.shape)


def test_attention_names_its_weights_by_query_and_key():
    attention = nn.MultiheadAttention(12, 4, batch_first=True).train()
    trace = record(attention, torch.rand(2, 5, 12), torch.rand(2, 7, 12), torch.rand(2, 7, 12))
    assert trace.find("attn_output_weights").axes == ("B", "L", "L_k")
    assert trace.steps[-1].axes == ("B", "L", "d_model")
