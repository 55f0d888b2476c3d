"""What is read from the text of a program: what can be called, and with what."""

from __future__ import annotations

import pytest

from pages.ui.views.your_code.examples import EXAMPLES, example_text
from pages.ui.views.your_code.program import VALUE, Input, UserProgram
from pages.ui.views.your_code.signature import (
    callables_of,
    with_added_input,
    with_input,
    with_size,
    with_target,
    with_text,
    without_input,
)


def program_of(text: str) -> UserProgram:
    return with_text(UserProgram(""), text)


def shapes(text: str) -> dict[str, str]:
    return {given.name: given.text for given in program_of(text).inputs}


@pytest.mark.parametrize(
    "text",
    [
        "def f(x):  # (B, H, L)\n    return x\n",
        'def f(x):\n    """Does it.\n\n    Args:\n        x: (B, H, L), a tensor\n    """\n    return x\n',
        'def f(x: Float[Tensor, "B H L"]):\n    return x\n',
        "def f(x):\n    B, H, L = x.shape\n    return x\n",
        "def f(x):\n    B, H, L = x.size()\n    return x\n",
    ],
)
def test_the_shape_of_an_input_is_what_comment_docstring_annotation_or_unpacking_say(text):
    assert shapes(text) == {"x": "B, H, L"}


def test_an_input_of_which_nothing_is_said_has_three_axes():
    assert shapes("def f(x):\n    return x\n") == {"x": "B, L, D"}


def test_names_tell_masks_and_token_ids_from_other_tensors():
    inputs = program_of("def f(x, mask, input_ids):\n    return x\n").inputs
    assert [(given.name, given.dtype, given.text) for given in inputs] == [
        ("x", "float32", "B, L, D"),
        ("mask", "bool", "L, L"),
        ("input_ids", "int64", "B, L"),
    ]


def test_a_parameter_with_a_default_begins_as_that_value():
    given = program_of("def f(x, causal=True, mask=None):\n    return x\n").inputs
    assert [(one.text, one.dtype) for one in given[1:]] == [("True", VALUE), ("None", VALUE)]


def test_a_class_of_modules_takes_sizes_to_be_built_and_tensors_to_be_called():
    program = program_of(example_text("attention"))
    assert (program.target, program.is_class) == ("CausalAttention", True)
    assert [(one.name, one.text, one.is_built_with) for one in program.inputs] == [
        ("d_model", "D", True),
        ("heads", "H", True),
        ("x", "B, L, D", False),
    ]
    assert program.used_sizes == {"D": 32, "H": 4, "B": 2, "L": 6}


def test_the_last_class_of_modules_is_called_and_else_the_last_function():
    text = "class A:\n    def forward(self, x): ...\n\nclass B:\n    def forward(self, x): ...\n\ndef helper(x): ...\n"
    assert program_of(text).target == "B"
    assert program_of("def first(x): ...\n\ndef last(x): ...\n\ndef _private(x): ...\n").target == "last"
    assert program_of("x = 1\n") == UserProgram("x = 1\n")


def test_what_is_no_module_and_no_function_cannot_be_called():
    assert [one.name for one in callables_of("class Plain:\n    pass\n\ny = 3\n\ndef f(): ...\n")] == ["f"]


def test_inputs_of_random_numbers_have_seeds_of_their_own():
    assert [one.seed for one in program_of("def f(query, key, value): ...\n").inputs] == [0, 1, 2]


def test_what_a_person_set_stays_while_the_text_changes():
    program = program_of("def f(x, y):\n    return x\n")
    program = with_size(with_input(program, 0, Input("x", "B, 7", "float64")), "B", 9)
    after = with_text(program, "def f(x, z):\n    return x @ z\n")
    assert after.inputs[0] == Input("x", "B, 7", "float64")
    assert [one.name for one in after.inputs] == ["x", "z"]
    assert after.used_sizes["B"] == 9


def test_an_input_that_nobody_touched_follows_the_text():
    program = program_of("def f(x):\n    return x\n")
    assert with_text(program, "def f(x):  # (H, d_k)\n    return x\n").inputs[0].text == "H, d_k"


def test_a_symbol_that_is_written_first_gets_a_usual_length():
    program = with_input(program_of("def f(x): ...\n"), 0, Input("x", "B, heads, q", "float32"))
    assert program.used_sizes == {"B": 2, "heads": 4, "q": 4}


def test_another_target_brings_its_own_inputs():
    program = program_of("def f(a): ...\n\ndef g(b): ...\n")
    assert [one.name for one in with_target(program, "f").inputs] == ["a"]
    assert with_target(program, "nothing") == program


def test_every_example_can_be_called():
    for name in EXAMPLES:
        program = program_of(example_text(name))
        assert program.target, name
        assert all(one.text for one in program.inputs), name


@pytest.mark.parametrize("text", ["def f(:\n", "x = '\0'\n", "(" * 500])
def test_a_text_that_is_no_python_is_a_syntax_error(text):
    with pytest.raises(SyntaxError):
        callables_of(text)


def test_an_added_input_has_a_name_of_its_own_stays_with_another_text_and_can_be_removed():
    program = with_added_input(program_of("def f(x):\n    return x * y\n"))
    assert [(given.name, given.is_added) for given in program.inputs] == [("x", False), ("y", True)]
    other = with_text(program, "z = y + 1\n")
    assert [given.name for given in other.inputs] == ["y"]
    assert other.used_sizes == program.used_sizes
    assert without_input(other, 0).inputs == ()
    assert without_input(program, 0) == program  # what the function takes stays


def test_an_added_input_is_never_called_as_something_in_the_text():
    program = with_added_input(program_of("x = 1\ny = 2\n"))
    assert [given.name for given in program.inputs] == ["z"]
