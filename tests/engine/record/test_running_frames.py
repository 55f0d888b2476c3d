"""Which module and line a call belongs to, whatever was recorded before it."""

import torch
from torch import nn

from engine import record


def halved(x):
    half = x / 2
    return half


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj = nn.Linear(4, 4)

    def forward(self, x):
        projected = self.proj(x)
        return halved(projected) + halved(x)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Block()
        self.second = Block()

    def forward(self, x):
        return self.second(self.first(x))


def test_a_function_belongs_to_the_module_that_called_it():
    x = torch.rand(2, 4)
    for _ in range(2):  # the second time torch's layers are known
        steps = record(Model(), x).steps
        assert [step.path for step in steps] == ["first"] * 4 + ["second"] * 4
        assert [step.name for step in steps] == ["projected", "half", "half", "add"] * 2


def test_layers_that_a_function_calls_are_known_each_time():
    def mixed(x):
        first = left(x)
        second = right(x)
        return first + second

    left, right = nn.Linear(4, 4), nn.Linear(4, 4)
    x = torch.rand(2, 4)
    for _ in range(2):
        trace = record(mixed, x)
        read = [(parent.name, id(parent.value)) for step in trace.steps[:2] for parent in step.inputs[1:]]
        named = [
            (f"linear_{at}.{name}", id(each)) for at in (0, 1) for name, each in (left, right)[at].named_parameters()
        ]
        assert read == named


class Last(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 3, batch_first=True)

    def forward(self, x):
        result = self.lstm(x)
        return result[0][:, -1]


def test_several_calls_of_one_layer_are_one_line_each_time():
    x = torch.rand(2, 5, 4)
    for _ in range(2):
        steps = record(Last(), x).steps
        assert [(step.op, step.name) for step in steps] == [
            *(("zeros", "zeros"), ("zeros", "zeros")),
            *(("lstm", f"result[{number}]") for number in range(3)),
            ("getitem", "getitem"),
        ]
