"""Inputs as Python, as a script and as a text in an address."""

from __future__ import annotations

import base64
import json
import random
import runpy
import zlib
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.sandbox.code_request import CodeInput, CodeRequest
from pages.ui.views.your_code.examples import EXAMPLES, example_text
from pages.ui.views.your_code.program import (
    DTYPES,
    FILLS,
    VALUE,
    Input,
    InputError,
    UserProgram,
    arguments,
    shape_of,
    target_call,
    tensor_text,
)
from pages.ui.views.your_code.run_program import request_of
from pages.ui.views.your_code.script import from_address, script_of, to_address
from pages.ui.views.your_code.signature import with_added_input, with_input, with_text

SIZES = {"B": 2, "L": 6, "D": 32, "H": 4}
LENGTHS = st.lists(st.integers(0, 4), max_size=4).map(tuple)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("B, L, D", (2, 6, 32)),
        ("(B, L, 3 * D)", (2, 6, 96)),
        ("[B, D // H]", (2, 8)),
        ("L + 1, L - 1", (7, 5)),
        ("5", (5,)),
        ("5,", (5,)),
        ("", ()),
        ("()", ()),
        ("0, 4", (0, 4)),
    ],
)
def test_a_shape_is_read_in_numbers_and_symbols(text, shape):
    assert shape_of(Input("x", text, "float32"), SIZES) == shape


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("B, Q", "neither a number nor a size"),
        ("B,, L", "neither a number nor a size"),
        ("B, 2.5", "neither a number nor a size"),
        ("__import__('os').system('ls')", "neither a number nor a size"),
        ("B // 0", "neither a number nor a size"),
        ("-3", "0 or more"),
        ("99999, 99999", "numbers, and at most"),
        ("1, 1, 1, 1, 1, 1, 1, 1, 1", "axes, and at most 8"),
    ],
)
def test_a_shape_that_cannot_be_made_is_refused_with_the_rule_and_something_that_works(text, rule):
    with pytest.raises(InputError, match=rule) as refused:
        shape_of(Input("x", text, "float32"), SIZES)
    assert "x: " in str(refused.value)
    assert "Try " in str(refused.value)


@given(shape=LENGTHS, dtype=st.sampled_from(DTYPES), fill=st.sampled_from(FILLS), seed=st.integers(0, 99))
def test_an_input_in_the_script_is_the_tensor_that_the_process_makes(shape, dtype, fill, seed):
    made = Input("x", ", ".join(map(str, shape)), dtype, fill, seed)
    tensor = eval(tensor_text(made, {}), {"torch": torch})
    expected = CodeRequest("", (CodeInput("x", shape, dtype, fill, seed),)).tensors()["x"]
    assert tensor.dtype == expected.dtype
    assert torch.equal(tensor, expected)


def test_sizes_in_values_become_numbers():
    inputs = (
        Input("width", "D", is_built_with=True),
        Input("x", "B, L", "float32", "ones"),
        Input("scale", "D ** 0.5"),
    )
    program = UserProgram("", "Net", True, inputs, tuple(SIZES.items()))
    assert target_call(program) == "Net(width=32)"
    assert arguments(program) == ("x=torch.ones(2, 6)", "scale=32 ** 0.5")


@pytest.mark.parametrize("text", ["", "1 +", "x = 3", "\0"])
def test_a_value_that_is_no_expression_is_refused(text):
    with pytest.raises(InputError, match="Try"):
        arguments(UserProgram("", "f", False, (Input("scale", text),)))


def test_whole_numbers_go_by_name_and_defaults_stay_defaults():
    program = with_text(UserProgram(""), "def f(x, heads, mask=None): ...\n")
    request = request_of(program)
    assert request.target == "f"
    assert request.text == program.text
    assert request.inputs == (CodeInput("x", ("B", "L", "D")),)
    assert request.symbols["heads"] == 4
    assert "mask" not in request.symbols


