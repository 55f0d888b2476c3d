"""What runs inside torch's own modules of modules belongs to the inner modules; what a helper returns to its caller."""

import pytest
import torch
from torch import nn

from engine import record

X = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(0))
PADDING = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])


class Net(nn.Module):
    def __init__(self, **options):
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, **options)
        self.enc = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Sequential(nn.Linear(16, 3), nn.ReLU())
        self.plain = nn.Linear(16, 16)

    def forward(self, x, padding=None):
        x = self.plain(x)
        h = self.enc(x, src_key_padding_mask=padding)
        y = self.head(h)
        return y


@pytest.mark.parametrize("padding", [None, PADDING])
@pytest.mark.parametrize("norm_first", [False, True])
def test_steps_inside_an_encoder_have_the_paths_and_lines_of_the_inner_modules(norm_first, padding):
    for _ in range(2):  # what was learned of torch's modules in the first recording holds in the second
        trace = record(Net(norm_first=norm_first), X, padding)
        inside = [step for step in trace.steps if step.path.startswith("enc")]
        linears = [step.path for step in inside if step.op == "linear"]
        assert linears == [f"enc.layers.{layer}.linear{number}" for layer in (0, 1) for number in (1, 2)]
        norms = [step.path for step in inside if step.op == "layer_norm"]
        assert norms == [f"enc.layers.{layer}.norm{number}" for layer in (0, 1) for number in (1, 2)]
        attention = [step.path for step in inside if step.op == "multi_head_attention_forward"]
        assert attention == ["enc.layers.0.self_attn", "enc.layers.1.self_attn"]
        assert {step.path for step in trace.steps if step.op == "add"} == {"enc.layers.0", "enc.layers.1"}
        assert not any("self.enc" in step.source.expression for step in trace.steps)
        assert all("torch" in step.source.file for step in inside)


def test_a_layer_without_others_inside_belongs_to_the_line_that_calls_it():
    step = record(Net(), X).find("x")
    assert (step.op, step.path, step.source.expression) == ("linear", "", "self.plain(x)")


def test_the_last_step_of_a_container_has_the_name_of_the_line_that_called_it():
    trace = record(Net(), X)
    assert trace.find("head.1.y").value is trace.output
    assert trace.find("head.0.linear").shape == (2, 5, 3)
    assert trace.find("enc.layers.1.norm2.h").op == "layer_norm"


def split_heads(x, heads):
    return x.view(2, 5, heads, -1).transpose(1, 2)


def halves(x):
    left = x[..., :8]
    return left, x[..., 8:]


def through(x):
    return split_heads(x, 4)


def test_the_result_of_a_helper_has_the_name_and_axes_of_the_line_that_called_it():
    def program(x):
        q = split_heads(x, 2)  # (B, H, L, d_k)
        k = through(x)  # (B, H, L, d_k)
        first, second = halves(x)  # (B, L, D)
        return q, k, first, second

    steps = record(program, X).steps
    assert [(step.op, step.name, step.axes) for step in steps] == [
        ("view", "view", (None, None, "H", None)), ("transpose", "q", ("B", "H", "L", "d_k")),
        ("view", "view", (None, None, "H", None)), ("transpose", "k", ("B", "H", "L", "d_k")),
        ("getitem", "left", ("B", "L", "D")), ("getitem", "second", ("B", "L", "D")),
    ]  # fmt: skip


def test_what_a_helper_computes_besides_its_result_keeps_its_own_name():
    def helper(x):
        doubled = x * 2
        doubled.sum()
        return doubled

    def program(x):
        y = helper(x)  # (B, L, D)
        return y

    steps = record(program, X).steps
    assert [(step.name, step.axes) for step in steps] == [("doubled", ("B", "L", "D")), ("sum", ())]


class Loop(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)  # (B, D)
        return x


def test_every_layer_that_one_line_calls_in_turn_has_the_name_and_the_axes_of_the_line():
    for _ in range(2):  # the first recording learns that nn.Linear has no modules inside
        steps = record(Loop(), torch.rand(3, 2)).steps
        assert [(step.op, step.name, step.axes, step.path) for step in steps] == [("linear", "x", ("B", "D"), "")] * 3
