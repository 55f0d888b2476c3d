"""Where a step stands in the program: expression, names, comment, span."""

import linecache
from pathlib import Path

import torch

from engine import Config, record, run

X = torch.arange(12.0).view(3, 4)


def text_at(source):
    """What stands at the step's span, read from the file itself."""
    first, begin, last, end = source.span
    lines = Path(source.file).read_text(encoding="utf-8").splitlines(keepends=True)[first - 1 : last]
    lines[-1] = lines[-1][:end]
    return "".join(lines)[begin:]


def located(program, *given):
    return {step.source.expression: step.source for step in record(program, *(given or (X,))).steps}


def test_every_step_of_a_run_stands_where_its_span_says():
    for step in run(Config(norm_first=True)).steps:
        assert text_at(step.source) == step.source.expression
        assert step.source.line == step.source.span[0]
        assert Path(step.source.file).parent.name == "model"
        assert step.source.code[0].lstrip().startswith("def ")
        assert any(step.source.expression.splitlines()[0] in line for line in step.source.code)


def test_expressions_are_exact_also_inside_others():
    def program(x):
        y = (x + 1) * torch.relu(x - 2)
        return y

    found = located(program)
    assert list(found) == ["x + 1", "x - 2", "torch.relu(x - 2)", "(x + 1) * torch.relu(x - 2)"]
    assert [source.targets for source in found.values()] == [(), (), (), ("y",)]
    assert all(text_at(source) == expression for expression, source in found.items())


def test_a_chain_over_several_lines_is_widened_to_where_it_begins():
    # fmt: off
    def program(x):
        y = (
            x.view(-1)
            .view(2, 6)
            .transpose(0, 1)
        )  # (A, B)
        return y
    # fmt: on

    found = [step.source for step in record(program, X).steps]
    assert [source.expression.split()[-1] for source in found] == ["x.view(-1)", "6)", "1)"]
    assert all(source.expression.startswith("x.view(-1)") for source in found)
    assert all(text_at(source) == source.expression for source in found)
    assert found[-1].comment_axes == ("A", "B")
    assert found[-1].targets == ("y",)


def test_names_come_from_every_kind_of_assignment():
    class Holder:
        kept = None

    def program(x):
        holder, table, items = Holder(), {}, [0]
        plain = x * 1
        annotated: torch.Tensor = x * 2
        one, two = x * 3, x * 4
        (three, (four, five)) = x * 5, (x * 6, x * 7)
        left, right = x.chunk(2)
        chained = same = x * 8
        holder.kept = x * 9
        table["key"] = x * 10
        items[0] = x * 11
        either = x * 12 if x.dim() == 2 else x * 13
        both = (walrus := x * 14) + 1
        first, *rest = x.unbind()
        augmented = x * 15
        augmented += 1
        anonymous = [x * 16]
        한국어 = x * 17  # noqa: N806
        return locals()

    names = [step.name for step in record(program, X).steps]
    assert names == [
        "plain", "annotated", "one", "two", "three", "four", "five", "left", "right", "chained", "kept", "table",
        "items", "either", "walrus", "both", "unbind[0]", "unbind[1]", "unbind[2]", "augmented", "augmented", "mul",
        "한국어",
    ]  # fmt: skip


def test_what_a_comprehension_goes_through_does_not_take_its_name():
    def program(x):
        rows = [row * 2 for row in x]
        return rows

    assert [step.name for step in record(program, X).steps] == ["unbind[0]", "unbind[1]", "unbind[2]", *["mul"] * 3]


def test_columns_are_counted_in_characters_behind_other_scripts():
    def program(x):
        y = ("한국어", x * 2)[1]
        z = len("한국어") + y  # (B, S)
        return z

    first, second = record(program, X).steps
    assert text_at(first.source) == first.source.expression == "x * 2"
    assert text_at(second.source) == second.source.expression == 'len("한국어") + y'
    assert first.source.span[1] == len('        y = ("한국어", ')
    assert second.axes == ("B", "S")


def test_the_step_knows_the_function_it_ran_in():
    def helper(x):
        inside = x * 2
        return inside

    def program(x):
        return helper(x) + 1

    inside, outside = (step.source for step in record(program, X).steps)
    assert (inside.function, outside.function) == ("helper", "program")
    assert inside.code == ("    def helper(x):", "        inside = x * 2", "        return inside")


def test_code_that_has_no_file_has_a_line_and_nothing_more():
    scope = {}
    exec("\n".join(("def program(x):", "    y = x * 2  # (B, S)", "    return y")), scope)
    (step,) = record(scope["program"], X).steps
    assert (step.source.line, step.source.expression, step.source.targets, step.source.span) == (2, "", (), None)
    assert step.source.code == ()
    assert step.name == "mul"
    assert step.axes == (None, None)


def test_code_whose_file_is_no_longer_python_is_recorded_all_the_same(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("def program(x):\n    y = x * 2\n    return y\n")
    scope = {}
    exec(compile(path.read_text(), str(path), "exec"), scope)
    path.write_text("this is ( no program\n")
    linecache.checkcache(str(path))
    (step,) = record(scope["program"], X).steps
    assert (step.name, step.source.line) == ("mul", 2)


def test_a_cell_of_a_notebook_has_source_by_way_of_linecache():
    text = "def program(x):\n    scores = x * 2  # (B, S)\n    return scores\n"
    name = "<cell 1>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    scope = {}
    exec(compile(text, name, "exec"), scope)
    (step,) = record(scope["program"], X).steps
    assert (step.name, step.axes, step.source.expression) == ("scores", ("B", "S"), "x * 2")