def test_any_other_value_goes_into_a_call_after_the_text():
    text = "import torch\n\n\ndef f(x, scale, causal=False):\n    return x * scale if causal else x\n"
    program = with_text(UserProgram(""), text)
    inputs = (program.inputs[0], Input("scale", "D ** 0.5"), Input("causal", "True"))
    request = request_of(replace(program, inputs=inputs))
    names: dict[str, object] = {}
    exec(request.text, names)
    assert request.text.startswith(text.rstrip())
    assert torch.equal(names[request.target](torch.ones(2)), torch.full((2,), 32**0.5))


def test_a_module_that_is_built_with_other_values_is_built_after_the_text():
    text = """\
from torch import nn


class Net(nn.Module):
    def __init__(self, bias=True):
        super().__init__()
        self.out = nn.Linear(4, 4, bias=bias)

    def forward(self, x): ...
"""
    program = with_text(UserProgram(""), text)
    request = request_of(replace(program, inputs=(Input("bias", "False", is_built_with=True), program.inputs[1])))
    names: dict[str, object] = {}
    exec(request.text, names)
    assert names[request.target].out.bias is None


@pytest.mark.parametrize("name", ["attention", "exercise"])
def test_the_script_runs_alone_and_gives_the_shape_of_the_output(name, tmp_path, capsys):
    script = tmp_path / "your_code.py"
    script.write_text(script_of(with_text(UserProgram(""), example_text(name))), "utf-8")
    runpy.run_path(str(script), run_name="__main__")
    assert capsys.readouterr().out == "torch.Size([2, 6, 32])\n"


def test_the_script_of_a_text_that_calls_nothing_is_the_text():
    assert script_of(UserProgram("x = 1")) == "x = 1\n"


INPUTS = st.builds(
    Input,
    st.text(min_size=1, max_size=8),
    st.text(max_size=20),
    st.sampled_from([*DTYPES, VALUE]),
    st.sampled_from(FILLS),
    st.integers(0, 2**31 - 1),
    st.booleans(),
    st.booleans(),
)
TEXTS = st.text(max_size=300)


@given(
    program=st.builds(
        UserProgram,
        TEXTS,
        TEXTS,
        st.booleans(),
        st.lists(INPUTS, max_size=4).map(tuple),
        st.lists(st.tuples(st.text(max_size=5), st.integers(0, 512)), max_size=4).map(tuple),
    )
)
def test_a_program_comes_back_from_the_address(program):
    assert from_address(to_address(program)) == program


@given(value=st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.hex()))
def test_any_other_text_in_the_address_is_no_program(value):
    assert from_address(value) is None


def test_every_example_has_room_in_an_address():
    for name in EXAMPLES:
        assert 0 < len(to_address(with_text(UserProgram(""), example_text(name)))) < 1500


def test_a_long_program_is_left_out_of_the_address():
    assert to_address(UserProgram(f"x = {random.Random(0).randbytes(20_000)!r}\n")) == ""


def test_a_short_address_that_unpacks_to_a_large_text_is_refused():
    bomb = json.dumps([1, "x" * 5_000_000, "", False, [], []]).encode()
    value = base64.urlsafe_b64encode(zlib.compress(bomb, 9)).decode().rstrip("=")
    assert len(value) < 12_000
    assert from_address(value) is None


def test_a_script_makes_the_added_inputs_before_the_text_and_after_what_comes_from_the_future():
    program = with_added_input(with_text(UserProgram(""), "from __future__ import annotations\n\nz = x * 2\n"))
    script = script_of(program)
    names: dict[str, Any] = {}
    exec(compile(script, "script.py", "exec"), names)
    assert names["z"].shape == (2, 6, 32)
    assert torch.equal(names["z"], names["x"] * 2)
    assert from_address(to_address(program)) == program


@pytest.mark.parametrize("name", ["2x", "for", "", "a b", "B"])
def test_a_name_that_no_tensor_can_have_is_refused(name):
    program = with_added_input(with_text(UserProgram(""), "z = x * 2\n"))
    program = with_input(program, 0, replace(program.inputs[0], name=name))
    with pytest.raises(InputError):
        request_of(program)
