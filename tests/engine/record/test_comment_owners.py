"""Whose a comment is, in the layouts that people write."""

import linecache

import pytest
import torch

from engine import record

X = torch.arange(12.0).view(3, 4)


def recorded(body, x=X):
    """The steps of a program of these lines, which reads x."""
    lines = ["def program(x):\n", *(f"    {line}\n" for line in body.strip("\n").split("\n"))]
    name = f"<{hash(body)}>"
    linecache.cache[name] = (1, None, lines, name)
    scope = {"torch": torch, "F": torch.nn.functional}
    exec(compile("".join(lines), name, "exec"), scope)
    return record(scope["program"], x).steps


LAYOUTS = {
    "one call": ("y = x * 2  # (A, B)", ["A B"]),
    "a returned call": ("return x * 2  # (A, B)", ["A B"]),
    "a call whose result nobody keeps": ("x.add_(1)  # (A, B)", ["A B"]),
    "a call inside another": ("y = torch.relu(x - 2)  # (A, B)", ["", "A B"]),
    "two calls side by side": ("y = (x + 1) * torch.relu(x)  # (A, B)", ["", "", "A B"]),
    "two calls one after the other": ("y = x.mul(2).t()  # (B, A)", ["", "B A"]),
    "two values on one line": ("y, z = x * 2, x * 3  # (A, B)", ["A B", "A B"]),
    "two statements on one line": ("y = x * 2; z = x * 3  # (A, B)", ["", "A B"]),
    "a choice": ("y = x if x is None else x.mul(2)  # (A, B)", ["A B"]),
    "a choice over several lines": ("y = (\n    x\n    if x is None\n    else x.mul(2)\n)  # (A, B)", ["A B"]),
    "a chain with a comment a line": (
        "y = (\n    x.view(-1)  # (N)\n    .view(2, 6)  # (A, B)\n    .transpose(0, 1)  # (B, A)\n)",
        ["N", "A B", "B A"],
    ),
    "a chain whose bracket has the comment": (
        "y = (\n    x.view(-1)\n    .view(2, 6)\n    .transpose(0, 1)\n)  # (A, B)",
        ["", "", "A B"],
    ),
    "a chain whose last call has none": ("y = (\n    x.view(3, 4)  # (A, B)\n    .mul(2)\n)", ["A B", ""]),
    "a chain behind backslashes": ("y = x.mul(2) \\\n    .t()  # (B, A)", ["", "B A"]),
    "a chain that begins on its own line": ("y = (x.mul(2)  # (A, B)\n     .t())  # (B, A)", ["A B", "B A"]),
    "a chain that begins on its own line and ends without one": ("y = (x.mul(2)  # (A, B)\n     .t())", ["A B", ""]),
    "two values on two lines": ("y, z = (x * 2,\n        x * 3)  # (A, B)", ["", "A B"]),
    "the line that a long call begins on": ("y = torch.add(  # (A, B)\n    x,\n    x,\n)", ["A B"]),
    "the bracket of a long call": ("y = torch.add(\n    x.mul(2),\n    x,\n)  # (A, B)", ["", "A B"]),
    "the parts of a long call": (
        "y = torch.cat(\n    [\n        x.mul(2),  # (A, B)\n        x.t().t(),  # (C, D)\n    ],\n)  # (E, F)",
        ["A B", "", "C D", "E F"],
    ),
    "an opening between two calls": ("y = x.mul(2).transpose(  # no shape\n    0, 1\n)  # (B, A)", ["", "B A"]),
    "an operator at the end of a line": ("y = (x.mul(2) +  # (A, B)\n     x.mul(3))  # (C, D)", ["A B", "", "C D"]),
    "a comment above": ("# (A, B)\ny = x * 2\nz = x * 3", ["A B", ""]),
    "a comment above and one beside": ("# (A, B)\ny = x * 2  # (C, D)", ["C D"]),
    "a sentence above": ("# here (A, B) is doubled\ny = x * 2", [""]),
    "a comment between two statements": ("y = x * 2  # (A, B)\n# (C, D)\nz = x * 3  # (E, F)", ["A B", "E F"]),
    "a comment alone inside a chain": ("y = (\n    x.mul(2)\n    # (A, B)\n    .mul(3)\n)", ["", ""]),
    "an augmented assignment": ("y = x * 1\ny += x * 2  # (A, B)", ["", "", "A B"]),
    "an annotated assignment": ("y: torch.Tensor = x * 2  # (A, B)", ["A B"]),
    "an element written to": ("y = x * 1\ny[0] = 7.0  # (A, B)", ["", "A B"]),
    "an attribute that is a tensor": ("y = x.mul(2).T  # (B, A)", ["", "B A"]),
    "an index": ("y = x.mul(2)[:, 0]  # (A)", ["", "A"]),
    "a comparison": ("y = x.mul(2) == 4  # (A, B)", ["", "A B"]),
    "a sign": ("y = -x.mul(2)  # (A, B)", ["", "A B"]),
    "a walrus": ("y = (z := x * 2) + 1  # (A, B)", ["", "A B"]),
    "a loop": ("for row in x.mul(2).unbind():  # (B)\n    y = row * 2", ["", *["B"] * 3, *[""] * 3]),
    "other scripts": ('y = ("한국어", x * 2)[1]; z = x * 3  # (A, B) 모양', ["", "A B"]),
    "a hash in a text": ('y = {"# (C, D)": x * 2}["# (C, D)"]\nz = x * 3  # (A, B)', ["", "A B"]),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_step_has_the_comment_of_its_own_expression(layout):
    body, expected = LAYOUTS[layout]
    steps = recorded(body)
    assert [" ".join(step.source.comment_axes or ()) for step in steps] == expected


def test_the_axes_of_every_call_of_a_chain_are_those_of_its_own_line():
    steps = recorded(LAYOUTS["a chain with a comment a line"][0])
    assert [step.axes for step in steps] == [("N",), ("A", "B"), ("B", "A")]


def test_a_comment_of_another_rank_than_its_expression_names_nothing():
    first, second = recorded("y = x.sum(0)  # (A, B)\nz = y * 2  # (B)")
    assert (first.axes, second.axes) == ((None,), ("B",))
