"""Code from exec, eval and compile has its text, and what the program computes with them stays as it is."""

import ast
import builtins
import threading

import pytest
import torch

from engine import record, recording
from engine.record.source_text import text_of

CELL = "def attend(x):\n    scores = x @ x.mT  # (B, L, L_k)\n    return scores + 1\n"
PYTHONS_OWN = (builtins.exec, builtins.eval, builtins.compile)


@pytest.fixture(autouse=True)
def nothing_is_left():
    yield
    assert (builtins.exec, builtins.eval, builtins.compile) == PYTHONS_OWN


def test_functions_made_by_exec_inside_a_recording_have_their_text():
    def program(x, factor):
        namespace = {}
        exec(f"def scale(x):\n    scaled = x * {factor}  # (B, L)\n    return scaled.relu()", namespace)
        shift = eval(f"  lambda y: y + {factor}")
        return shift(namespace["scale"](x))

    trace = record(program, torch.rand(2, 3), 4)
    scaled, _, shifted = trace.steps
    assert (scaled.name, scaled.axes, scaled.source.expression) == ("scaled", ("B", "L"), "x * 4")
    assert scaled.source.code[0] == "def scale(x):"
    assert shifted.source.expression == "y + 4"
    assert torch.equal(trace.output, (torch.rand(2, 3) * 0 + trace.inputs["x"]) * 4 + 4)


def test_statements_and_expressions_are_named_after_their_own_text():
    def program(x):
        doubled = None
        exec("halved = x / 2\ntripled = halved * 6")
        return eval("x - 1"), doubled

    trace = record(program, torch.rand(2))
    assert [(step.name, step.source.expression) for step in trace.steps] == [
        ("halved", "x / 2"), ("tripled", "halved * 6"), ("sub", "x - 1"),
    ]  # fmt: skip


def test_two_texts_of_one_name_are_told_apart():
    def program(x):
        for sign in "+-*":
            exec(f"y = x {sign} 2", {"x": x})

    assert [step.source.expression for step in record(program, torch.rand(2)).steps] == ["x + 2", "x - 2", "x * 2"]


def test_compile_notes_the_text_under_its_own_name():
    def program(x):
        code = compile("y = x * 2", "<cell>", "exec")
        exec(code, {"x": x})
        return x

    (step,) = record(program, torch.rand(2)).steps
    assert (step.name, step.source.file) == ("y", "<cell>")


def test_code_that_was_executed_before_has_its_text_where_its_string_is_still_there():
    namespace = {}
    exec(CELL, namespace)
    trace = record(namespace["attend"], torch.rand(2, 3, 4))
    assert trace.notes == ()
    assert trace.find("scores").axes == ("B", "L", "L_k")
    exec("def halve(x):\n    half = x / 2\n    return half", namespace)  # the string is a constant of this function
    assert record(namespace["halve"], torch.rand(2)).steps[0].name == "half"


def test_exec_sees_and_changes_the_variables_that_it_does_unrecorded():
    def program(x):
        local = 3
        seen = eval("local")
        namespace, own = {"a": 1}, {}
        exec("b = a + 1", namespace, own)
        exec("global_name = 5", namespace)
        result = (seen, own, namespace["global_name"], eval("a", namespace), eval("x", None, {"x": local}))
        return result, sorted(name for name in locals() if len(name) > 3), eval(b"local + 1"), eval("__name__")

    plain = program(1)
    assert record(program, 1).output == plain
    assert plain[0] == (3, {"b": 2}, 5, 1, 3)


def test_errors_of_the_executed_text_are_pythons_own():
    for text, kind in (("1 +", SyntaxError), ("unknown_name", NameError), ("[][1]", IndexError)):
        with pytest.raises(kind) as plain:
            eval(text)
        with pytest.raises(kind) as recorded:
            record(lambda: eval(text))  # noqa: B023
        assert (type(recorded.value), str(recorded.value)) == (type(plain.value), str(plain.value))


def test_futures_of_this_file_are_those_of_its_exec():
    def program():
        exec("def f(x: undefined_name): ...")

    with pytest.raises(NameError):
        program()
    with pytest.raises(NameError):
        record(program)


def test_recordings_that_overlap_leave_nothing():
    def inner(x):
        with recording() as rec:
            eval("x + 1")
        assert builtins.exec is not PYTHONS_OWN[0]
        return rec.trace.steps[0].source.expression, eval("x * 2")

    trace = record(inner, torch.rand(2))
    assert trace.output[0] == "x + 1"
    with pytest.raises(ZeroDivisionError), recording():
        eval("1 / 0")


def test_other_threads_run_what_they_run():
    results = []

    def program(x):
        thread = threading.Thread(target=lambda: results.append(eval("6 * 7")))
        thread.start()
        thread.join()
        return x + 1

    record(program, torch.rand(2))
    assert results == [42]


def test_code_has_the_future_imports_of_the_file_that_executes_it():
    cell = (
        "from __future__ import annotations\n"
        "def program(x):\n"
        "    exec('def double(y: NotDefined): return y * 2', names := {})\n"
        "    return names['double'](x), names['double'].__annotations__\n"
    )
    names = {"__name__": "cell"}
    exec(compile(cell, "<cell with a future import>", "exec"), names)
    assert record(names["program"], torch.ones(2)).output[1] == {"y": "NotDefined"}


def test_what_another_thread_executes_is_not_noted():
    codes = []

    def elsewhere():
        exec("made_in_another_thread = 1 + len('')", {})
        codes.append(compile("made_in_another_thread = 1 + len('')", "<string>", "exec", dont_inherit=True))

    def program(x):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        return x + 1

    record(program, torch.ones(2))
    assert text_of(codes[0]) is None


def test_a_text_that_is_only_parsed_is_not_noted():
    def program(x):
        ast.parse("only_parsed = 1", "<only parsed>")
        return x + 1

    record(program, torch.ones(2))
    assert text_of(compile("only_parsed = 1", "<only parsed>", "exec")) is None
