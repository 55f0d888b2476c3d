"""Which function, class or module of a text is called."""

from __future__ import annotations

import pytest
import torch

from engine.sandbox.code_request import TEXT_FILE, CodeInput, CodeRequest
from engine.sandbox.program import NotFittingError, Program, chosen_program

TWO = """
def first(x):
    return x

def second(x, y, *, heads=1):
    return x + y
"""
MODULE = """
from torch import nn

class Block(nn.Module):
    def __init__(self, d_model, heads=2):
        super().__init__()
        self.heads = heads
        self.linear = nn.Linear(d_model, d_model)

    def forward(self, x, mask=None):
        return self.linear(x)
"""


def chosen(text: str, *inputs: str, target: str = "", **symbols: int) -> Program:
    request = CodeRequest(text, tuple(CodeInput(name, (2, 4)) for name in inputs), symbols, target)
    names: dict[str, object] = {}
    exec(compile(text, TEXT_FILE, "exec"), names)
    return chosen_program(request, names, request.tensors())


@pytest.mark.parametrize(
    ("inputs", "name"),
    [(("x", "y"), "second"), (("x",), "first"), (("x", "y", "unused"), "second")],
)
def test_the_last_that_the_inputs_fill_is_called(inputs, name):
    assert chosen(TWO, *inputs).name == name


def test_one_that_takes_every_input_comes_before_a_later_one_that_does_not():
    text = "def attend(query, key):\n    return query @ key.T\n\ndef softmax(query):\n    return query\n"
    assert chosen(text, "query", "key").name == "attend"
    assert chosen(text, "query").name == "softmax"


def test_a_name_is_preferred_to_the_choice():
    assert chosen(TWO, "x", "y", target="first").name == "first"


def test_symbols_fill_parameters_too():
    assert chosen(TWO, "x", "y", heads=8).arguments["heads"] == 8


def test_a_class_is_constructed_from_the_sizes():
    program = chosen(MODULE, "x", d_model=4, heads=8)
    module = program.function()
    assert (program.name, module.heads, module.linear.weight.shape) == ("Block", 8, (4, 4))
    assert module(**program.arguments).shape == (2, 4)


def test_a_module_that_stands_ready_is_called_itself():
    program = chosen(f"{MODULE}\nblock = Block(4)\n", "x")
    assert program.name == "block"
    assert program.function() is program.function()


def test_what_is_imported_is_not_a_candidate():
    assert chosen(f"from torch.nn.functional import softmax\nfrom torch.nn import Linear\n{TWO}", "x").name == "first"


@pytest.mark.parametrize(
    ("text", "inputs", "sizes", "words"),
    [
        ("x = 1\n", (), {}, "There is nothing to call"),
        (TWO, ("z",), {}, "second needs x, y, and no inputs are called so."),
        ("def f(x, /):\n    return x\n", ("x",), {}, "f takes x by position alone"),
        (MODULE, ("x",), {}, "Block is constructed from d_model, and no size is called so."),
    ],
)
def test_what_does_not_fit_is_told_in_a_sentence(text, inputs, sizes, words):
    with pytest.raises(NotFittingError) as refusal:
        chosen(text, *inputs, **sizes)
    assert str(refusal.value).startswith(words)


def test_a_name_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(NotFittingError, match=r"There is no third to call; the text defines first, second\."):
        chosen(TWO, "x", target="third")
    with pytest.raises(NotFittingError, match="five is a int, which cannot be called"):
        chosen("five = 5\n", "x", target="five")


def test_a_function_defined_twice_counts_where_it_stands_last():
    text = "def f(x):\n    return x\n\ndef g(x):\n    return x\n\ndef f(x):\n    return -x\n"
    program = chosen(text, "x")
    assert program.name == "f"
    assert torch.equal(program.function()(torch.ones(1)), -torch.ones(1))
