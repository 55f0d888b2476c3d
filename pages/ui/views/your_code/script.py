"""The program as a script that runs alone, and as a text in an address."""

from __future__ import annotations

import ast
import base64
import binascii
import json
import zlib
from dataclasses import asdict
from typing import Any

from pages.ui.views.your_code.program import (
    DTYPES,
    FILLS,
    VALUE,
    Input,
    UserProgram,
    added_lines,
    arguments,
    target_call,
)

MOST_IN_ADDRESS = 12_000  # characters; some mail programs and proxies cut longer addresses
_MOST_TEXT = 200_000  # a short address can unpack to any amount of text
_MOST_INPUTS = 40
_TAIL = """

if __name__ == "__main__":
    {imports}torch.manual_seed(0)
    {target} = {call}
    output = {target}({arguments})
    print(getattr(output, "shape", output))
"""

_RECORDED_TAIL = """

import torch

from engine import record

torch.manual_seed(0)
{target} = {call}
trace = record({target}{arguments})
"""


def script_of(program: UserProgram) -> str:
    """The program with the lines that make its inputs and call it.

    Raises:
        InputError: an input cannot be made.
    """
    text = _with_added_lines(program.text.rstrip(), added_lines(program))
    if not program.target:
        return f"{text}\n"
    lines = "".join(f"\n        {argument}," for argument in arguments(program))
    imports = "" if "\nimport torch\n" in f"\n{text}\n" else "import torch\n\n    "
    tail = _TAIL.format(
        imports=imports,
        target=_free_name(program),
        call=target_call(program),
        arguments=f"{lines}\n    " if lines else "",
    )
    return f"{text}\n{tail}"


def recording_script_of(program: UserProgram) -> str:
    """The program with the lines that record what it computes, as ``trace``; "" where it names nothing to call.

    Raises:
        InputError: an input cannot be made.
    """
    if not program.target:
        return ""
    text = _with_added_lines(program.text.rstrip(), added_lines(program))
    tail = _RECORDED_TAIL.format(
        target=_free_name(program),
        call=target_call(program),
        arguments="".join(f", {argument}" for argument in arguments(program)),
    )
    return f"{text}\n{tail}"


def _with_added_lines(text: str, lines: tuple[str, ...]) -> str:
    """The text with lines that make tensors before it; what it imports from the future stays first."""
    if not lines:
        return text
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError):
        body = []
    first = [node for node in body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    docstring = body[:1] if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) else []
    after = max((node.end_lineno or 0 for node in (*first, *docstring)), default=0)
    rows = text.splitlines()
    return "\n".join([*rows[:after], "import torch", "", *lines, "", *rows[after:]])


def _free_name(program: UserProgram) -> str:
    return "module" if program.is_class else "function"


def to_address(program: UserProgram) -> str:
    """The program as a value of an address; "" where it is too long for one."""
    content = json.dumps([1, *asdict(program).values()], separators=(",", ":"), ensure_ascii=False)
    packed = base64.urlsafe_b64encode(zlib.compress(content.encode(), 9)).decode().rstrip("=")
    return packed if len(packed) <= MOST_IN_ADDRESS else ""


def from_address(value: str) -> UserProgram | None:
    """The program that a value of an address stands for; None where it stands for none."""
    try:
        packed = base64.urlsafe_b64decode(value[:MOST_IN_ADDRESS] + "=" * (-len(value) % 4))
        # A longer text ends in the middle, and is no JSON then.
        content = zlib.decompressobj().decompress(packed, _MOST_TEXT)
        version, text, target, is_class, inputs, sizes = json.loads(content)
        if version != 1 or len(inputs) > _MOST_INPUTS:
            return None
        return UserProgram(
            _string(text),
            _string(target),
            is_class is True,
            tuple(_input(given) for given in inputs),
            tuple((_string(name), _whole(size)) for name, size in sizes),
        )
    except (binascii.Error, zlib.error, ValueError, TypeError, KeyError, RecursionError):
        return None


def _input(given: dict[str, Any]) -> Input:
    dtype, fill = given["dtype"], given["fill"]
    if dtype not in (*DTYPES, VALUE) or fill not in FILLS:
        raise ValueError
    flags = {name: given.get(name) is True for name in ("is_built_with", "is_positional", "is_added")}
    return Input(_string(given["name"]), _string(given["text"]), dtype, fill, _whole(given["seed"]), **flags)


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**31:
        raise ValueError
    return value
