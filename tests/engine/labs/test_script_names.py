"""What a statement of a script reads and changes, on statements whose names can be told by eye."""

from __future__ import annotations

import ast

import pytest

from engine.labs.script_names import Names, names_of

IMPORTS = "import torch\nfrom torch import nn\n"


def of_the_last(program: str) -> Names:
    return list(names_of(ast.parse(IMPORTS + program).body))[-1]


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


@pytest.mark.parametrize(
    ("statement", "read", "changed", "replaced"),
    [
        ("x = torch.rand(n)", "torch n", "x", "x"),
        ("q, k = x.chunk(2)", "x", "q k", "q k"),
        ("x += y", "x y", "x", ""),
        ("x[0] = y", "x y", "x", ""),
        ("layer.bias.data = y", "layer y", "layer", ""),
        ("rows.append(y)", "rows y", "rows", ""),
        ("w.weight.copy_(y)", "w y", "w y", ""),
        ("nn.init.normal_(w.weight, std=s)", "nn w s", "w", ""),
        ("torch.manual_seed(seed)", "torch seed", "torch", ""),
        ("print(x)", "print x", "", ""),
        ("y = [v * w for v in x]", "x w", "y", "y"),
        ("y = torch.rand(2, generator=draw)", "torch draw", "y draw", "y"),
        ("from math import pi", "", "pi", ""),
        ("def f(a, *b, c=d):\n    e = a + b\n    return e + g", "d g", "f", "f"),
        ("with torch.no_grad():\n    y = x\n    z = y", "torch x", "y z", "y z"),
        ("for t in range(n):\n    row = x[t]\n    rows.append(row)", "range n x rows", "t row rows", ""),
        ("for t in range(n):\n    x = x + t", "range n x", "t x", ""),
        ("for layer in (a, b.c):\n    nn.init.zeros_(layer.bias)", "a b nn", "a b layer", ""),
        ("for layer in net.layers:\n    own = layer.bias\n    own.zero_()", "net", "layer own net", ""),
        ("if k:\n    y = 1\nelse:\n    y = x", "k x", "y", ""),
    ],
)
def test_a_statement_simple_or_with_others_in_it(statement, read, changed, replaced):
    assert of_the_last(statement) == Names(words(read), words(changed), words(replaced))


def test_who_calls_a_function_that_draws_changes_the_generator():
    program = "def drawn(n):\n    return torch.rand(n, generator=draw)\n\n\ndef twice():\n    return 2 * drawn(1)\n\n\n"
    assert of_the_last(f"{program}y = drawn(3)").changed == {"y", "draw"}
    assert of_the_last(f"{program}y = twice()").changed == {"y", "draw"}
