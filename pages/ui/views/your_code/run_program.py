"""Runs somebody's program in its own process, and keeps its trace for every page."""

from __future__ import annotations

import ast
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from engine.sandbox.code_request import CodeInput, CodeRequest, CodeRequestError
from engine.sandbox.run_code import run_code
from pages.ui.traces.opened import OPENED, NotOpenError
from pages.ui.views.your_code.program import (
    VALUE,
    Input,
    InputError,
    UserProgram,
    added_lines,
    arguments,
    shape_of,
    target_call,
)
from pages.ui.views.your_code.signature import callables_of

FILE = "your_code.trace"
_STEPS_ONE = "{count:,} step in {seconds:.2g} s"
_STEPS_MANY = "{count:,} steps in {seconds:.2g} s"
# What calls a program with values that are neither tensors nor sizes; it stands after its text.
_INSTANCE, _CALL = "your_module", "your_call"
_MODULE_LINE = "\n\n{name} = {call}\n"
_CALL_LINES = "\n\ndef {name}({parameters}):\n    return {target}({arguments})\n"


@dataclass(frozen=True)
class Outcome:
    """What a run of a program led to.

    Attributes:
        program: what ran.
        name: of its trace in the address; "" where it left none.
        sentence: how it ended where that is no normal end; "" otherwise.
        line: of the text, where that is known.
        status: how many steps ran in how many seconds; "" where none did.
        output: what it printed.
        output_left_out: bytes of that which were not kept.
    """

    program: UserProgram
    name: str = ""
    sentence: str = ""
    line: int | None = None
    status: str = ""
    output: str = ""
    output_left_out: int = 0


def run_program(program: UserProgram) -> Outcome:
    """Runs a program, for at most the seconds that code may take.

    Args:
        program: what to run, on behalf of somebody who sits at this computer.

    Returns:
        How it ended, with its trace among those that are open where it left one.
    """
    try:
        request = request_of(program)
    except (InputError, CodeRequestError) as error:
        return Outcome(program, sentence=str(error))
    # Opened, a trace needs its file no more by name.
    with tempfile.TemporaryDirectory(prefix="tensor-shape-explorer-", ignore_cleanup_errors=True) as folder:
        run = run_code(request, Path(folder) / FILE)
        ending = run.ending
        outcome = Outcome(program, line=ending.line, output=run.output, output_left_out=run.output_left_out)
        sentence = "" if ending.kind == "finished" else ending.sentence
        if run.trace_path is None:
            return replace(outcome, sentence=sentence)
        try:
            with run.trace_path.open("rb") as file:
                name = OPENED.add(FILE, file, made_from=program)
            steps = len(OPENED.get(name).trace.steps)
        except (NotOpenError, OSError) as error:
            return replace(outcome, sentence=sentence or str(error))
    template = _STEPS_ONE if steps == 1 else _STEPS_MANY
    return replace(outcome, name=name, sentence=sentence, status=template.format(count=steps, seconds=run.seconds))


def request_of(program: UserProgram) -> CodeRequest:
    """What the process is asked to run.

    Raises:
        InputError, CodeRequestError: an input cannot be made.
    """
    (
        target_call(program),
        arguments(program),
        added_lines(program),
    )  # a shape or value that cannot be read is refused in this table's words
    sizes = dict(program.sizes)
    tensors = [_tensor(given, sizes) for given in program.inputs if given.dtype != VALUE]
    numbers = {given.name: number for given in program.inputs if (number := _whole_number(given, sizes)) is not None}
    text, target = program.text, program.target
    if target and not _called_by_names(program, numbers):
        text, target = _with_a_call(program)
        numbers = {}
    return CodeRequest(text, inputs=tuple(tensors), symbols={**sizes, **numbers}, target=target)


def _called_by_names(program: UserProgram, numbers: dict[str, int]) -> bool:
    """Whether every value is a whole number, which the process gives to the parameter of its name, or the default."""
    try:
        options = callables_of(program.text)
    except SyntaxError:
        return True  # the process says where
    if any(given.is_positional for given in program.inputs):
        return False
    clashing = any(dict(program.sizes).get(name, number) != number for name, number in numbers.items())
    usual = {
        (code_input.name, code_input.text)
        for option in options
        if option.name == program.target
        for code_input in option.inputs
    }
    values = [given for given in program.inputs if given.dtype == VALUE and given.name not in numbers]
    return not clashing and all((given.name, given.text) in usual for given in values)


def _with_a_call(program: UserProgram) -> tuple[str, str]:
    """The text with a call of its own after it, which the values stand in, and the name of what is then called."""
    text, target = program.text.rstrip(), program.target
    if program.is_class:
        text += _MODULE_LINE.format(name=_INSTANCE, call=target_call(program))
        target = _INSTANCE
    called = [given for given in program.inputs if not given.is_built_with and not given.is_added]
    if all(given.dtype != VALUE for given in called):
        return text, target
    tensors = [given.name for given in called if given.dtype != VALUE]
    pairs = zip(called, arguments(program), strict=True)
    words = [word if given.dtype == VALUE else _handed_on(given) for given, word in pairs]
    lines = _CALL_LINES.format(name=_CALL, parameters=", ".join(tensors), target=target, arguments=", ".join(words))
    return text + lines, _CALL


def _handed_on(given: Input) -> str:
    return given.name if given.is_positional else f"{given.name}={given.name}"


def _tensor(given: Input, sizes: dict[str, int]) -> CodeInput:
    parts = [part.strip() for part in given.text.strip().strip("()[]").split(",") if part.strip()]
    shape = shape_of(given, sizes)
    # A symbol alone names its axis; anything else is only a number.
    axes = tuple(part if part in sizes else size for part, size in zip(parts, shape, strict=True))
    return CodeInput(given.name, axes, given.dtype, given.fill, given.seed)


def _whole_number(given: Input, sizes: dict[str, int]) -> int | None:
    """The whole number that a plain value stands for; None for any other value and for tensors."""
    if given.dtype != VALUE:
        return None
    if given.text.strip() in sizes:
        return sizes[given.text.strip()]
    try:
        number = ast.literal_eval(given.text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return number if type(number) is int and number >= 0 else None
