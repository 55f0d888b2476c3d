"""What a failed call on axes, kernels, layers or parts of a tensor says, and that the remedy it offers really runs."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from engine import record

X = torch.arange(384.0).reshape(2, 6, 32)


def failure_of(function, *given):
    with pytest.raises((RuntimeError, IndexError, AssertionError, ValueError)) as raised:
        record(function, *given)
    failure = raised.value.trace.failure
    assert raised.value.__notes__ == [failure.note]
    assert all(operand.origin_text for operand in failure.operands)
    return failure


# What fails on x, the rule with the values, the remedy, and the shape that the remedy has.
ON_X = {
    "permute of more axes": (
        lambda x: x.permute(0, 2, 1, 3),
        "permute names every axis once: x has 3, (2, 6, 32), and (0, 2, 1, 3) names 4.",
        "x.permute(0, 2, 1)",
        (2, 32, 6),
    ),
    "permute of fewer axes": (
        lambda x: torch.permute(x, (1, 0)),
        "permute names every axis once: x has 3, (2, 6, 32), and (1, 0) names 2.",
        "x.permute(1, 0, 2)",
        (6, 2, 32),
    ),
    "permute of an axis that is not there": (
        lambda x: x.permute(0, 3, 1),
        "permute names every axis once: x has 3, (2, 6, 32), so they are 0 to 2, and (0, 3, 1) is given.",
        "x.permute(0, 2, 1)",
        (2, 32, 6),
    ),
    "permute of two axes that are not there": (
        lambda x: x.permute(0, 5, 6),
        "permute names every axis once: x has 3, (2, 6, 32), so they are 0 to 2, and (0, 5, 6) is given.",
        "x.permute(0, 1, 2)",
        (2, 6, 32),
    ),
    "permute of an axis twice": (
        lambda x: x.permute(2, 0, 0),
        "permute names every axis once: x has 3, (2, 6, 32), so they are 0 to 2, and (2, 0, 0) is given.",
        "x.permute(2, 0, 1)",
        (32, 2, 6),
    ),
    "transpose of an axis that is not there": (
        lambda x: x.transpose(1, 3),
        "x has 3 axes, (2, 6, 32), so an axis is one of -3 to 2: transpose is given 1 and 3.",
        "x.transpose(1, 2)",
        (2, 32, 6),
    ),
    "transpose of the last axis and the one after": (
        lambda x: torch.transpose(x, 2, 3),
        "x has 3 axes, (2, 6, 32), so an axis is one of -3 to 2: transpose is given 2 and 3.",
        "x.transpose(2, 1)",
        (2, 32, 6),
    ),
    "transpose by name": (
        lambda x: x.transpose(dim0=-4, dim1=1),
        "x has 3 axes, (2, 6, 32), so an axis is one of -3 to 2: transpose is given -4 and 1.",
        "x.transpose(-3, 1)",
        (6, 2, 32),
    ),
    "expand of an axis that is not 1": (
        lambda x: x.expand(3, 6, 32),
        "expand changes only axes of size 1: x has 2 on axis 0, and 3 is asked for.",
        "x.expand(2, 6, 32)",
        (2, 6, 32),
    ),
    "expand before an axis that is not 1": (
        lambda x: x.expand(4, 2, -1, 8),
        "expand changes only axes of size 1: x has 32 on axis 2, and 8 is asked for.",
        "x.expand(4, 2, 6, 32)",
        (4, 2, 6, 32),
    ),
    "expand to fewer axes": (
        lambda x: x.expand(6, 32),
        "expand needs a number for each of the 3 axes of x, (2, 6, 32): it is given 2.",
        "x.expand(2, 6, 32)",
        (2, 6, 32),
    ),
    "repeat of fewer axes": (
        lambda x: x.repeat(2, 3),
        "repeat needs a number for each of the 3 axes of x, (2, 6, 32): it is given 2.",
        "x.repeat(1, 2, 3)",
        (2, 12, 96),
    ),
    "outer of more axes": (
        lambda x: torch.outer(x, x),
        "outer takes tensors of one axis: x has 3, (2, 6, 32).",
        "x.unsqueeze(-1) * x.unsqueeze(-2)",
        (2, 6, 32, 32),
    ),
    "outer of axes that do not fit": (
        lambda x: torch.outer(x, x[0, :5]),
        "outer takes tensors of one axis: x has 3, (2, 6, 32).",
        "torch.outer(x.flatten(), x[0, :5].flatten())",
        (384, 160),
    ),
    "unflatten": (
        lambda x: x.unflatten(-1, (5, 7)),
        "unflatten keeps every number: x has 32 on axis 2, and 5 · 7 is 35.",
        "x.unflatten(-1, (4, 8))",
        (2, 6, 4, 8),
    ),
    "unflatten with an open size": (
        lambda x: x.unflatten(2, (5, -1)),
        "unflatten keeps every number: x has 32 on axis 2, and 5 is 5.",
        "x.unflatten(2, (4, 8))",
        (2, 6, 4, 8),
    ),
    "topk of more than there are": (
        lambda x: x.topk(40),
        "topk takes at most as many as there are: x has 32 along axis 2, and k is 40.",
        "x.topk(32)",
        (2, 6, 32),
    ),
    "topk along another axis": (
        lambda x: torch.topk(x, k=7, dim=1),
        "topk takes at most as many as there are: x has 6 along axis 1, and k is 7.",
        "x.topk(6, dim=1)",
        (2, 6, 32),
    ),
    "a convolution of channels that stand last": (
        lambda x: F.conv1d(x, torch.ones(8, 32, 3)),
        "conv1d was made for 32 channels on axis 1: x has 6 there.",
        "x.transpose(-2, -1)",
        (2, 32, 6),
    ),
}


@pytest.mark.parametrize("case", ON_X)
def test_the_rule_has_its_values_and_the_remedy_runs(case):
    function, reason, remedy, shape = ON_X[case]
    failure = failure_of(function, X)
    assert failure.reason == reason
    assert failure.remedy == remedy
    result = eval(remedy, {"x": X, "torch": torch})
    assert tuple((result if isinstance(result, torch.Tensor) else result[0]).shape) == shape


def layer_for(failure):
    """The layer that a remedy of the kind "nn.Linear(3, 4) for this input" names."""
    text, words = failure.remedy.split(") ")
    assert words == "for this input"
    return eval(f"{text})", {"nn": nn})


@pytest.mark.parametrize(
    ("layer", "shape", "reason"),
    [
        (nn.Conv1d(4, 8, 3), (2, 6, 5), "conv1d was made for 4 channels on axis 1: x has 6 there."),
        (nn.Conv2d(3, 8, (2, 3)), (2, 4, 9, 9), "conv2d was made for 3 channels on axis 1: x has 4 there."),
        (nn.Conv2d(3, 8, 2), (4, 9, 9), "conv2d was made for 3 channels on axis 0: x has 4 there."),
        (
            nn.Conv1d(8, 4, 1, groups=2),
            (2, 6, 5),
            "conv1d was made for 8 channels on axis 1, 2 groups of 4: x has 6 there.",
        ),
        (nn.LSTM(16, 4, batch_first=True), (2, 6, 32), "LSTM was made for input_size 16: x has 32 on its last axis."),
        (nn.GRU(16, 4, 2, bidirectional=True), (6, 32), "GRU was made for input_size 16: x has 32 on its last axis."),
    ],
)
def test_the_layer_that_a_remedy_names_takes_the_input(layer, shape, reason):
    x = torch.zeros(shape)
    failure = failure_of(lambda x: layer(x), x)
    assert failure.reason == reason
    assert failure.operands[0].name == "x"
    made = layer_for(failure)
    assert type(made) is type(layer)
    made(x)
    kept = (
        ("kernel_size", "out_channels", "groups")
        if isinstance(layer, nn.modules.conv._ConvNd)
        else ("hidden_size", "num_layers", "batch_first", "bidirectional")
    )
    assert [getattr(made, name) for name in kept] == [getattr(layer, name) for name in kept]


def test_images_with_their_channels_last_are_offered_the_move():
    image = torch.zeros(2, 8, 9, 3)
    failure = failure_of(lambda image: nn.Conv2d(3, 4, 2)(image), image)
    assert failure.remedy == "image.movedim(-1, 1)"
    nn.Conv2d(3, 4, 2)(eval(failure.remedy))


def test_a_convolution_of_a_rank_without_channels_is_offered_one():
    row = torch.zeros(6, 5)[0]
    failure = failure_of(lambda row: F.conv1d(row, torch.ones(8, 1, 3)), row)
    assert failure.reason == "conv1d needs 3 axes, or 2 without a batch: row has 1, (5)."
    assert failure.remedy == "row.unsqueeze(0)"
    F.conv1d(eval(failure.remedy), torch.ones(8, 1, 3))


@pytest.mark.parametrize(
    ("given", "reason", "remedy"),
    [
        (
            {"groups": 3},
            "conv1d needs as many output channels in every group: 8 in 3 groups is no whole number.",
            {"groups": 2},
        ),
        ({"dilation": 3}, "The kernel of conv1d is 7 long, and x with its padding is 5 along axis 2.", {"padding": 1}),
        (
            {"dilation": 4, "padding": 1},
            "The kernel of conv1d is 9 long, and x with its padding is 7 along axis 2.",
            {"padding": 2},
        ),
    ],
)
def test_groups_and_padding_of_a_convolution_are_those_that_fit(given, reason, remedy):
    channels = 4 if "groups" in given else 2
    x, weight = torch.zeros(1, channels, 5), torch.zeros(8, 2, 3)
    failure = failure_of(lambda x: F.conv1d(x, weight, **given), x)
    assert failure.reason == reason
    ((name, value),) = remedy.items()
    assert failure.remedy == f"{name}={value}"
    F.conv1d(x, weight, **{**given, **remedy})


def test_a_kernel_larger_than_an_image_has_the_padding_of_each_axis():
    image = torch.zeros(1, 1, 4, 9)
    failure = failure_of(lambda image: nn.Conv2d(1, 1, 7)(image), image)
    assert failure.reason == "The kernel of conv2d is 7 long, and image with its padding is 4 along axis 2."
    assert failure.remedy == "padding=(2, 0)"
    nn.Conv2d(1, 1, 7, padding=(2, 0))(image)


@pytest.mark.parametrize(("heads", "fitting"), [(4, 4), (16, 12)])
def test_an_attention_layer_of_another_width_names_the_one_for_this_input(heads, fitting):
    x = torch.zeros(2, 6, 24 if heads == 16 else 16)
    layer = nn.MultiheadAttention(32, heads, batch_first=True)
    failure = failure_of(lambda x: layer(x, x, x), x)
    width = x.shape[-1]
    assert failure.reason == f"MultiheadAttention was made for embed_dim 32: x has {width} on its last axis."
    assert failure.remedy == f"nn.MultiheadAttention({width}, {fitting}) for this input"
    layer_for(failure)(x, x, x)


def test_keys_of_another_width_have_a_layer_that_knows_theirs():
    x, memory = torch.zeros(6, 2, 32), torch.zeros(5, 2, 24)
    layer = nn.MultiheadAttention(32, 4)
    failure = failure_of(lambda x, memory: layer(x, memory, memory), x, memory)
    assert failure.reason == "MultiheadAttention was made for embed_dim 32: memory has 24 on its last axis."
    assert failure.remedy == "nn.MultiheadAttention(32, 4, kdim=24, vdim=24) for this input"
    layer_for(failure)(x, memory, memory)


@pytest.mark.parametrize(("trains", "has_gradients"), [(True, True), (False, True), (False, False)])
def test_a_padding_mask_on_its_side_is_turned(trains, has_gradients):
    x, padding = torch.zeros(2, 6, 32), torch.zeros(6, 2, dtype=torch.bool)
    layer = nn.MultiheadAttention(32, 4, batch_first=True).train(trains)
    with torch.set_grad_enabled(has_gradients):
        failure = failure_of(lambda x, padding: layer(x, x, x, key_padding_mask=padding), x, padding)
    assert failure.reason == (
        "key_padding_mask has a row for each sentence and a column for each key, (2, 6): padding is (6, 2)."
    )
    assert failure.remedy == "padding.transpose(0, 1)"
    layer(x, x, x, key_padding_mask=eval(failure.remedy))


@pytest.mark.parametrize(
    ("shape", "remedy"),
    [
        ((6, 5), "mask.transpose(0, 1)"),
        ((2, 5, 6), "mask.repeat_interleave(4, dim=0)"),
        ((3, 5, 6), ""),
    ],
)
def test_an_attention_mask_of_another_shape_is_made_one_of_heads(shape, remedy):
    x, memory, mask = torch.zeros(2, 5, 32), torch.zeros(2, 6, 32), torch.zeros(shape, dtype=torch.bool)
    layer = nn.MultiheadAttention(32, 4, batch_first=True)
    failure = failure_of(lambda mask: layer(x, memory, memory, attn_mask=mask), mask)
    assert failure.reason == (
        f"attn_mask is (5, 6), or (8, 5, 6) with one for each sentence and head: mask is {shape}."
    )
    assert failure.remedy == remedy
    if remedy:
        layer(x, memory, memory, attn_mask=eval(remedy))


def test_a_recurrent_layer_is_offered_the_input_that_is_turned():
    x = torch.zeros(2, 16, 6)
    layer = nn.LSTM(16, 4, batch_first=True)
    failure = failure_of(lambda x: layer(x), x)
    assert failure.remedy == "x.transpose(-2, -1)"
    layer(eval(failure.remedy))


def test_a_state_with_the_batch_first_is_turned():
    x, state = torch.zeros(6, 3, 16), torch.zeros(3, 2, 4)
    layer = nn.GRU(16, 4, 2)
    failure = failure_of(lambda x, state: layer(x, state), x, state)
    assert failure.reason == "The state of GRU is (2, 3, 4), layers and directions first: state is (3, 2, 4)."
    assert failure.remedy == "state.transpose(0, 1)"
    layer(x, eval(failure.remedy))


@pytest.mark.parametrize(
    ("shape", "says", "remedy"),
    [
        ((2, 31), "value has 31 on axis 1 where that has 32", ""),
        ((32, 2), "value has 2 on axis 1 where that has 32", "value.transpose(-2, -1)"),
        ((2,), "value has 2 on axis 0 where that has 32", "value.unsqueeze(1)"),
        ((3, 2, 32), "value has more axes, (3, 2, 32)", ""),
        ((1, 2, 31), "value has 31 on axis 2 where that has 32", ""),
    ],
)
def test_a_value_that_does_not_fit_the_part_it_is_written_into(shape, says, remedy):
    def write(x, value):
        y = x.clone()
        y[:, 0] = value
        return y

    value = torch.ones(shape)
    failure = failure_of(write, X, value)
    assert failure.reason == f"What is written must broadcast to what it is written into, (2, 32): {says}."
    assert failure.remedy == remedy
    if remedy:
        assert torch.equal(write(X, eval(remedy))[:, 0], torch.ones(2, 32))


def test_a_write_that_fails_for_another_reason_is_not_put_down_to_shapes():
    def write(x, value):
        x[:, 0] = value

    failure = failure_of(write, X.clone().requires_grad_(), torch.ones(1, 2, 32))
    assert failure.reason == failure.message
