"""Filling a lab's sizes into its script."""

from __future__ import annotations

import ast
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.labs.script_text import Expression, fill_in, replace_statements, without_comments

PROGRAM = """\
# A program.
import torch
from torch import Tensor, nn

H = 4  # heads
sizes = (
    1,  # é
    2,
)  # of everything
name = "é"  # a letter


def double(x):
    H = 2
    return x * H


result = double(H)
"""
VALUES = st.one_of(
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.booleans(),
    st.none(),
    st.lists(st.integers()),
    st.tuples(st.integers(), st.integers()),
)


@pytest.fixture(scope="session")
def script(tmp_path_factory):
    path = tmp_path_factory.mktemp("labs") / "script.py"
    path.write_text(PROGRAM, encoding="utf-8")
    return path


def executed(text: str) -> dict[str, object]:
    names: dict[str, object] = {}
    exec(compile(text, "<filled>", "exec"), names)
    return names


@given(value=VALUES)
def test_a_constant_has_the_value_it_is_given_when_the_script_runs(script, value):
    assert executed(fill_in(script, sizes=value))["sizes"] == value


def test_only_the_constants_change_and_their_comments_stay(script):
    text = fill_in(script, H=8, sizes=[3])
    assert "\nH = 8  # heads\nsizes = [3]  # of everything\nname" in text
    assert text.replace("H = 8  #", "H = 4  #").partition("sizes")[0] == PROGRAM.partition("sizes")[0]
    assert text.partition("name")[2] == PROGRAM.partition("name")[2]
    assert executed(text)["result"] == 16


def test_a_script_without_new_values_is_the_file(script):
    assert fill_in(script) == PROGRAM


def test_an_expression_goes_in_as_it_is_written_and_infinity_as_python_reads_it(script):
    assert "H = 2 * 3  # heads" in fill_in(script, H=Expression("2 * 3"))
    assert 'H = float("-inf")  # heads' in fill_in(script, H=-math.inf)
    assert 'name = "b"  # a letter\n' in fill_in(script, name="b")


@pytest.mark.parametrize("name", ["heads", "x", "double_", "nn.Linear"])
def test_a_name_that_the_script_does_not_set_is_refused(script, name):
    with pytest.raises(ValueError, match=f"{name} is bound 0 times"):
        fill_in(script, **{name: 1})


def test_a_name_that_is_set_twice_is_refused():
    with pytest.raises(ValueError, match="n is bound 2 times"):
        replace_statements("n = 1\nn = 2\n", {"n": "n = 3"})


def test_imports_and_definitions_are_replaced_by_the_names_they_bind():
    text = replace_statements(PROGRAM, {"Tensor": "# both", "nn": "", "double": "double = abs"})
    assert "import torch\n# both\n\nH = 4" in text
    assert "\ndouble = abs\n\n\nresult" in text


def test_a_program_without_its_comments_is_the_same_program():
    plain = without_comments(PROGRAM)
    assert "# " not in plain
    assert "A program." not in plain
    assert ast.dump(ast.parse(plain)) == ast.dump(ast.parse(PROGRAM))


def test_a_hash_in_a_text_is_no_comment():
    assert without_comments('name = "#1"  # the first\n# gone\n\nx = 2\n') == 'name = "#1"\n\nx = 2\n'
